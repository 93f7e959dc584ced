package federation

import (
	"crypto/sha1" // of which AWS makes saml:namequalifier
	"encoding/base64"
	"encoding/xml"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/crewjam/saml"
)

// Assertion is what a verified SAML response says.
type Assertion struct {
	Issuer        string
	Subject       string
	SubjectType   string // persistent, transient, or the whole format
	Audience      string // the recipient
	NameQualifier string
	Roles         []RolePair
	SessionName   string
	Duration      time.Duration // zero where it doesn't say
	// SessionEnds is when a session ends at the latest; zero where it doesn't say.
	SessionEnds time.Time
	Vouched
}

// RolePair is a role with the provider that may vouch for it, both ARNs.
type RolePair struct{ Role, Provider string }

const (
	attribute      = "https://aws.amazon.com/SAML/Attributes/"
	attributeTag   = attribute + "PrincipalTag:"
	nameIDPrefix   = "urn:oasis:names:tc:SAML:2.0:nameid-format:"
	methodBearer   = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
	maxRedeem      = 5 * time.Minute
	shortestRole   = 900 * time.Second
	longestRole    = 43200 * time.Second
	serviceEntity  = "urn:amazon:webservices"
	maxSAMLValues  = 1000 // of all attributes together
	unspecifiedFor = "unspecified"
)

var (
	signIn      = regexp.MustCompile(`^https://(?:[a-z0-9-]+\.)?signin\.aws\.amazon\.com/saml(?:/acs/[A-Z0-9]+)?$`)
	sessionName = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
)

// Audience says for whom assertions may be.
type Audience struct {
	// Own are URLs that stand for this deployment, besides those of AWS's sign-in.
	Own []string
}

func (a Audience) has(audience string) bool {
	return audience == serviceEntity || a.receives(audience)
}

func (a Audience) receives(recipient string) bool {
	return signIn.MatchString(recipient) || slices.Contains(a.Own, recipient)
}

// Verify verifies a response in base64 that the provider has made for the
// audience. *Refused.
func (p *SAMLProvider) Verify(response string, to Audience, now time.Time) (*Assertion, error) {
	if !p.ValidUntil.IsZero() && !now.Before(p.ValidUntil) {
		return nil, refused(msgProviderTo)
	}
	text, err := p.signed(response)
	if err != nil {
		return nil, err
	}
	var said saml.Assertion
	if err := xml.Unmarshal(text, &said); err != nil {
		return nil, &Refused{Text: msgResponse, Err: err}
	}
	a := &Assertion{Issuer: strings.TrimSpace(said.Issuer.Value)}
	if a.Issuer != p.EntityID {
		return nil, refused(msgIssuer)
	}
	if err := timely(&said, now); err != nil {
		return nil, err
	}
	if !audienceOf(&said, to) {
		return nil, refused(msgSAMLAud)
	}
	if err := a.subject(&said, to, now); err != nil {
		return nil, err
	}
	sum := sha1.Sum([]byte(a.Issuer + p.Account + "/" + p.Name))
	a.NameQualifier = base64.StdEncoding.EncodeToString(sum[:])
	for _, s := range said.AuthnStatements {
		if ends := s.SessionNotOnOrAfter; ends != nil && (a.SessionEnds.IsZero() || ends.Before(a.SessionEnds)) {
			a.SessionEnds = *ends
		}
	}
	if !a.SessionEnds.IsZero() && !now.Before(a.SessionEnds) {
		return nil, &Refused{Text: msgLate, Expired: true}
	}
	return a, a.attributes(&said, p)
}

// timely refuses an assertion that is too old or too young.
func timely(said *saml.Assertion, now time.Time) error {
	c := said.Conditions
	if c == nil || said.IssueInstant.IsZero() {
		return refused(msgResponse)
	}
	if latest := now.Add(maxSkew); said.IssueInstant.After(latest) || c.NotBefore.After(latest) {
		return refused(msgEarly)
	}
	if now.Sub(said.IssueInstant) > maxRedeem || !c.NotOnOrAfter.IsZero() && !now.Before(c.NotOnOrAfter) {
		return &Refused{Text: msgLate, Expired: true}
	}
	return nil
}

// audienceOf reports whether every restriction of the audience lets us in.
func audienceOf(said *saml.Assertion, to Audience) bool {
	for _, r := range said.Conditions.AudienceRestrictions {
		if !to.has(strings.TrimSpace(r.Audience.Value)) {
			return false
		}
	}
	return len(said.Conditions.AudienceRestrictions) > 0
}

