package policy

import (
	"slices"

	"github.com/sallyport-iam/sallyport/arn"
)

// extent is a statement prepared for comparison with others: what it covers,
// as patterns.
type extent struct {
	*statement
	policy    *Policy
	actions   []shape
	resources []resourceShape
}

// resourceShape is one entry of Resource or NotResource, field by field.
type resourceShape struct {
	any, never bool
	fields     [arn.Fields]shape
}

func newExtent(p *Policy, s *statement) *extent {
	e := &extent{statement: s, policy: p}
	for i := range s.actions {
		e.actions = append(e.actions, newGlobShape(&s.actions[i], true))
	}
	for i := range s.resources {
		e.resources = append(e.resources, newResourceShape(&s.resources[i]))
	}
	return e
}

func newResourceShape(p *resourcePattern) resourceShape {
	s := resourceShape{any: p.any, never: p.never}
	for i := range s.fields {
		switch {
		case i >= p.n:
			s.fields[i] = everything
		case i < arn.Fields-1:
			s.fields[i] = newGlobShape(&p.fields[i], true)
		default:
			s.fields[i] = newShape(&p.tail.template, true)
		}
	}
	return s
}

func (s *resourceShape) covers(p *resourceShape) bool {
	if s.any || p.never {
		return true
	}
	if s.never || p.any {
		return false
	}
	for i := range s.fields {
		if !s.fields[i].covers(p.fields[i]) {
			return false
		}
	}
	return true
}

func (s *resourceShape) overlaps(p *resourceShape) bool {
	if s.never || p.never {
		return false
	}
	if s.any || p.any {
		return true
	}
	for i := range s.fields {
		if !s.fields[i].overlaps(p.fields[i]) {
			return false
		}
	}
	return true
}

// cell is a part of a statement: one action pattern on one resource pattern
// for one principal entry. A number of -1 stands for all that the element
// covers, as with NotAction.
type cell struct {
	*extent
	action, resource, principal int
}

// cells takes a statement apart.
func (e *extent) cells() []cell {
	span := func(whole bool, n int) []int {
		if whole {
			return []int{-1}
		}
		all := make([]int, n)
		for i := range all {
			all[i] = i
		}
		return all
	}
	var out []cell
	for _, a := range span(e.notAction, len(e.actions)) {
		for _, r := range span(e.notResource || !e.raw.resource.present, len(e.resources)) {
			if r >= 0 && e.resources[r].never {
				continue
			}
			for _, p := range span(e.notPrincipal || !e.hasPrincipal, len(e.principals)) {
				out = append(out, cell{e, a, r, p})
			}
		}
	}
	return out
}

// coversAction says that all actions of the cell are among the statement's.
func (e *extent) coversAction(c *cell) bool {
	switch {
	case c.action >= 0 && !e.notAction:
		return slices.ContainsFunc(e.actions, func(s shape) bool { return s.covers(c.actions[c.action]) })
	case c.action >= 0:
		return !slices.ContainsFunc(e.actions, func(s shape) bool { return s.overlaps(c.actions[c.action]) })
	case !e.notAction:
		return slices.ContainsFunc(e.actions, func(s shape) bool { return s.covers(everything) })
	}
	return within(e.actions, c.actions)
}

// within says that each of the shapes in a is covered by one in b: then what b
// leaves out, a leaves out too.
func within(a, b []shape) bool {
	return !slices.ContainsFunc(a, func(s shape) bool {
		return !slices.ContainsFunc(b, func(t shape) bool { return t.covers(s) })
	})
}

func (e *extent) meetsAction(c *cell) bool {
	switch {
	case c.action >= 0 && !e.notAction:
		return slices.ContainsFunc(e.actions, func(s shape) bool { return s.overlaps(c.actions[c.action]) })
	case c.action >= 0:
		return !slices.ContainsFunc(e.actions, func(s shape) bool { return s.covers(c.actions[c.action]) })
	case !e.notAction:
		return slices.ContainsFunc(e.actions, func(s shape) bool {
			return !slices.ContainsFunc(c.actions, func(t shape) bool { return t.covers(s) })
		})
	}
	return true
}

