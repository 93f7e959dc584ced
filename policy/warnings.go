package policy

import (
	"fmt"
	"slices"
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
	WarnUnknownService       = "INVALID_SERVICE_IN_ACTION"
	WarnUnknownAction        = "INVALID_ACTION"
	WarnNeverHolds           = "CONDITION_NEVER_HOLDS"
)

// Catalog returns the names of a service's actions, as in GetObject, and
// whether there is such a service. It is asked with the prefix that actions
// have, in lower case.
type Catalog func(service string) (actions []string, known bool)

// Warnings returns what is doubtful in the policy, in the order of the
// document. Whether services and actions exist is not looked at.
func (p *Policy) Warnings() []Warning { return p.WarningsWith(nil) }

// WarningsWith is Warnings, and looks services and actions up in a catalog. A
// nil catalog knows all.
func (p *Policy) WarningsWith(catalog Catalog) []Warning {
	w := &warner{catalog: catalog, variables: p.Version() == version2012}
	for _, s := range p.statements() {
		w.statement(s)
	}
	return w.found
}

type warner struct {
	catalog   Catalog
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
		w.known(it)
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

// known warns of services and actions that the catalog lacks.
func (w *warner) known(it item) {
	service, name, found := strings.Cut(it.text, ":")
	if w.catalog == nil || !found {
		return
	}
	actions, known := w.catalog(lowerASCII(service))
	if !known {
		w.warn(it.at, WarnUnknownService, "there is no service %q, so %q matches nothing", service, it.text)
		return
	}
	pattern := newGlob(name)
	if !slices.ContainsFunc(actions, pattern.matchFold) {
		w.warn(it.at, WarnUnknownAction, "%s has no action %q", service, name)
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
			w.pair(&s.conditions[j], c)
		}
		if c.operator.set == setAll && !s.deny && !guarded(s, c) {
			w.warn(c.raw.operator.at, WarnForAllValues, "ForAllValues also allows requests without %s; add \"Null\": {%q: \"false\"}", c.key.name, c.key.name)
		}
	}
}

// pair warns of a key that stands twice under one operator, and of conditions
// that never hold together.
func (w *warner) pair(earlier, c *condition) {
	if !equalFold(earlier.key.name, c.key.name) {
		return
	}
	if earlier.raw.operator.text == c.raw.operator.text {
		w.warn(c.raw.key.at, WarnDuplicateKey, "%s stands twice under %s; both must hold", c.key.name, c.raw.operator.text)
	}
	if earlier.excludes(c) || c.excludes(earlier) || emptyRange(earlier, c) || emptyRange(c, earlier) {
		w.warn(c.raw.key.at, WarnNeverHolds, "%s %s never holds together with %s", c.raw.operator.text, c.key.name, earlier.raw.operator.text)
	}
}

// emptyRange says that no date or number is below one of low's values and
// above one of high's.
func emptyRange(low, high *condition) bool {
	if low.test != high.test || low.order&orderLess == 0 || high.order&orderGreater == 0 || low.passesAbsent() || high.passesAbsent() {
		return false
	}
	open := low.order&high.order&orderEqual == 0
	for _, l := range low.dates {
		for _, h := range high.dates {
			if l > h || l == h && !open {
				return false
			}
		}
	}
	for _, l := range low.numbers {
		for _, h := range high.numbers {
			if n := l.compare(h); n > 0 || n == 0 && !open {
				return false
			}
		}
	}
	return len(low.dates)*len(high.dates)+len(low.numbers)*len(high.numbers) > 0 && low.operator.set == setNone && high.operator.set == setNone
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
