package policy

import "strings"

// test is what an operator compares, without its negation.
type test uint8

const (
	testUnknown test = iota // not an operator
	testString
	testStringFold
	testStringLike
	testNumber
	testDate
	testBool
	testBinary
	testIP
	testARN
	testNull
)

// order is which results of a comparison a number or date operator takes.
type order uint8

const (
	less order = 1 << iota
	equal
	greater
)

// accepts says whether a comparison's result, as cmp.Compare gives it, is one
// of those in o.
func (o order) accepts(c int) bool {
	switch {
	case c < 0:
		return o&less != 0
	case c > 0:
		return o&greater != 0
	}
	return o&equal != 0
}

// quantifier is the set prefix of an operator.
type quantifier uint8

const (
	one quantifier = iota
	forAll
	forAny
)

// operator is a condition operator in its parts.
type operator struct {
	test     test
	negated  bool
	order    order
	ifExists bool
	set      quantifier
}

// operators are AWS's, without prefix and suffix.
var operators = map[string]operator{
	"StringEquals":              {test: testString},
	"StringNotEquals":           {test: testString, negated: true},
	"StringEqualsIgnoreCase":    {test: testStringFold},
	"StringNotEqualsIgnoreCase": {test: testStringFold, negated: true},
	"StringLike":                {test: testStringLike},
	"StringNotLike":             {test: testStringLike, negated: true},
	"NumericEquals":             {test: testNumber, order: equal},
	"NumericNotEquals":          {test: testNumber, order: equal, negated: true},
	"NumericLessThan":           {test: testNumber, order: less},
	"NumericLessThanEquals":     {test: testNumber, order: less | equal},
	"NumericGreaterThan":        {test: testNumber, order: greater},
	"NumericGreaterThanEquals":  {test: testNumber, order: greater | equal},
	"DateEquals":                {test: testDate, order: equal},
	"DateNotEquals":             {test: testDate, order: equal, negated: true},
	"DateLessThan":              {test: testDate, order: less},
	"DateLessThanEquals":        {test: testDate, order: less | equal},
	"DateGreaterThan":           {test: testDate, order: greater},
	"DateGreaterThanEquals":     {test: testDate, order: greater | equal},
	"Bool":                      {test: testBool},
	"BinaryEquals":              {test: testBinary},
	"IpAddress":                 {test: testIP},
	"NotIpAddress":              {test: testIP, negated: true},
	"ArnEquals":                 {test: testARN},
	"ArnLike":                   {test: testARN},
	"ArnNotEquals":              {test: testARN, negated: true},
	"ArnNotLike":                {test: testARN, negated: true},
	"Null":                      {test: testNull},
}

const (
	prefixAll      = "ForAllValues:"
	prefixAny      = "ForAnyValue:"
	suffixIfExists = "IfExists"
)

// parseOperator reads an operator in its exact spelling, as AWS demands when a
// policy is saved.
func parseOperator(name string) (operator, bool) {
	set := one
	if rest, ok := strings.CutPrefix(name, prefixAll); ok {
		set, name = forAll, rest
	} else if rest, ok := strings.CutPrefix(name, prefixAny); ok {
		set, name = forAny, rest
	}
	name, ifExists := strings.CutSuffix(name, suffixIfExists)
	op, ok := operators[name]
	op.set, op.ifExists = set, ifExists
	return op, ok
}

// findOperator reads an operator of a stored policy, in any case.
func findOperator(name string) operator {
	if op, ok := parseOperator(name); ok {
		return op
	}
	set := one
	switch {
	case foldPrefix(name, prefixAll):
		set, name = forAll, name[len(prefixAll):]
	case foldPrefix(name, prefixAny):
		set, name = forAny, name[len(prefixAny):]
	}
	ifExists := len(name) > len(suffixIfExists) && equalFold(name[len(name)-len(suffixIfExists):], suffixIfExists)
	if ifExists {
		name = name[:len(name)-len(suffixIfExists)]
	}
	for spelled, op := range operators {
		if equalFold(spelled, name) {
			op.set, op.ifExists = set, ifExists
			return op
		}
	}
	return operator{}
}

func foldPrefix(s, prefix string) bool {
	return len(s) >= len(prefix) && equalFold(s[:len(prefix)], prefix)
}
