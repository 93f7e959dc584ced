package policy

import (
	"encoding/base64"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// conditions looks at the Condition of a statement.
func (v *validator) conditions(s *validated) {
	m := s.elements["Condition"]
	if m == nil {
		return
	}
	o := s.member(m)
	switch {
	case o.kind != nodeObject:
		v.at(o.span, "DATA_TYPE_MISMATCH", "Object")
		return
	case len(o.members) == 0:
		v.at(o.span, "EMPTY_OBJECT_CONDITION")
	}
	for i := range o.members {
		v.operator(s, o, &o.members[i])
	}
}

// asked is a condition key under its operator.
type asked struct {
	located      // its values
	name    span // of the key
	key     string
	spelled string // the operator
	operator
}

func (v *validator) operator(s *validated, o located, m *member) {
	op, known := parseOperator(m.name)
	name := v.name(o, m)
	switch {
	case !known:
		v.at(name, "INVALID_CONDITION_OPERATOR", m.name)
	case op.test == testNull && op.ifExists:
		v.at(name, "NULL_WITH_IF_EXISTS")
	case op.test == testNull && op.set != setNone:
		v.at(name, "NULL_WITH_QUALIFIER")
	}
	keys := o.member(m)
	if keys.kind != nodeObject {
		v.at(keys.span, "DATA_TYPE_MISMATCH", "Object")
		return
	}
	seen := map[string]bool{}
	for i := range keys.members {
		k := &keys.members[i]
		if seen[lowerASCII(k.name)] {
			v.at(v.name(keys, k), "DUPLICATE_KEYS_WITH_DIFFERENT_CASE", k.name)
		}
		seen[lowerASCII(k.name)] = true
		if known {
			v.condition(s, &asked{keys.member(k), v.name(keys, k), k.name, m.name, op})
		}
	}
}

func (v *validator) condition(s *validated, c *asked) {
	kind, known := v.keyType(s, c)
	many := Multivalued(c.key)
	switch {
	case !known || c.test == testNull:
	case c.set == setNone && many:
		v.at(c.name, "MISSING_QUALIFIER", c.key)
	case c.set == setAll && !many && s.effect == "Allow":
		v.at(c.name, "FORALLVALUES_WITH_SINGLE_VALUED_KEY", c.key)
	}
	if known && kind != "" {
		v.fitting(c, strings.TrimPrefix(kind, "ArrayOf"))
	}
	v.values(c)
}

// keyType is the type of a condition key, where it can be known, and whether
// there is such a key, as far as that can be known.
func (v *validator) keyType(s *validated, c *asked) (kind string, known bool) {
	prefix, name, found := strings.Cut(c.key, ":")
	folded := lowerASCII(c.key)
	switch {
	case !found || name == "":
		v.at(c.name, "INVALID_CONDITION_KEY_FORMAT")
		return "", false
	case equalFold(prefix, "aws"):
		return v.globalType(c, folded)
	case v.Catalog == nil || strings.ContainsAny(prefix, "./") || federation[lowerASCII(prefix)]:
		return "", true
	}
	ref := v.Catalog(lowerASCII(prefix))
	if ref != nil {
		for named, kind := range ref.Keys {
			if sameKeyName(named, folded) {
				v.usable(s, c, folded)
				return kind, true
			}
		}
	}
	switch {
	case v.keyOfActions(s, folded):
		return "", true
	case ref == nil:
		v.at(c.name, "INVALID_SERVICE", prefix)
	default:
		v.at(c.name, "INVALID_SERVICE_CONDITION_KEY", c.key, prefix)
	}
	return "", false
}

// federation are the prefixes of keys that come with federated identities.
var federation = map[string]bool{"saml": true, "accounts.google.com": true, "graph.facebook.com": true, "www.amazon.com": true}

func (v *validator) globalType(c *asked, folded string) (kind string, known bool) {
	if kind, known = globalTypes[folded]; known && !strings.HasSuffix(folded, "/") {
		return kind, true
	}
	family, tag, found := strings.Cut(folded, "/")
	kind, tagged := globalTypes[family+"/"]
	switch {
	case tagged && (!found || tag == ""):
		v.at(c.name, "MISSING_TAG_KEY_IN_CONDITION", strings.TrimSuffix(c.key, "/")+"/")
		return "", false
	case tagged:
		return kind, true
	case folded == "aws:arn":
		v.at(c.name, "UNSUPPORTED_GLOBAL_CONDITION_KEY")
	default:
		v.at(c.name, "INVALID_GLOBAL_CONDITION_KEY", c.key)
	}
	return "", false
}

// sameKeyName compares a key with the reference's name of one, which may end in
// a place for a tag's key. Folded is in lower case.
func sameKeyName(named, folded string) bool {
	named = lowerASCII(named)
	for _, open := range []string{"${", "<", "tag-key"} {
		if head, _, found := strings.Cut(named, open); found {
			return strings.HasPrefix(folded, head) && len(folded) > len(head)
		}
	}
	return named == folded
}

// keyOfActions reports whether an action of the statement has the key, which is
// named for another service.
func (v *validator) keyOfActions(s *validated, folded string) bool {
	return slices.ContainsFunc(s.action.leaves, func(l leaf) bool {
		prefix, _, _ := strings.Cut(lowerASCII(l.text), ":")
		ref := v.Catalog(prefix)
		if ref == nil {
			return false
		}
		for named := range ref.Keys {
			if sameKeyName(named, folded) {
				return true
			}
		}
		return false
	})
}

// usable reports the actions that a service's key says nothing about. Those
// with wildcards are not looked at.
func (v *validator) usable(s *validated, c *asked, folded string) {
	if s.action.not || c.ifExists || c.test == testNull {
		return
	}
	var at []Location
	var names []string
	for _, l := range s.action.leaves {
		prefix, name, _ := strings.Cut(l.text, ":")
		ref := v.Catalog(lowerASCII(prefix))
		if strings.ContainsAny(l.text, "*?$") || ref == nil || ref.KeysOf == nil || !slices.ContainsFunc(ref.Actions, func(a string) bool { return equalFold(a, name) }) {
			continue
		}
		if !slices.ContainsFunc(ref.KeysOf(name), func(k string) bool { return sameKeyName(k, folded) }) {
			at, names = append(at, v.location(l.span)), append(names, l.text)
		}
	}
	if len(at) > 0 {
		v.report("UNSUPPORTED_ACTION_FOR_CONDITION_KEY", append(at, v.location(c.name)), strings.Join(names, ", "), c.key)
	}
}

// families are the operators that fit a type of key, and what they are called.
var families = map[string]struct {
	fits []test
	name string
}{
	"String":    {[]test{testString, testStringFold, testStringLike, testARN, testBinary}, "String"},
	"ARN":       {[]test{testARN, testString, testStringFold, testStringLike}, "ARN"},
	"Bool":      {[]test{testBool}, "Boolean"},
	"Numeric":   {[]test{testNumber}, "Numeric"},
	"Date":      {[]test{testDate, testNumber}, "Date"},
	"IPAddress": {[]test{testIP}, "IP address"},
}

// fitting reports an operator that doesn't compare values of the key's type.
func (v *validator) fitting(c *asked, kind string) {
	f, known := families[kind]
	switch {
	case !known || c.test == testNull:
	case kind == "ARN" && c.test == testStringLike:
		v.at(c.name, "STRING_LIKE_OPERATOR_WITH_ARN_CONDITION_KEYS", f.name, c.spelled, c.key)
	case !slices.Contains(f.fits, c.test):
		v.at(c.name, "TYPE_MISMATCH", f.name, c.spelled, c.key)
	}
}

func (v *validator) values(c *asked) {
	var all []leaf
	kinds := map[nodeKind]bool{}
	add := func(o located) {
		if kinds[o.kind] = true; o.kind == nodeText || o.kind == nodeNumber || o.kind == nodeBool {
			all = append(all, leaf{o.span, o.text})
		} else {
			v.at(o.span, "DATA_TYPE_MISMATCH", "String")
		}
	}
	if c.kind != nodeList {
		add(c.located)
	} else {
		for i := range c.members {
			add(c.item(i))
		}
	}
	switch {
	case c.kind == nodeList && len(c.members) == 0:
		v.noValues(c)
	case len(kinds) > 1:
		v.at(c.span, "INVALID_CONDITION_DATA_TYPE")
	case c.test == testBool && len(all) > 1:
		v.at(c.span, "INVALID_CONDITION_MULTIPLE_BOOLEAN")
	case c.test == testNumber && len(all) > 1 && c.order&(orderLess|orderGreater) != 0:
		which := "greatest"
		if c.order&orderGreater != 0 {
			which = "least"
		}
		v.at(c.span, "REDUNDANT_CONDITION_VALUE_NUM", c.spelled, which, c.key)
	}
	for _, l := range all {
		v.conditionValue(c, l)
	}
	if equalFold(c.key, "aws:SourceIp") && c.test == testIP {
		v.privateIPs(c, all)
	}
}

func (v *validator) noValues(c *asked) {
	code := "EMPTY_ARRAY_CONDITION"
	switch {
	case c.set == setAll:
		code += "_FORALLVALUES"
	case c.set == setAny:
		code += "_FORANYVALUE"
	case c.ifExists:
		code += "_IFEXISTS"
	}
	v.at(c.span, code, c.key)
}

var (
	vpcForm  = regexp.MustCompile(`^vpc-([0-9a-zA-Z]{8}|[0-9a-zA-Z]{17})$`)
	vpceForm = regexp.MustCompile(`^vpce-([0-9a-zA-Z]{8}|[0-9a-zA-Z]{17})$`)
)

func (v *validator) conditionValue(c *asked, l leaf) {
	wild := strings.ContainsAny(l.text, "*?$")
	switch c.test {
	case testString, testStringFold, testStringLike, testARN:
		v.variable(l)
		switch {
		case c.test != testStringLike && c.test != testARN && strings.ContainsAny(l.text, "*?") && !strings.Contains(l.text, "${"):
			v.at(l.span, "WILDCARD_WITHOUT_LIKE_OPERATOR")
		case equalFold(c.key, "aws:SourceVpc") && !wild && !vpcForm.MatchString(l.text):
			v.at(l.span, "INVALID_VPC_FORMAT")
		case equalFold(c.key, "aws:SourceVpce") && !wild && !vpceForm.MatchString(l.text):
			v.at(l.span, "INVALID_VPCE_FORMAT")
		}
		return
	}
	if strings.Contains(l.text, "${") {
		v.at(l.span, "INVALID_VARIABLE_FOR_OPERATOR")
		return
	}
	one := condition{operator: c.operator}
	if !one.add(l.text, v.variables) || c.test == testBinary && !isBase64(l.text) {
		v.mismatch(c, l)
		return
	}
	switch {
	case c.test == testDate && digits(l.text) && len(l.text) > 4:
		v.at(l.span, "INVALID_DATE_VALUE", l.text)
	case c.test == testIP:
		if p, err := netip.ParsePrefix(l.text); err == nil && p != p.Masked() {
			v.at(l.span, "IMPROVE_IP_RANGE", p.Masked())
		}
	}
}

func isBase64(s string) bool {
	_, err := base64.StdEncoding.DecodeString(s)
	return err == nil
}

// mismatch reports a value that the operator can't compare.
func (v *validator) mismatch(c *asked, l leaf) {
	switch c.test {
	case testBool, testNull:
		v.at(l.span, "TYPE_MISMATCH_BOOLEAN", c.spelled)
	case testDate:
		v.at(l.span, "TYPE_MISMATCH_DATE")
	case testNumber:
		v.at(l.span, "TYPE_MISMATCH_NUMBER", c.spelled)
	case testBinary:
		v.at(l.span, "TYPE_MISMATCH_STRING", c.spelled)
	case testIP:
		v.at(l.span, "TYPE_MISMATCH_IP_RANGE", c.spelled)
	}
}

// privateIPs reports addresses from which no request comes over the internet.
func (v *validator) privateIPs(c *asked, all []leaf) {
	private := 0
	for _, l := range all {
		if r, ok := parseRange(l.text); ok && r.Bits() > 0 && (r.Addr().IsPrivate() || r.Addr().IsLoopback() || r.Addr().IsLinkLocalUnicast()) {
			private++
		}
	}
	code := "PRIVATE_IP_ADDRESS"
	if c.negated {
		code = "PRIVATE_NOT_IP_ADDRESS"
	}
	switch {
	case private == 0:
	case private < len(all):
		v.at(c.span, code+"_SUBSET")
	default:
		v.at(c.span, code)
	}
}
