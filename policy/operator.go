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
	orderLess order = 1 << iota
	orderEqual
	orderGreater
)

// accepts says whether a comparison's result, as cmp.Compare gives it, is one
// of those in o.
func (o order) accepts(c int) bool {
	switch {
	case c < 0:
		return o&orderLess != 0
	case c > 0:
		return o&orderGreater != 0
	}
	return o&orderEqual != 0
}

// quantifier is the set prefix of an operator.
type quantifier uint8

const (
	setNone quantifier = iota
	setAll
	setAny
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
	"NumericEquals":             {test: testNumber, order: orderEqual},
	"NumericNotEquals":          {test: testNumber, order: orderEqual, negated: true},
	"NumericLessThan":           {test: testNumber, order: orderLess},
	"NumericLessThanEquals":     {test: testNumber, order: orderLess | orderEqual},
	"NumericGreaterThan":        {test: testNumber, order: orderGreater},
	"NumericGreaterThanEquals":  {test: testNumber, order: orderGreater | orderEqual},
	"DateEquals":                {test: testDate, order: orderEqual},
	"DateNotEquals":             {test: testDate, order: orderEqual, negated: true},
	"DateLessThan":              {test: testDate, order: orderLess},
	"DateLessThanEquals":        {test: testDate, order: orderLess | orderEqual},
	"DateGreaterThan":           {test: testDate, order: orderGreater},
	"DateGreaterThanEquals":     {test: testDate, order: orderGreater | orderEqual},
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
	set := setNone
	if rest, ok := strings.CutPrefix(name, prefixAll); ok {
		set, name = setAll, rest
	} else if rest, ok := strings.CutPrefix(name, prefixAny); ok {
		set, name = setAny, rest
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
	set := setNone
	switch {
	case foldPrefix(name, prefixAll):
		set, name = setAll, name[len(prefixAll):]
	case foldPrefix(name, prefixAny):
		set, name = setAny, name[len(prefixAny):]
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
