package policy

import (
	"fmt"
	"strings"
)

// Warning is something that AWS saves but that seldom does what was meant.
type Warning struct {
	Code    string // in the manner of Access Analyzer's issue codes
	Message string
	Line    int // from 1
	Column  int // in characters, from 1
}

// The codes of warnings.
const (
	WarnNullIfExists         = "NULL_WITH_IF_EXISTS"
	WarnMissingBrace         = "MISSING_BRACE_IN_VARIABLE"
	WarnBadVariable          = "INVALID_VARIABLE"
	WarnVariableVersion      = "VARIABLE_UNSUPPORTED_IN_VERSION"
	WarnVariableElement      = "VARIABLE_UNSUPPORTED_IN_ELEMENT"
	WarnDuplicateKey         = "DUPLICATE_CONDITION_KEY"
	WarnSeveralBools         = "MULTIPLE_BOOLEAN_VALUES"
	WarnSetOnSingle          = "SET_OPERATOR_WITH_SINGLE_VALUED_KEY"
	WarnNoSetOnMulti         = "MISSING_SET_OPERATOR"
	WarnMissingARNField      = "MISSING_ARN_FIELD"
	WarnPrincipalWildcard    = "UNSUPPORTED_WILDCARD_IN_PRINCIPAL"
	WarnForAllValues         = "FOR_ALL_VALUES_WITHOUT_NULL_CHECK"
	WarnAllowNotPrincipal    = "ALLOW_WITH_NOT_PRINCIPAL"
	WarnAllowNotAction       = "ALLOW_WITH_NOT_ACTION"
	WarnAllowNotResource     = "ALLOW_WITH_NOT_RESOURCE"
	WarnPassRoleStar         = "PASS_ROLE_WITH_STAR_IN_RESOURCE"
	WarnRedundantAction      = "REDUNDANT_ACTION"
	WarnInvalidValue         = "TYPE_MISMATCH"
	WarnVariableWithoutValue = "EMPTY_VARIABLE"
)

// Warnings returns what is doubtful in the policy, in the order of the
// document. Whether services and actions exist is not looked at.
func (p *Policy) Warnings() []Warning {
	w := &warner{kind: p.kind, variables: p.Version() == version2012}
	for _, s := range p.statements() {
		w.statement(s)
	}
	return w.found
}

type warner struct {
	kind      Kind
	variables bool // the document's version has them
	found     []Warning
}

func (w *warner) warn(at position, code, format string, args ...any) {
	w.found = append(w.found, Warning{code, fmt.Sprintf(format, args...), int(at.line), int(at.col)})
}

func (w *warner) statement(s *statement) {
	raw := s.raw
	if !s.deny {
		w.negations(raw)
	}
	for _, it := range raw.principal.items {
		if _, v, ok := strings.Cut(it.text, "\x00"); ok && v != "*" && strings.ContainsAny(v, "*?") {
			w.warn(it.at, WarnPrincipalWildcard, "%q matches nobody: principals have no wildcards", v)
		}
		w.noVariables(it)
	}
	for i, it := range raw.action.items {
		w.noVariables(it)
		w.redundant(s, i)
	}
	for _, it := range raw.resource.items {
		w.resource(s, it)
	}
	if !s.deny && !s.notAction && !s.notResource {
		w.passRole(s)
	}
	w.conditions(s)
}

func (w *warner) negations(raw *rawStatement) {
	if raw.action.not {
		w.warn(raw.action.at, WarnAllowNotAction, "Allow with NotAction allows all actions of all services but those listed, also future ones")
	}
	if raw.resource.not {
		w.warn(raw.resource.at, WarnAllowNotResource, "Allow with NotResource allows all resources but those listed, also future ones")
	}
	if raw.principal.not {
		w.warn(raw.principal.at, WarnAllowNotPrincipal, "Allow with NotPrincipal allows everyone but those listed, also anonymous callers")
	}
}

// maxCompared is up to how many actions or conditions each is compared with each.
const maxCompared = 3000

// redundant warns of an action that another of the same statement covers.
func (w *warner) redundant(s *statement, i int) {
	items := s.raw.action.items
	if len(items) > maxCompared {
		return
	}
	for j := range s.actions {
		if i == j || !s.actions[j].matchFold(items[i].text) {
			continue
		}
		if j > i && s.actions[i].matchFold(items[j].text) {
			continue // the same twice: the later one is told
		}
		w.warn(items[i].at, WarnRedundantAction, "%q is covered by %q", items[i].text, items[j].text)
		return
	}
}

