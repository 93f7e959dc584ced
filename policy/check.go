package policy

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/sallyport-iam/sallyport/arn"
)

// The texts with which IAM refuses documents other than trust policies.
const (
	msgSyntax       = "Syntax errors in policy."
	msgVersion      = "Policy document must be version 2012-10-17 or greater."
	msgLegacy       = "The policy failed legacy parsing"
	msgSidTwice     = "Statement IDs (SID) in a single policy must be unique."
	msgSidForm      = "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"
	msgPrincipal    = "Policy document should not specify a principal."
	msgNoPrincipal  = "Missing required field Principal"
	msgNoPrincipals = "Missing required field Principal cannot be empty!"
	msgNoActions    = "Policy statement must contain actions."
	msgNoResources  = "Policy statement must contain resources."
)

// unreadable returns what AWS says of a text that isn't a policy at all.
func unreadable(kind Kind) string {
	if kind == Trust {
		return "This policy contains invalid Json"
	}
	return msgSyntax
}

// fault makes the error of a check.
func fault(at position, message, detail string, args ...any) *Error {
	return &Error{
		Code: codeMalformed, Message: message, Detail: fmt.Sprintf(detail, args...),
		Line: int(at.line), Column: int(at.col),
	}
}

// check judges a document as AWS does when a policy of that kind is saved, and
// returns the first fault. Each step passes over all statements before the
// next one begins: the order is AWS's, as recorded with documents of several
// faults.
func check(d *document, kind Kind) *Error {
	if kind == Trust {
		return checkTrust(d)
	}
	if err := checkSyntax(d); err != nil {
		return err
	}
	if v := d.version; v.text != version2012 && (kind == Managed || kind == SCP || kind == RCP) {
		return fault(or(v.at, d.at), msgVersion, "the version is %q", v.text)
	}
	for _, step := range [...]func(*document, Kind) *Error{
		checkLegacy, checkSids, checkPrincipals, checkHasActions, checkOrganization,
		checkResources, checkHasResources, checkActions,
	} {
		if err := step(d, kind); err != nil {
			return err
		}
	}
	return nil
}

// or returns the first of two places that is one.
func or(a, b position) position {
	if a.line != 0 {
		return a
	}
	return b
}

// checkSyntax is the first of AWS's steps. Wrong types have been found before.
func checkSyntax(d *document) *Error {
	if v := d.version; v.present() && v.text != version2012 && v.text != version2008 {
		return fault(v.at, msgSyntax, "there is no version %q", v.text)
	}
	if len(d.statements) == 0 {
		return fault(d.at, msgSyntax, "a policy holds at least one statement")
	}
	for i := range d.statements {
		s := &d.statements[i]
		if e := s.effect; !equalFold(e.text, "Allow") && !equalFold(e.text, "Deny") {
			return fault(or(e.at, s.at), msgSyntax, "Effect is Allow or Deny, not %q", e.text)
		}
		if err := checkPairs(s); err != nil {
			return err
		}
		if s.misplaced() {
			return fault(s.principal.at, msgSyntax, "a principal is \"*\" or an object")
		}
		for j := range s.conditions {
			if op := s.conditions[j].operator; !knownOperator(op.text) {
				return fault(op.at, msgSyntax, "there is no condition operator %q", op.text)
			}
		}
	}
	return nil
}

func knownOperator(name string) bool {
	_, ok := parseOperator(name)
	return ok
}

// checkPairs refuses an element together with its negation.
func checkPairs(s *rawStatement) *Error {
	for _, p := range [...]struct {
		e    *element
		name string
	}{{&s.action, "Action"}, {&s.resource, "Resource"}, {&s.principal, "Principal"}} {
		if p.e.both {
			return fault(p.e.at, msgSyntax, "%s and Not%s exclude each other", p.name, p.name)
		}
	}
	return nil
}

// checkLegacy finds what AWS's older parser refuses: the case of Effect, dates
// and ARNs with holes.
func checkLegacy(d *document, _ Kind) *Error {
	for i := range d.statements {
		s := &d.statements[i]
		if e := s.effect; e.text != "Allow" && e.text != "Deny" {
			return fault(e.at, msgLegacy, "write Allow or Deny, not %q", e.text)
		}
		for j := range s.conditions {
			if err := checkDates(&s.conditions[j]); err != nil {
				return err
			}
		}
		for _, r := range s.resource.items {
			if legacyFault(r.text) {
				return fault(r.at, msgLegacy, "the ARN %q lacks fields", r.text)
			}
		}
	}
	return nil
}

func checkDates(c *rawCondition) *Error {
	if op, _ := parseOperator(c.operator.text); op.test != testDate {
		return nil
	}
	for _, v := range c.values {
		if _, ok := parseDate(v.text); !ok {
			return fault(v.at, msgLegacy, "%q is no date", v.text)
		}
	}
	return nil
}

// checkSids leaves the form of a Sid to the service where the policy is a
// resource's: S3, for one, takes blanks.
func checkSids(d *document, kind Kind) *Error {
	seen := make(map[string]bool)
	for i := range d.statements {
		sid := d.statements[i].sid
		if sid.text == "" {
			continue
		}
		if seen[sid.text] {
			return fault(sid.at, msgSidTwice, "Sid %q stands twice", sid.text)
		}
		seen[sid.text] = true
	}
	for i := range d.statements {
		if sid := d.statements[i].sid; kind != Resource && strings.ContainsFunc(sid.text, notSid) {
			return fault(sid.at, msgSidForm, "Sid %q has other characters", sid.text)
		}
	}
	return nil
}