// subject reads who the assertion is about, and for whom it was made.
func (a *Assertion) subject(said *saml.Assertion, to Audience, now time.Time) error {
	s := said.Subject
	if s == nil || s.NameID == nil || strings.TrimSpace(s.NameID.Value) == "" {
		return refused(msgSubject)
	}
	a.Subject = strings.TrimSpace(s.NameID.Value)
	a.SubjectType = strings.TrimPrefix(s.NameID.Format, nameIDPrefix)
	if a.SubjectType == "" {
		a.SubjectType = unspecifiedFor
	}
	problem := refused(msgSubject)
	for _, c := range s.SubjectConfirmations {
		data := c.SubjectConfirmationData
		switch {
		case c.Method != methodBearer || data == nil:
		case !to.receives(data.Recipient):
			problem = refused(msgRecipient)
		case data.NotBefore.After(now.Add(maxSkew)):
			problem = refused(msgEarly)
		case data.NotOnOrAfter.IsZero() || !now.Before(data.NotOnOrAfter):
			problem = &Refused{Text: msgLate, Expired: true}
		default:
			a.Audience = data.Recipient
			return nil
		}
	}
	return problem
}

// attributes reads what the assertion says of its subject.
func (a *Assertion) attributes(said *saml.Assertion, p *SAMLProvider) error {
	a.Keys = map[string][]string{
		"saml:iss": {a.Issuer}, "saml:sub": {a.Subject}, "saml:sub_type": {a.SubjectType}, "saml:aud": {a.Audience},
		"saml:namequalifier": {a.NameQualifier}, "saml:doc": {p.Account + "/" + p.Name},
	}
	seen, count := map[string]bool{}, 0
	for _, statement := range said.AttributeStatements {
		for _, at := range statement.Attributes {
			values := valuesOf(at)
			if count += len(values); count > maxSAMLValues {
				return refused(msgAttributes)
			}
			if own, ok := strings.CutPrefix(at.Name, attribute); ok {
				if seen[own] {
					return refused(msgAttributes)
				}
				seen[own] = true
				if err := a.attribute(own, values); err != nil {
					return err
				}
			}
			if key := samlKeys[at.Name]; key != "" && len(values) > 0 {
				a.Keys["saml:"+key] = append(a.Keys["saml:"+key], values...)
			}
		}
	}
	switch {
	case a.SessionName == "":
		return refused(msgName)
	case !sessionName.MatchString(a.SessionName):
		return refused(msgNameForm)
	}
	slices.SortFunc(a.Tags, func(x, y Tag) int { return strings.Compare(x.Key, y.Key) })
	return nil
}

func valuesOf(a saml.Attribute) []string {
	var values []string
	for _, v := range a.Values {
		values = append(values, strings.TrimSpace(v.Value))
	}
	return values
}

// attribute reads one of AWS's own attributes. Those that aren't known say
// nothing.
func (a *Assertion) attribute(name string, values []string) error {
	if key, ok := strings.CutPrefix(attribute+name, attributeTag); ok {
		if len(values) != 1 {
			return refused(msgAttributes)
		}
		a.Tags = append(a.Tags, Tag{key, values[0]})
		return nil
	}
	switch name {
	case "Role":
		for _, v := range values {
			if pair, ok := rolePair(v); ok {
				a.Roles = append(a.Roles, pair)
			}
		}
		return nil
	case "TransitiveTagKeys":
		a.Transitive = values
		return nil
	case "RoleSessionName", "SessionDuration", "SourceIdentity":
		if len(values) != 1 {
			return refused(msgAttributes)
		}
	}
	switch name {
	case "RoleSessionName":
		a.SessionName = values[0]
	case "SourceIdentity":
		a.SourceIdentity = values[0]
	case "SessionDuration":
		seconds, err := strconv.Atoi(values[0])
		a.Duration = time.Duration(seconds) * time.Second
		if err != nil || a.Duration < shortestRole || a.Duration > longestRole {
			return refused(msgDuration)
		}
	}
	return nil
}

// rolePair reads a role and its provider, which stand in either order.
func rolePair(text string) (RolePair, bool) {
	one, other, ok := strings.Cut(text, ",")
	one, other = strings.TrimSpace(one), strings.TrimSpace(other)
	if strings.Contains(one, ":saml-provider/") {
		one, other = other, one
	}
	return RolePair{one, other}, ok && strings.Contains(one, ":role/") && strings.Contains(other, ":saml-provider/")
}
