package policy

import "slices"

// Granted returns those of the actions that an Allow statement of any of the
// policies names, in the order in which they were given to NewActions. On what
// resources, under what conditions, and whether another statement denies them
// does not matter: it is what the policies can be said to be about. Policies
// that can't be understood grant nothing.
func Granted(actions *Actions, policies ...*Policy) []string {
	w := actions.newAllowance()
	for _, p := range policies {
		for i := range p.allows {
			w.name(actions, &p.allows[i])
		}
	}
	return w.named(actions)
}

// Withheld returns those of the actions that a Deny statement of any of the
// policies denies on all resources and without a condition, in that order.
// Policies that can't be understood withhold everything.
func Withheld(actions *Actions, policies ...*Policy) []string {
	w := actions.newAllowance()
	for _, p := range policies {
		for i := range p.denies {
			if s := &p.denies[i]; len(s.conditions) == 0 && s.everywhere() {
				w.name(actions, s)
			}
		}
	}
	return w.named(actions)
}

// everywhere reports whether the statement is about all resources.
func (s *statement) everywhere() bool {
	return !s.notResource && slices.ContainsFunc(s.resources, func(r resourcePattern) bool { return r.any })
}

// named are the actions that were named.
func (w *allowance) named(actions *Actions) []string {
	named := make([]bool, len(actions.names))
	for i, at := range actions.at {
		named[at] = w.allowed.has(i)
	}
	var out []string
	for i, ok := range named {
		if ok {
			out = append(out, actions.names[i])
		}
	}
	return out
}

// name adds the actions that a statement names.
func (w *allowance) name(a *Actions, s *statement) {
	clear(w.room)
	for i := range s.actions {
		a.mark(w.room, &s.actions[i])
	}
	if s.notAction {
		for i := range w.room {
			w.room[i] = a.whole[i] &^ w.room[i]
		}
	}
	w.allowed.or(w.room)
}
