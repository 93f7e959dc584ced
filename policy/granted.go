package policy

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
