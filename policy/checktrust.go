package policy

import (
	"fmt"
	"slices"
	"strings"
)

const cognitoProvider = "cognito-identity.amazonaws.com"

// checkTrust judges a role's trust policy, for which AWS has other words.
func checkTrust(d *document) *Error {
	if v := d.version; v.present() && v.text != version2012 && v.text != version2008 {
		return fault(v.at, "The policy must contain a valid version string", "there is no version %q", v.text)
	}
	if len(d.statements) == 0 {
		return fault(d.at, "Could not parse the policy: Statement is empty!", "a policy holds at least one statement")
	}
	for i := range d.statements {
		for _, step := range [...]func(*rawStatement) *Error{
			checkTrustEffect, checkTrustPrincipal, checkTrustAction, checkTrustResource, checkTrustConditions,
		} {
			if err := step(&d.statements[i]); err != nil {
				return err
			}
		}
	}
	err := checkSids(d, Trust)
	if err != nil && err.Message == msgSidTwice {
		err.Message = "The Statement Ids in the policy are not unique"
	}
	return err
}

func checkTrustEffect(s *rawStatement) *Error {
	switch e := s.effect; {
	case !e.present():
		return fault(s.at, "Missing required field Effect", "a statement allows or denies")
	case e.text != "Allow" && e.text != "Deny":
		return fault(e.at, "Invalid effect: "+e.text, "Effect is Allow or Deny")
	}
	return checkPairs(s)
}

func checkTrustPrincipal(s *rawStatement) *Error {
	p := &s.principal
	switch {
	case p.not && s.effect.text == "Allow":
		return fault(p.at, "Allow with NotPrincipal is not allowed.", "name who is trusted")
	case p.not:
		return fault(p.at, "AssumeRole policy must not contain NotPrincipal field.", "name who is meant")
	case s.misplaced():
		return fault(p.at, "Syntax error in policy.", "a principal is an object")
	case s.principalText:
		return fault(p.at, "Principal must be a JSON object.", "write {\"AWS\": %q}", p.items[0].text)
	}
	return checkPrincipal(s)
}

func checkTrustAction(s *rawStatement) *Error {
	a := &s.action
	if len(a.items) == 0 {
		return fault(or(a.at, s.at), "Missing required field Action", "the statement has no action")
	}
	for _, it := range a.items {
		if !trustAction(it.text, a.not) {
			return fault(it.at, "AssumeRole policy may only specify STS AssumeRole actions.", "%q isn't one", it.text)
		}
	}
	return nil
}

// trustAction says whether a trust policy may speak of an action: STS's for
// sessions of roles, and patterns within sts. NotAction takes any of sts.
func trustAction(action string, not bool) bool {
	if !foldPrefix(action, "sts:") || strings.Count(action, ":") != 1 {
		return false
	}
	return not || strings.ContainsAny(action, "*?") ||
		slices.ContainsFunc([]string{
			"sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity",
			"sts:TagSession", "sts:SetSourceIdentity", "sts:SetContext",
		}, func(known string) bool { return equalFold(known, action) })
}

func checkTrustResource(s *rawStatement) *Error {
	switch {
	case s.resource.present && s.resource.not:
		return fault(s.resource.at, "AssumeRole policy must not contain resources.", "the role is the resource")
	case s.resource.present:
		return fault(s.resource.at, "Has prohibited field Resource", "the role is the resource")
	}
	return nil
}

// checkTrustConditions wants known operators and readable dates, and of whom
// trusts Cognito that it says which identity pool.
func checkTrustConditions(s *rawStatement) *Error {
	pool := false
	for i := range s.conditions {
		c := &s.conditions[i]
		if !knownOperator(c.operator.text) {
			return fault(c.operator.at, msgSyntax, "there is no condition operator %q", c.operator.text)
		}
		if err := checkDates(c); err != nil {
			return err
		}
		pool = pool || equalFold(c.key.text, cognitoProvider+":aud")
	}
	if s.effect.text != "Allow" || pool {
		return nil
	}
	for _, it := range s.principal.items {
		if it.text == "Federated\x00"+cognitoProvider {
			return fault(it.at, fmt.Sprintf("The trust policy of %s must contain a condition on %s:aud", cognitoProvider, cognitoProvider), "say which identity pool is trusted")
		}
	}
	return nil
}
