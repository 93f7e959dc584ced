package policy

import "fmt"

// Warning is something that seldom does what was meant, and that Access
// Analyzer, whose findings Validate gives, doesn't tell.
type Warning struct {
	Code    string // in the manner of Access Analyzer's issue codes, but none of them
	Message string
	Line    int // from 1
	Column  int // in characters, from 1
}

// The codes of warnings.
const (
	WarnSetOnSingle      = "SET_OPERATOR_WITH_SINGLE_VALUED_KEY"
	WarnForAllValues     = "FOR_ALL_VALUES_WITHOUT_NULL_CHECK"
	WarnAllowNotAction   = "ALLOW_WITH_NOT_ACTION"
	WarnAllowNotResource = "ALLOW_WITH_NOT_RESOURCE"
	WarnNeverHolds       = "CONDITION_NEVER_HOLDS"
)

// Warnings returns what is doubtful in the policy, in the order of the
// document.
func (p *Policy) Warnings() []Warning {
	w := &warner{}
	for _, s := range p.statements() {
		if !s.deny {
			w.negations(s.raw)
		}
		w.conditions(s)
	}
	return w.found
}

type warner struct{ found []Warning }

func (w *warner) warn(at position, code, format string, args ...any) {
	w.found = append(w.found, Warning{code, fmt.Sprintf(format, args...), int(at.line), int(at.col)})
}

// maxCompared is up to how many conditions each is compared with each.
const maxCompared = 3000

func (w *warner) negations(raw *rawStatement) {
	if raw.action.not {
		w.warn(raw.action.at, WarnAllowNotAction, "Allow with NotAction allows all actions of all services but those listed, also future ones")
	}
	if raw.resource.not {
		w.warn(raw.resource.at, WarnAllowNotResource, "Allow with NotResource allows all resources but those listed, also future ones")
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

// pair warns of conditions that never hold together.
func (w *warner) pair(earlier, c *condition) {
	if !equalFold(earlier.key.name, c.key.name) {
		return
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
	if c.operator.set != setNone && !Multivalued(c.key.name) && (foldPrefix(c.key.name, "aws:") || foldPrefix(c.key.name, "saml:")) {
		w.warn(c.raw.operator.at, WarnSetOnSingle, "%s holds a single value and needs no set operator", c.key.name)
	}
}
