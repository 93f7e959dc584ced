package policy

import (
	"slices"
	"strings"
)

// policyTypes are what Access Analyzer calls the kinds of policies that name no
// principals.
var policyTypes = map[Kind]string{Managed: "IDENTITY_POLICY", Inline: "IDENTITY_POLICY", Boundary: "IDENTITY_POLICY", Session: "IDENTITY_POLICY"}

// principals looks at Principal or NotPrincipal.
func (v *validator) principals(s *validated) {
	e := &s.principal
	switch v.Kind {
	case SCP:
		if e.present() {
			v.at(e.span, "SCP_SYNTAX_ERROR_PRINCIPAL")
		}
	case RCP:
		v.principalsOfRCP(s)
	case Resource, Trust:
		v.trusted(s)
	default:
		if e.present() {
			v.at(e.span, "UNSUPPORTED_PRINCIPAL", policyTypes[v.Kind])
		}
	}
}

func (v *validator) principalsOfRCP(s *validated) {
	e := &s.principal
	switch {
	case !e.present():
		v.at(s.span, "MISSING_PRINCIPAL")
	case e.not || e.kind != nodeText || e.text != "*":
		v.at(e.span, "RCP_SYNTAX_ERROR_PRINCIPAL")
	}
	if s.effect == "Allow" && (s.elements["Condition"] != nil || len(s.resource.leaves) != 1 || s.resource.leaves[0].text != "*") {
		v.at(s.span, "RCP_SYNTAX_ERROR_ALLOW")
	}
	if s.action.present() && s.action.not {
		v.at(s.action.span, "RCP_SYNTAX_ERROR_NOTACTION")
	}
}

// trusted looks at the principals of a policy that names them.
func (v *validator) trusted(s *validated) {
	e := &s.principal
	switch {
	case !e.present():
		v.at(s.span, "MISSING_PRINCIPAL")
		return
	case e.not && v.Kind == Trust:
		v.at(e.span, "ROLE_TRUST_POLICY_SYNTAX_ERROR_NOTPRINCIPAL")
	case e.not && s.effect == "Allow":
		v.at(e.span, "ALLOW_WITH_NOT_PRINCIPAL")
	}
	switch {
	case e.kind == nodeText && e.text == "*" && v.Kind == Trust:
		v.at(e.span, "ROLE_TRUST_POLICY_UNSUPPORTED_WILDCARD_IN_PRINCIPAL")
	case e.kind == nodeText && e.text == "*":
	case e.kind == nodeList && len(e.members) == 0:
		v.at(e.span, "EMPTY_ARRAY_PRINCIPAL")
	case e.kind != nodeObject:
		v.at(e.span, "INVALID_PRINCIPAL_FORMAT")
	case len(e.members) == 0:
		v.at(e.span, "EMPTY_OBJECT_PRINCIPAL")
	default:
		for i := range e.members {
			v.principalMember(s, &e.members[i])
		}
	}
}

func (v *validator) principalMember(s *validated, m *member) {
	e := &s.principal
	if !slices.Contains([]string{"AWS", "Service", "Federated", "CanonicalUser"}, m.name) {
		v.at(v.name(e.located, m), "INVALID_PRINCIPAL_KEY", m.name)
		return
	}
	o := e.member(m)
	if o.kind == nodeList && len(o.members) == 0 {
		v.at(o.span, "EMPTY_ARRAY_PRINCIPAL")
	}
	for _, l := range v.strings(o) {
		e.leaves = append(e.leaves, l)
		v.noVariables(l)
		switch {
		case strings.ContainsAny(l.text, "*?") && (m.name != "AWS" || l.text != "*"):
			v.at(l.span, "UNSUPPORTED_WILDCARD_IN_PRINCIPAL", m.name)
		case m.name == "Service" && !serviceForm.MatchString(l.text):
			v.at(l.span, "INVALID_SERVICE_PRINCIPAL_FORMAT", "{service-name}.amazonaws.com")
		case m.name == "AWS" && uniqueForm.MatchString(l.text) && strings.HasPrefix(l.text, "AROA"):
			v.at(l.span, "INVALID_ROLE_REFERENCE", l.text)
		case m.name == "AWS" && uniqueForm.MatchString(l.text) && strings.HasPrefix(l.text, "AIDA"):
			v.at(l.span, "INVALID_USER_REFERENCE", l.text)
		case m.name == "Federated" && v.Kind == Trust:
			v.federated(s, l)
		}
	}
}

// federated looks at an identity provider that a role trusts.
func (v *validator) federated(s *validated, l leaf) {
	saml := strings.Contains(l.text, ":saml-provider/")
	_, host, oidc := strings.Cut(l.text, ":oidc-provider/")
	if !saml && !oidc {
		if strings.HasPrefix(l.text, "arn:") || !serviceForm.MatchString(l.text) {
			v.at(l.span, "INVALID_FEDERATED_PRINCIPAL_SYNTAX_IN_ROLE_TRUST_POLICY")
			return
		}
		host = l.text
	}
	for _, a := range s.action.leaves {
		if saml && equalFold(a.text, "sts:AssumeRoleWithWebIdentity") || !saml && equalFold(a.text, "sts:AssumeRoleWithSAML") {
			v.at(a.span, "MISMATCHED_ACTION_FOR_PRINCIPAL", a.text, l.text)
		}
	}
	if saml || s.effect != "Allow" {
		return
	}
	switch {
	case !s.hasKeyOf(host + ":"):
		v.at(l.span, "MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL")
	case host == "token.actions.githubusercontent.com" && !s.hasKey(host+":sub"):
		v.at(l.span, "MISSING_GITHUB_REPO_CONDITION_KEY")
	}
}

// hasKeyOf reports whether a condition asks for a key that begins so.
func (s *validated) hasKeyOf(prefix string) bool {
	m := s.elements["Condition"]
	if m == nil {
		return false
	}
	return slices.ContainsFunc(m.value.members, func(op member) bool {
		return slices.ContainsFunc(op.value.members, func(k member) bool { return foldPrefix(k.name, prefix) })
	})
}
