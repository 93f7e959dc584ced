package directory

import (
	"slices"

	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/policy"
)

// Controls are what an account's organization says about it. They are shared
// and must not be changed.
type Controls struct {
	Closed       bool   // nobody of the account gets in
	Organization string // o-…; empty where the account is in none
	Management   string // id of the management account
	Path         string // o-…/r-…/ou-…/
	// SCPs bind the account's principals, and RCPs its resources: a set for each
	// level from the root to the account. None for the management account.
	SCPs, RCPs []*policy.Set

	epoch store.Revision
}

// governs are the kinds of records that Controls are made of.
func governs(kind string) bool { return kind == kindOrg || kind == kindClosed }

// unreadable is what stands for controls that can't be read: all is denied.
var unreadable = []*policy.Set{policy.NewSet(policy.Load("", policy.SCP))}

// Controls are those of an account, or nil where there are none: always, as
// long as there is no organization and no closed account.
func (s *Snapshot) Controls(account string) *Controls {
	if s.orgEpoch == 0 {
		return nil
	}
	a, err := s.Account(account)
	switch {
	case err != nil:
		return &Controls{SCPs: unreadable, RCPs: unreadable}
	case a == nil || a.Organization == "" && a.Closed.IsZero():
		return nil
	}
	if c := a.controls.Load(); c != nil && c.epoch == s.orgEpoch {
		return c
	}
	c := s.controls(a)
	c.epoch = s.orgEpoch
	a.controls.Store(c)
	return c
}

func (s *Snapshot) controls(a *Account) *Controls {
	c := &Controls{Closed: !a.Closed.IsZero()}
	if a.Organization == "" {
		return c
	}
	c.Management = a.Organization
	o, err := s.Organization(a.ID)
	if err == nil && o != nil {
		c.Organization = o.ID
		c.Path, err = s.OrgPath(o, a.ID)
	}
	if err != nil || o == nil {
		c.SCPs, c.RCPs = unreadable, unreadable
		return c
	}
	if a.ID == a.Organization {
		return c
	}
	c.SCPs, c.RCPs = s.levels(o, a.ID, SCP), s.levels(o, a.ID, RCP)
	return c
}

// levels are the policies of a type that bind a node, from the root down.
func (s *Snapshot) levels(o *Organization, id, policyType string) []*policy.Set {
	if !o.Has(policyType) {
		return nil
	}
	var levels []*policy.Set
	for id != "" {
		n, err := s.OrgNode(o, id)
		if err != nil {
			return unreadable
		}
		var all []*policy.Policy
		for _, p := range o.Policies(n, policyType) {
			found, err := s.OrgPolicy(o, p)
			if err != nil {
				return unreadable
			}
			all = append(all, found.compile(o))
		}
		levels = append(levels, policy.NewSet(all...))
		id = n.Parent
	}
	slices.Reverse(levels)
	return levels
}
