package policy

import (
	"math/big"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// This file decides a second time, slowly and as the rules read: with regular
// expressions, maps, and no compilation. It knows the forms that the generator
// of generate_test.go makes.

type refStatement struct {
	Effect                 string
	NotAction, NotResource bool
	Actions, Resources     []string
	Principal              map[string][]string // nil: none; {"*": nil}: everyone
	NotPrincipal           bool
	Conditions             []refCondition
}

type refCondition struct {
	Op, Key string
	Values  []string
}

type refPolicy struct {
	Version    string
	Kind       Kind
	Statements []refStatement
}

// refRequest is a request with its keys in a plain map, in lower case.
type refRequest struct {
	*Request
	keys  map[string][]string
	multi map[string]bool
}

type refPolicies struct {
	identity, session []*refPolicy
	hasSession        bool
	boundary          *refPolicy
	resource          *refPolicy
	scps, rcps        [][]*refPolicy
}

// refDecide follows section 9 of the description, rule by rule.
func refDecide(r *refRequest, in *refPolicies) Decision {
	p := &r.Principal
	person := p.Type == User || p.Type == AssumedRole || p.Type == FederatedUser
	linked := p.Type == AssumedRole && strings.Contains(p.RoleARN, "/aws-service-role/")
	bound := (person || p.Type == Root) && !linked
	limited := person && in.boundary != nil

	denies, scpAllows := false, true
	ask := func(ps []*refPolicy) bool {
		deny, allow := refAsk(r, ps, limited)
		denies = denies || deny
		return allow != 0
	}
	if !linked {
		for _, level := range in.rcps {
			ask(level)
		}
	}
	if bound {
		for _, level := range in.scps {
			scpAllows = ask(level) && scpAllows
		}
	}
	var grants grant
	if in.resource != nil {
		var deny bool
		deny, grants = refAsk(r, []*refPolicy{in.resource}, limited)
		denies = denies || deny
	}
	identity, boundary, session := false, true, true
	if person {
		identity = ask(in.identity)
		if in.boundary != nil {
			boundary = ask([]*refPolicy{in.boundary})
		}
		if in.hasSession || p.Type == FederatedUser {
			session = ask(in.session)
		}
	}
	if denies {
		return ExplicitDeny
	}
	allowed := false
	cross := p.Account != r.ResourceAccount
	named := strings.HasPrefix(r.Action, "kms:") && strings.Contains(r.Resource, ":key/") || r.Action == "sts:AssumeRole"
	has := func(g grant) bool { return grants&g != 0 }
	switch {
	case !person && p.Type != Root:
		allowed = grants != 0
	case p.Type == Root && r.Action == "sts:AssumeRole":
		allowed = false
	case p.Type == Root:
		allowed = grants != 0 || !cross && !named
	case cross:
		allowed = grants != 0 && identity && boundary && session
	case p.Type == User && has(grantUser|grantDirect), p.Type != User && has(grantSession|grantDirect):
		allowed = true
	case p.Type == AssumedRole && has(grantRole), p.Type == FederatedUser && has(grantUser):
		allowed = boundary && session
	default:
		allowed = identity && boundary && session && (grants != 0 || !named)
	}
	if allowed && scpAllows {
		return Allowed
	}
	return ImplicitDeny
}

// refAsk says whether any statement denies, and how those that allow name the
// principal.
func refAsk(r *refRequest, ps []*refPolicy, limited bool) (deny bool, grants grant) {
	for _, p := range ps {
		for i := range p.Statements {
			s := &p.Statements[i]
			g := refPrincipal(r, s, limited)
			if g == 0 || !refAction(r, s) || !refResource(r, p, s) || !refConditions(r, p, s) {
				continue
			}
			if s.Effect == "Deny" {
				deny = true
			} else {
				grants |= g
			}
		}
	}
	return deny, grants
}

func refAction(r *refRequest, s *refStatement) bool {
	hit := slices.ContainsFunc(s.Actions, func(a string) bool {
		return refGlob(strings.ToLower(a), strings.ToLower(r.Action))
	})
	return hit != s.NotAction
}

// refGlob writes the pattern as a regular expression.
func refGlob(pattern, s string) bool {
	q := regexp.QuoteMeta(pattern)
	q = strings.ReplaceAll(strings.ReplaceAll(q, `\*`, `.*`), `\?`, `.`)
	return regexp.MustCompile(`(?s)^` + q + `$`).MatchString(s)
}

func refResource(r *refRequest, p *refPolicy, s *refStatement) bool {
	hit, resolved := false, true
	for _, pattern := range s.Resources {
		h, ok := refOneResource(r, p, s, pattern)
		hit, resolved = hit || h, resolved && ok
	}
	if len(s.Resources) == 0 {
		return true // a trust policy
	}
	if s.NotResource {
		return !hit && (resolved || s.Effect == "Deny")
	}
	return hit
}

func refOneResource(r *refRequest, p *refPolicy, s *refStatement, pattern string) (hit, resolved bool) {
	if pattern == "*" {
		return true, true
	}
	pf, rf := strings.SplitN(pattern, ":", 6), strings.SplitN(r.Resource, ":", 6)
	if len(pf) < 6 {
		identity := p.Kind == Inline || p.Kind == Session || p.Kind == Boundary
		org := (p.Kind == SCP || p.Kind == RCP) && s.Effect == "Deny"
		if !strings.HasSuffix(pattern, "*") && !identity && !org {
			return false, true
		}
	}
	last := ""
	if len(pf) == 6 {
		var ok bool
		if last, ok = refFill(r, p, pf[5]); !ok {
			return false, false
		}
	}
	if len(rf) < 6 {
		return false, true
	}
	for i := range min(5, len(pf)) {
		if !refGlob(strings.ToLower(pf[i]), strings.ToLower(rf[i])) {
			return false, true
		}
	}
	return len(pf) < 6 || regexp.MustCompile(last).MatchString(rf[5]), true
}

var refVariable = regexp.MustCompile(`\$\{(\*|\?|\$|[^}', ]+)(?: *, *'([^']*)' *)?\}`)

// refFill writes a pattern with its variables as a regular expression. It is
// not ok if one has no value.
func refFill(r *refRequest, p *refPolicy, text string) (string, bool) {
	var b strings.Builder
	b.WriteString(`(?s)^`)
	wild := func(s string) {
		q := regexp.QuoteMeta(s)
		b.WriteString(strings.ReplaceAll(strings.ReplaceAll(q, `\*`, `.*`), `\?`, `.`))
	}
	for p.Version == "2012-10-17" {
		m := refVariable.FindStringSubmatchIndex(text)
		if m == nil {
			break
		}
		wild(text[:m[0]])
		name := text[m[2]:m[3]]
		key := strings.ToLower(name)
		switch values, has := r.keys[key]; {
		case len(name) == 1:
			b.WriteString(regexp.QuoteMeta(name))
		case has && !r.multi[key]:
			b.WriteString(regexp.QuoteMeta(values[0]))
		case m[4] >= 0:
			b.WriteString(regexp.QuoteMeta(text[m[4]:m[5]]))
		default:
			return "", false
		}
		text = text[m[1]:]
	}
	wild(text)
	b.WriteString(`$`)
	return b.String(), true
}

func refPrincipal(r *refRequest, s *refStatement, limited bool) grant {
	if s.Principal == nil {
		return grantDirect
	}
	var g grant
	p := &r.Principal
	person := p.Type == User || p.Type == AssumedRole || p.Type == FederatedUser || p.Type == Root
	for kind, values := range s.Principal {
		if kind == "*" {
			g |= grantDirect
		}
		for _, v := range values {
			switch {
			case kind == "AWS" && v == "*":
				g |= grantDirect
			case kind == "AWS" && person && (v == p.Account || v == "arn:aws:iam::"+p.Account+":root"):
				g |= grantAccount
			case kind == "AWS" && p.Type == User && v == p.ARN, kind == "AWS" && p.Type == FederatedUser && v == p.UserARN:
				g |= grantUser
			case kind == "AWS" && p.Type == AssumedRole && v == p.RoleARN:
				g |= grantRole
			case kind == "AWS" && (p.Type == AssumedRole || p.Type == FederatedUser) && v == p.ARN:
				g |= grantSession
			case kind == "Service" && p.Type == Service && v == p.Service:
				g |= grantService
			}
		}
	}
	if !s.NotPrincipal {
		return g
	}
	if s.Effect == "Allow" {
		return when(g == 0, grantDirect)
	}
	need := map[PrincipalType]grant{
		Root: grantAccount, User: grantAccount | grantUser, Service: grantService,
		AssumedRole: grantAccount | grantRole | grantSession, FederatedUser: grantAccount | grantSession,
	}[p.Type]
	exempt := g&grantDirect != 0 || need != 0 && g&need == need
	return when(!exempt || limited, grantDirect)
}

func refConditions(r *refRequest, p *refPolicy, s *refStatement) bool {
	for _, c := range s.Conditions {
		if !refHolds(r, p, c) {
			return false
		}
	}
	return true
}

func refHolds(r *refRequest, p *refPolicy, c refCondition) bool {
	op, forAll := strings.CutPrefix(c.Op, "ForAllValues:")
	op, forAny := strings.CutPrefix(op, "ForAnyValue:")
	op, ifExists := strings.CutSuffix(op, "IfExists")
	key := strings.ToLower(c.Key)
	values, has := r.keys[key]
	negated := strings.Contains(op, "Not")
	op = strings.Replace(op, "Not", "", 1)
	if op == "Null" {
		return slices.ContainsFunc(c.Values, func(v string) bool { return v == strconv.FormatBool(len(values) == 0) })
	}
	pass := func(v string) bool {
		hit, bad := false, false
		for _, want := range c.Values {
			h, ok := refCompare(r, p, op, want, v)
			hit, bad = hit || h, bad || !ok
		}
		if negated {
			return !hit && !bad
		}
		return hit
	}
	switch {
	case forAll:
		return !slices.ContainsFunc(values, func(v string) bool { return !pass(v) })
	case forAny:
		return slices.ContainsFunc(values, pass)
	case !has:
		return negated || ifExists
	case r.multi[key]:
		return false
	}
	return pass(values[0])
}

// refCompare compares one value of a policy with one of a request. It is not
// ok if either isn't of the operator's type.
func refCompare(r *refRequest, p *refPolicy, op, want, got string) (hit, ok bool) {
	switch op {
	case "StringEquals", "StringEqualsIgnoreCase", "StringLike":
		re, filled := refFill(r, p, want)
		if op != "StringLike" {
			escaped := strings.NewReplacer("${*}", "${*}", "*", "${*}", "?", "${?}").Replace(want)
			re, filled = refFill(r, &refPolicy{Version: "2012-10-17"}, escaped)
			if p.Version != "2012-10-17" {
				re, filled = "(?s)^"+regexp.QuoteMeta(want)+"$", true
			}
		}
		if op == "StringEqualsIgnoreCase" {
			re = "(?i)" + re
		}
		return filled && regexp.MustCompile(re).MatchString(got), true
	case "Bool":
		w, g := strings.ToLower(want), strings.ToLower(got)
		isBool := func(s string) bool { return s == "true" || s == "false" }
		return w == g, isBool(w) && isBool(g)
	case "IpAddress":
		if !strings.Contains(want, "/") {
			want += map[bool]string{true: "/128", false: "/32"}[strings.Contains(want, ":")]
		}
		_, network, err := net.ParseCIDR(want)
		ip := net.ParseIP(got)
		return err == nil && ip != nil && network.Contains(ip), err == nil && ip != nil
	case "ArnEquals", "ArnLike":
		wf, gf := strings.SplitN(want, ":", 6), strings.SplitN(got, ":", 6)
		if len(wf) < 6 || len(gf) < 6 || gf[0] != "arn" {
			return false, false
		}
		for i := range wf {
			re, filled := refFill(r, p, wf[i])
			if !filled || !regexp.MustCompile(re).MatchString(gf[i]) {
				return false, true
			}
		}
		return true, true
	}
	kind, cmp := "Numeric", 0
	if rest, date := strings.CutPrefix(op, "Date"); date {
		w, err1 := time.Parse(time.RFC3339, want)
		g, err2 := time.Parse(time.RFC3339, got)
		if err1 != nil || err2 != nil {
			return false, false
		}
		op, cmp = rest, g.Compare(w)
	} else {
		w, ok1 := new(big.Rat).SetString(want)
		g, ok2 := new(big.Rat).SetString(got)
		if !ok1 || !ok2 {
			return false, false
		}
		op, cmp = strings.TrimPrefix(op, kind), g.Cmp(w)
	}
	switch op {
	case "Equals":
		return cmp == 0, true
	case "LessThan":
		return cmp < 0, true
	case "LessThanEquals":
		return cmp <= 0, true
	case "GreaterThan":
		return cmp > 0, true
	}
	return cmp >= 0, true
}