func (w *warner) resource(s *statement, it item) {
	if it.text == "*" {
		return
	}
	fields := strings.SplitN(it.text, ":", 6)
	if len(fields) < 6 {
		w.warn(it.at, WarnMissingARNField, "%q has %d of the 6 fields of an ARN", it.text, len(fields))
		return
	}
	if strings.Contains(strings.Join(fields[:5], ":"), "${") {
		w.warn(it.at, WarnVariableElement, "variables stand only in the last field of a resource")
		return
	}
	w.variable(it)
}

// variable warns of variables that can't be read, or that a document of 2008
// takes for plain text.
func (w *warner) variable(it item) {
	if !strings.Contains(it.text, "${") {
		return
	}
	if !w.variables {
		w.warn(it.at, WarnVariableVersion, "%q holds plain text: variables need version %s", it.text, version2012)
		return
	}
	t := newTemplate(it.text, true)
	if !t.broken {
		return
	}
	_, rest, _ := strings.Cut(it.text, "${")
	switch {
	case strings.HasPrefix(rest, "}"):
		w.warn(it.at, WarnVariableWithoutValue, "%q has a variable without a name", it.text)
	case !strings.Contains(rest, "}"):
		w.warn(it.at, WarnMissingBrace, "%q has a variable without its closing brace", it.text)
	default:
		w.warn(it.at, WarnBadVariable, "%q has a variable that can't be read", it.text)
	}
}

func (w *warner) noVariables(it item) {
	if strings.Contains(it.text, "${") {
		w.warn(it.at, WarnVariableElement, "variables stand only in resources and in values of String and Arn conditions")
	}
}

// passRole warns of handing any role to any service.
func (w *warner) passRole(s *statement) {
	if !s.matchAction("iam:PassRole") || len(s.conditions) > 0 {
		return
	}
	for i, it := range s.raw.resource.items {
		if s.resources[i].any {
			w.warn(it.at, WarnPassRoleStar, "iam:PassRole on all resources lets the caller hand on any role")
			return
		}
	}
}

func (w *warner) conditions(s *statement) {
	for i := range s.conditions {
		c := &s.conditions[i]
		w.condition(c)
		for j := range min(i, maxCompared) {
			if o := &s.conditions[j]; o.raw.operator.text == c.raw.operator.text && equalFold(o.key.name, c.key.name) {
				w.warn(c.raw.key.at, WarnDuplicateKey, "%s stands twice under %s; both must hold", c.key.name, c.raw.operator.text)
			}
		}
		if c.operator.set == setAll && !s.deny && !c.negated && !guarded(s, c) {
			w.warn(c.raw.operator.at, WarnForAllValues, "ForAllValues also allows requests without %s; add \"Null\": {%q: \"false\"}", c.key.name, c.key.name)
		}
	}
}

// guarded says whether a Null condition demands the key of c.
func guarded(s *statement, c *condition) bool {
	for i := range s.conditions {
		if n := &s.conditions[i]; n.test == testNull && n.no && !n.yes && equalFold(n.key.name, c.key.name) {
			return true
		}
	}
	return false
}

func (w *warner) condition(c *condition) {
	raw := c.raw
	switch {
	case c.test == testNull && c.ifExists:
		w.warn(raw.operator.at, WarnNullIfExists, "Null has no form with IfExists")
	case c.test == testBool && len(raw.values) > 1:
		w.warn(raw.key.at, WarnSeveralBools, "%s takes one value: true or false", raw.operator.text)
	}
	many := Multivalued(c.key.name)
	switch {
	case c.operator.set != setNone && !many && (foldPrefix(c.key.name, "aws:") || foldPrefix(c.key.name, "saml:")):
		w.warn(raw.operator.at, WarnSetOnSingle, "%s holds a single value and needs no set operator", c.key.name)
	case c.operator.set == setNone && many && c.test != testNull:
		w.warn(raw.operator.at, WarnNoSetOnMulti, "%s holds a list: without ForAllValues or ForAnyValue the condition never holds", c.key.name)
	}
	for _, v := range raw.values {
		w.conditionValue(c, v)
	}
}

func (w *warner) conditionValue(c *condition, v item) {
	switch c.test {
	case testString, testStringFold, testStringLike, testARN:
		w.variable(v)
	default:
		w.noVariables(v)
	}
	one := condition{operator: c.operator}
	if !one.add(v.text, w.variables) {
		w.warn(v.at, WarnInvalidValue, "%q can't match: it isn't of the type that %s compares", v.text, c.raw.operator.text)
	}
}