// coversResource says that all resources of the cell are among the statement's.
func (e *extent) coversResource(c *cell) bool {
	if !e.raw.resource.present {
		return true
	}
	if c.resource < 0 && !c.raw.resource.present {
		return !e.notResource && slices.ContainsFunc(e.resources, func(s resourceShape) bool { return s.any })
	}
	switch {
	case c.resource >= 0 && !e.notResource:
		return slices.ContainsFunc(e.resources, func(s resourceShape) bool { return s.covers(&c.resources[c.resource]) })
	case c.resource >= 0:
		return e.certain() && !slices.ContainsFunc(e.resources, func(s resourceShape) bool { return s.overlaps(&c.resources[c.resource]) })
	case !e.notResource:
		return slices.ContainsFunc(e.resources, func(s resourceShape) bool { return s.any })
	}
	return c.leavesOut(e)
}

// certain says whether a NotResource takes all that it doesn't name, whatever
// the request: in an Allow, not if a variable may lack its value.
func (e *extent) certain() bool {
	return e.deny || !slices.ContainsFunc(e.resources, func(s resourceShape) bool {
		return s.never || s.fields[arn.Fields-1].hasVariable()
	})
}

// leavesOut says that the NotResource of c leaves out all that e's does.
func (c *cell) leavesOut(e *extent) bool {
	if sameTexts(c.raw.resource.items, e.raw.resource.items) && c.policy.Version() == e.policy.Version() && c.deny == e.deny {
		return true
	}
	return e.certain() && !slices.ContainsFunc(e.resources, func(s resourceShape) bool {
		return !slices.ContainsFunc(c.resources, func(t resourceShape) bool { return t.covers(&s) })
	})
}

func (e *extent) meetsResource(c *cell) bool {
	whole := func(x *extent) bool { return x.notResource || !x.raw.resource.present }
	switch {
	case c.resource >= 0 && !whole(e):
		return slices.ContainsFunc(e.resources, func(s resourceShape) bool { return s.overlaps(&c.resources[c.resource]) })
	case c.resource >= 0 && e.notResource:
		return !slices.ContainsFunc(e.resources, func(s resourceShape) bool {
			return s.covers(&c.resources[c.resource]) && !s.fields[arn.Fields-1].hasVariable()
		})
	}
	return true
}

// coversPrincipal says that the statement names the principals of the cell in
// at least as strong a way.
func (e *extent) coversPrincipal(c *cell) bool {
	if !e.hasPrincipal {
		return true
	}
	all := func(x principalEntry) bool { return x.kind == byAll }
	switch {
	case c.principal >= 0 && !e.notPrincipal:
		one := c.principals[c.principal]
		return slices.ContainsFunc(e.principals, func(x principalEntry) bool { return all(x) || x == one })
	case c.principal < 0 && c.hasPrincipal && e.notPrincipal && c.deny == e.deny:
		return sameTexts(c.raw.principal.items, e.raw.principal.items)
	}
	return !e.notPrincipal && slices.ContainsFunc(e.principals, all)
}

func (e *extent) meetsPrincipal(c *cell) bool {
	if c.principal < 0 || !e.hasPrincipal || e.notPrincipal {
		return true
	}
	return slices.ContainsFunc(e.principals, func(x principalEntry) bool { return !x.apart(c.principals[c.principal]) })
}

// apart says that nobody is named by both entries.
func (e principalEntry) apart(f principalEntry) bool {
	if e.kind != f.kind || e.text == f.text {
		return e.kind == byService && f.kind != byAll && f.kind != byService || f.kind == byService && e.kind != byAll && e.kind != byService
	}
	return e.kind == byAccount || e.kind == byService || e.kind == byProvider
}

func sameTexts(a, b []item) bool {
	holds := func(in []item, it item) bool {
		return slices.ContainsFunc(in, func(x item) bool { return x.text == it.text })
	}
	return !slices.ContainsFunc(a, func(it item) bool { return !holds(b, it) }) &&
		!slices.ContainsFunc(b, func(it item) bool { return !holds(a, it) })
}