func notSid(c rune) bool {
	return !('A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9')
}

// checkPrincipals demands a principal where the kind of policy has one.
func checkPrincipals(d *document, kind Kind) *Error {
	for i := range d.statements {
		s := &d.statements[i]
		var err *Error
		switch kind {
		case Resource:
			err = checkPrincipal(s)
		case RCP:
			err = checkPrincipalOfRCP(s)
		default:
			if s.principal.present {
				err = fault(s.principal.at, msgPrincipal, "only policies on resources name principals")
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func checkPrincipal(s *rawStatement) *Error {
	p := &s.principal
	switch {
	case !p.present:
		return fault(s.at, msgNoPrincipal, "a policy on a resource names principals")
	case s.badPrincipal.present():
		return fault(s.badPrincipal.at, fmt.Sprintf("Invalid principal in policy: %q", s.badPrincipal.text), "principals are AWS, Service, Federated or CanonicalUser")
	case s.principalText && p.items[0].text != "*":
		return fault(p.items[0].at, fmt.Sprintf("Invalid principal in policy: %q", p.items[0].text), "outside of an object, a principal can only be \"*\"")
	case len(p.items) == 0:
		return fault(p.at, msgNoPrincipals, "no principal is named")
	}
	for _, it := range p.items {
		if member, v, ok := strings.Cut(it.text, "\x00"); ok && !principalForm(member, v) {
			if member == "Service" {
				member = "SERVICE"
			}
			return fault(it.at, fmt.Sprintf("Invalid principal in policy: %q:%q", member, v), "%q is no principal of type %s", v, member)
		}
	}
	return nil
}

func checkPrincipalOfRCP(s *rawStatement) *Error {
	if p := &s.principal; !p.present || p.not || !s.principalText || p.items[0].text != "*" {
		return fault(or(p.at, s.at), msgSyntax, "the principal of a resource control policy is \"*\"")
	}
	return nil
}

var (
	serviceForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*(\.[a-z0-9-]+)+$`)
	uniqueForm  = regexp.MustCompile(`^A[A-Z0-9]{15,127}$`)
	iamForm     = regexp.MustCompile(`^(root|(user|role)/[^*?]+)$`)
	stsForm     = regexp.MustCompile(`^(assumed-role/[^*?/]+/[^*?/]+|federated-user/[^*?/]+)$`)
	hexForm     = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)
)

// principalForm says whether v can be a principal under a member of the map.
// Whether there is such a principal only the directory knows.
func principalForm(member, v string) bool {
	switch member {
	case "Service":
		return serviceForm.MatchString(v)
	case "Federated":
		return strings.HasPrefix(v, "arn:") && (strings.Contains(v, ":saml-provider/") || strings.Contains(v, ":oidc-provider/")) ||
			v == "accounts.google.com" || v == "graph.facebook.com" || v == "www.amazon.com" || v == cognitoProvider
	case "CanonicalUser":
		return hexForm.MatchString(v)
	}
	if v == "*" || isAccount(v) || uniqueForm.MatchString(v) {
		return true
	}
	f, n := arn.Split(v)
	// CloudFront's origin access identities are users of an account of that name.
	if n != arn.Fields || f[0] != "arn" || !partitions[f[1]] || f[1] == "*" || f[3] != "" || !isAccount(f[4]) && f[4] != "cloudfront" {
		return false
	}
	return f[2] == "iam" && iamForm.MatchString(f[5]) || f[2] == "sts" && stsForm.MatchString(f[5])
}

// checkHasActions wants something in Action or NotAction; absent is empty.
func checkHasActions(d *document, _ Kind) *Error {
	for i := range d.statements {
		if s := &d.statements[i]; len(s.action.items) == 0 {
			return fault(or(s.action.at, s.at), msgNoActions, "the statement has no action")
		}
	}
	return nil
}

// checkHasResources wants something in Resource or NotResource. It comes after
// the texts of those that are there.
func checkHasResources(d *document, _ Kind) *Error {
	for i := range d.statements {
		if s := &d.statements[i]; len(s.resource.items) == 0 {
			return fault(or(s.resource.at, s.at), msgNoResources, "the statement has no resource")
		}
	}
	return nil
}

// checkOrganization holds the rules of organization policies alone.
func checkOrganization(d *document, kind Kind) *Error {
	if kind != SCP && kind != RCP {
		return nil
	}
	if kind == RCP && d.id.present() {
		return fault(d.id.at, msgSyntax, "a resource control policy has no Id")
	}
	for i := range d.statements {
		s := &d.statements[i]
		for _, r := range s.resource.items {
			if strings.Count(r.text, ":") < 5 && r.text != "*" && (kind == RCP || !strings.HasSuffix(r.text, "*")) {
				return fault(r.at, msgSyntax, "the ARN %q lacks fields", r.text)
			}
		}
		if kind == SCP {
			continue
		}
		switch {
		case s.effect.text != "Deny":
			return fault(s.effect.at, msgSyntax, "a resource control policy only denies")
		case s.action.not:
			return fault(s.action.at, msgSyntax, "a resource control policy has no NotAction")
		}
		for _, a := range s.action.items {
			if a.text == "*" {
				return fault(a.at, msgSyntax, "a resource control policy names the service of an action")
			}
		}
	}
	return nil
}
