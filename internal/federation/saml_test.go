package federation

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	_ "embed"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/beevik/etree"
	"github.com/crewjam/saml"
	"github.com/google/go-cmp/cmp"
	dsig "github.com/russellhaering/goxmldsig"
)

var start = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

const (
	roleARN     = "arn:aws:iam::111122223333:role/app"
	providerARN = "arn:aws:iam::111122223333:saml-provider/corp"
)

// samlIDP is an identity provider: crewjam/saml's.
type samlIDP struct {
	idp  *saml.IdentityProvider
	cert *x509.Certificate
	key  *rsa.PrivateKey
}

// idpKey is of no use to anyone. It stands here, so that all processes of a fuzz
// test have the same.
//
//go:embed testdata/idp-key.pem
var idpKey string

var newSAMLIDP = sync.OnceValue(func() *samlIDP {
	key, err := rsaKey(idpKey)
	if err != nil {
		panic(err)
	}
	// Its certificate expired long ago, which AWS doesn't mind.
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "idp"}, NotBefore: start.AddDate(-3, 0, 0), NotAfter: start.AddDate(-2, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return &samlIDP{
		idp:  &saml.IdentityProvider{Key: key, Certificate: cert, MetadataURL: url.URL{Scheme: "https", Host: "idp.example.com", Path: "/metadata"}, SignatureMethod: dsig.RSASHA256SignatureMethod},
		cert: cert, key: key,
	}
})

// provider is what an account knows of the identity provider.
func (i *samlIDP) provider() *SAMLProvider {
	return &SAMLProvider{Metadata: &Metadata{EntityID: "https://idp.example.com/metadata", Certificates: []*x509.Certificate{i.cert}}, Account: "111122223333", Name: "corp"}
}

func attributeOf(name string, values ...string) saml.Attribute {
	a := saml.Attribute{Name: name, NameFormat: "urn:oasis:names:tc:SAML:2.0:attrname-format:uri"}
	for _, v := range values {
		a.Values = append(a.Values, saml.AttributeValue{Type: "xs:string", Value: v})
	}
	return a
}

// said is a good assertion.
func said() *saml.Assertion {
	ends := start.Add(30 * time.Minute)
	return &saml.Assertion{
		ID: "id-assertion", IssueInstant: start.Add(-time.Minute), Version: "2.0",
		Issuer: saml.Issuer{Value: "https://idp.example.com/metadata"},
		Subject: &saml.Subject{
			NameID: &saml.NameID{Format: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent", Value: "ann"},
			SubjectConfirmations: []saml.SubjectConfirmation{{
				Method:                  "urn:oasis:names:tc:SAML:2.0:cm:bearer",
				SubjectConfirmationData: &saml.SubjectConfirmationData{NotOnOrAfter: start.Add(5 * time.Minute), Recipient: "https://signin.aws.amazon.com/saml"},
			}},
		},
		Conditions: &saml.Conditions{
			NotBefore: start.Add(-time.Minute), NotOnOrAfter: start.Add(5 * time.Minute),
			AudienceRestrictions: []saml.AudienceRestriction{{Audience: saml.Audience{Value: "urn:amazon:webservices"}}},
		},
		AuthnStatements: []saml.AuthnStatement{{AuthnInstant: start, SessionNotOnOrAfter: &ends}},
		AttributeStatements: []saml.AttributeStatement{{Attributes: []saml.Attribute{
			attributeOf("https://aws.amazon.com/SAML/Attributes/Role", providerARN+","+roleARN, "rubbish"),
			attributeOf("https://aws.amazon.com/SAML/Attributes/RoleSessionName", "ann@example.com"),
			attributeOf("https://aws.amazon.com/SAML/Attributes/SessionDuration", "1800"),
			attributeOf("https://aws.amazon.com/SAML/Attributes/PrincipalTag:Team", "blue"),
			attributeOf("https://aws.amazon.com/SAML/Attributes/TransitiveTagKeys", "Team"),
			attributeOf("https://aws.amazon.com/SAML/Attributes/SourceIdentity", "ann"),
			attributeOf("urn:oid:1.3.6.1.4.1.5923.1.1.1.1", "staff", "member"),
		}}},
	}
}

// respond makes a response around an assertion. encryptTo, where it isn't nil,
// is whom it is encrypted to.
func (i *samlIDP) respond(t testing.TB, a *saml.Assertion, encryptTo *x509.Certificate) *etree.Element {
	t.Helper()
	r := &saml.IdpAuthnRequest{
		IDP: i.idp, Assertion: a, Now: start, SPSSODescriptor: &saml.SPSSODescriptor{},
		ACSEndpoint: &saml.IndexedEndpoint{Binding: saml.HTTPPostBinding, Location: "https://signin.aws.amazon.com/saml"},
	}
	if encryptTo != nil {
		r.SPSSODescriptor.KeyDescriptors = []saml.KeyDescriptor{{Use: "encryption", KeyInfo: saml.KeyInfo{X509Data: saml.X509Data{
			X509Certificates: []saml.X509Certificate{{Data: base64.StdEncoding.EncodeToString(encryptTo.Raw)}},
		}}}}
	}
	if err := r.MakeResponse(); err != nil {
		t.Fatal(err)
	}
	return r.ResponseEl
}

// without is a response without the signature over the whole of it.
func without(response *etree.Element) *etree.Element {
	e := response.Copy()
	for _, s := range children(e, nsSignature, "Signature") {
		e.RemoveChild(s)
	}
	return e
}

func text(t testing.TB, e *etree.Element) string {
	t.Helper()
	doc := etree.NewDocument()
	doc.SetRoot(e.Copy())
	b, err := doc.WriteToString()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func encode(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func TestSAMLResponse(t *testing.T) {
	idp := newSAMLIDP()
	response := idp.respond(t, said(), nil)
	want := &Assertion{
		Issuer: "https://idp.example.com/metadata", Subject: "ann", SubjectType: "persistent", Audience: "https://signin.aws.amazon.com/saml",
		NameQualifier: "mzeL3GCVqWvmuusFQpUTCAr5RhY=",
		Roles:         []RolePair{{roleARN, providerARN}}, SessionName: "ann@example.com", Duration: 30 * time.Minute, SessionEnds: start.Add(30 * time.Minute),
		Vouched: Vouched{Tags: []Tag{{"Team", "blue"}}, Transitive: []string{"Team"}, SourceIdentity: "ann"},
	}
	for name, e := range map[string]*etree.Element{"both signed": response, "only the assertion signed": without(response)} {
		got, err := idp.provider().Verify(encode(text(t, e)), Audience{}, start)
		if err != nil {
			t.Errorf("%s: %v (%v)", name, err, errors.Unwrap(err))
			continue
		}
		keys := got.Keys
		got.Keys = nil
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(map[string][]string{
			"saml:iss": {"https://idp.example.com/metadata"}, "saml:sub": {"ann"}, "saml:sub_type": {"persistent"}, "saml:aud": {"https://signin.aws.amazon.com/saml"},
			"saml:namequalifier": {got.NameQualifier}, "saml:doc": {"111122223333/corp"}, "saml:edupersonaffiliation": {"staff", "member"},
		}, keys); diff != "" {
			t.Errorf("%s: keys (-want +got):\n%s", name, diff)
		}
	}
}

// What AWS's guide gives as the name qualifier's formula, computed elsewhere:
// printf 'https://example.com/saml123456789012/MySAMLIdP' | openssl sha1 -binary | base64
func TestNameQualifier(t *testing.T) {
	idp := newSAMLIDP()
	a := said()
	a.Issuer.Value = "https://example.com/saml"
	p := idp.provider()
	p.EntityID, p.Account, p.Name = "https://example.com/saml", "123456789012", "MySAMLIdP"
	got, err := p.Verify(encode(text(t, idp.respond(t, a, nil))), Audience{}, start)
	if err != nil {
		t.Fatal(err)
	}
	if want := "1uAJanUnBc2XeUkHURMht+xam2c="; got.NameQualifier != want {
		t.Errorf("NameQualifier = %s, want %s", got.NameQualifier, want)
	}
}

func TestSAMLRefused(t *testing.T) {
	idp := newSAMLIDP()
	for _, tt := range []struct {
		name, want string
		change     func(*saml.Assertion)
	}{
		{"another issuer", msgIssuer, func(a *saml.Assertion) { a.Issuer.Value = "https://other" }},
		{"old", msgLate, func(a *saml.Assertion) { a.IssueInstant = start.Add(-6 * time.Minute) }},
		{"issued later", msgEarly, func(a *saml.Assertion) { a.IssueInstant = start.Add(2 * time.Minute) }},
		{"over", msgLate, func(a *saml.Assertion) { a.Conditions.NotOnOrAfter = start }},
		{"not yet", msgEarly, func(a *saml.Assertion) { a.Conditions.NotBefore = start.Add(2 * time.Minute) }},
		{"no conditions", msgResponse, func(a *saml.Assertion) { a.Conditions = nil }},
		{"no audience", msgSAMLAud, func(a *saml.Assertion) { a.Conditions.AudienceRestrictions = nil }},
		{"another audience", msgSAMLAud, func(a *saml.Assertion) {
			a.Conditions.AudienceRestrictions = append(a.Conditions.AudienceRestrictions, saml.AudienceRestriction{Audience: saml.Audience{Value: "https://other"}})
		}},
		{"another recipient", msgRecipient, func(a *saml.Assertion) {
			a.Subject.SubjectConfirmations[0].SubjectConfirmationData.Recipient = "https://signin.aws.amazon.com.evil.example/saml"
		}},
		{"confirmation over", msgLate, func(a *saml.Assertion) {
			a.Subject.SubjectConfirmations[0].SubjectConfirmationData.NotOnOrAfter = start
		}},
		{"confirmed otherwise", msgSubject, func(a *saml.Assertion) { a.Subject.SubjectConfirmations[0].Method = "x" }},
		{"no name", msgSubject, func(a *saml.Assertion) { a.Subject.NameID.Value = " " }},
		{"session over", msgLate, func(a *saml.Assertion) { now := start; a.AuthnStatements[0].SessionNotOnOrAfter = &now }},
		{"no session name", msgName, func(a *saml.Assertion) {
			a.AttributeStatements[0].Attributes = a.AttributeStatements[0].Attributes[:1]
		}},
		{"bad session name", msgNameForm, func(a *saml.Assertion) { a.AttributeStatements[0].Attributes[1].Values[0].Value = "a b" }},
		{"two session names", msgAttributes, func(a *saml.Assertion) {
			a.AttributeStatements = append(a.AttributeStatements, saml.AttributeStatement{Attributes: []saml.Attribute{attributeOf(attribute+"RoleSessionName", "x1")}})
		}},
		{"duration", msgDuration, func(a *saml.Assertion) { a.AttributeStatements[0].Attributes[2].Values[0].Value = "899" }},
		{"two values of a tag", msgAttributes, func(a *saml.Assertion) {
			a.AttributeStatements[0].Attributes[3] = attributeOf(attribute+"PrincipalTag:Team", "a", "b")
		}},
	} {
		a := said()
		tt.change(a)
		_, err := idp.provider().Verify(encode(text(t, idp.respond(t, a, nil))), Audience{}, start)
		if r, ok := errors.AsType[*Refused](err); !ok || r.Text != tt.want || r.Expired != (tt.want == msgLate) {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
}

// Attacks on how the response is signed and written.
func TestSAMLAttacks(t *testing.T) {
	idp := newSAMLIDP()
	response := idp.respond(t, said(), nil)
	good, bare := text(t, response), text(t, without(response))
	evil := func(f func(e *etree.Element)) string {
		e := without(response)
		f(e)
		return text(t, e)
	}
	forged := said()
	forged.ID, forged.Subject.NameID.Value = "id-forged", "root"
	sha1Signed := *idp.idp
	sha1Signed.SignatureMethod = dsig.RSASHA1SignatureMethod
	old := (&samlIDP{idp: &sha1Signed}).respond(t, said(), nil)
	self, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: idp.cert.Subject, NotBefore: idp.cert.NotBefore, NotAfter: idp.cert.NotAfter}
	der, err := x509.CreateCertificate(rand.Reader, template, template, self.Public(), self)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	other := &samlIDP{idp: &saml.IdentityProvider{Key: self, Certificate: cert, MetadataURL: idp.idp.MetadataURL, SignatureMethod: dsig.RSASHA256SignatureMethod}}
	for name, text := range map[string]string{
		"changed":       strings.Replace(bare, ">ann<", ">bob<", 1),
		"changed, both": strings.Replace(good, ">ann<", ">bob<", 1),
		"unsigned": evil(func(e *etree.Element) {
			a := children(e, nsAssertion, "Assertion")[0]
			a.RemoveChild(children(a, nsSignature, "Signature")[0])
		}),
		"another's key":  text(t, other.respond(t, said(), nil)),
		"SHA-1":          text(t, old),
		"document type":  "<!DOCTYPE r [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>" + good,
		"two documents":  good + good,
		"no XML":         "rubbish",
		"not success":    strings.Replace(bare, "status:Success", "status:Requester", 1),
		"two assertions": evil(func(e *etree.Element) { e.InsertChildAt(0, forged.Element()) }),
		"deep":           strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100),
		"other document": "<Assertion/>",
		"wrapped: original moved into the forged one": evil(func(e *etree.Element) {
			a := children(e, nsAssertion, "Assertion")[0]
			e.RemoveChild(a)
			f := forged.Element()
			f.AddChild(a)
			e.AddChild(f)
		}),
		"wrapped: the forged one under the original's signature": evil(func(e *etree.Element) {
			a := children(e, nsAssertion, "Assertion")[0]
			e.RemoveChild(a)
			sig := children(a, nsSignature, "Signature")[0]
			a.RemoveChild(sig)
			f := forged.Element()
			f.CreateAttr("ID", "id-assertion")
			sig.CreateElement("Object").AddChild(a)
			f.AddChild(sig)
			e.AddChild(f)
		}),
		"wrapped: the original beside its signature": evil(func(e *etree.Element) {
			a := children(e, nsAssertion, "Assertion")[0]
			sig := children(a, nsSignature, "Signature")[0]
			f := forged.Element()
			f.CreateAttr("ID", "id-assertion")
			f.AddChild(sig.Copy())
			e.RemoveChild(a)
			e.AddChild(f)
			e.CreateElement("samlp:Extensions").AddChild(a)
		}),
	} {
		got, err := idp.provider().Verify(encode(text), Audience{}, start)
		if r, ok := errors.AsType[*Refused](err); !ok {
			t.Errorf("%s: %+v, %v, want a refusal", name, got, err)
		} else if strings.Contains(name, "wrapped") && r.Text != msgSigned {
			t.Errorf("%s: %v, want %s", name, err, msgSigned)
		}
	}
	// A comment must not cut a name short.
	cut := strings.Replace(bare, ">ann<", ">an<!-- -->n<", 1)
	if got, err := idp.provider().Verify(encode(cut), Audience{}, start); err == nil && got.Subject != "ann" {
		t.Errorf("a comment in the subject: %q", got.Subject)
	}
}

func TestSAMLEncrypted(t *testing.T) {
	idp := newSAMLIDP()
	p := idp.provider()
	p.MustEncrypt = true
	if _, err := p.Verify(encode(text(t, idp.respond(t, said(), nil))), Audience{}, start); err == nil || err.Error() != msgEncrypted {
		t.Errorf("not encrypted: %v, want %s", err, msgEncrypted)
	}
	response := idp.respond(t, said(), idp.cert) // to itself, which does for a test
	if _, err := p.Verify(encode(text(t, response)), Audience{}, start); err == nil || err.Error() != msgSigned {
		t.Errorf("without a key: %v, want %s", err, msgSigned)
	}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []*rsa.PrivateKey{other, idp.key} {
		p.Keys = append(p.Keys, string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})))
	}
	for name, e := range map[string]*etree.Element{"both signed": response, "only the assertion signed": without(response)} {
		got, err := p.Verify(encode(text(t, e)), Audience{}, start)
		if err != nil {
			t.Errorf("%s: %v (%v)", name, err, errors.Unwrap(err))
		} else if got.Subject != "ann" {
			t.Errorf("%s: subject %q", name, got.Subject)
		}
	}
}

// FuzzSAMLResponse: nothing panics, and whatever is accepted says what the
// provider has signed.
func FuzzSAMLResponse(f *testing.F) {
	idp := newSAMLIDP()
	response := idp.respond(f, said(), nil)
	sealed := idp.respond(f, said(), idp.cert)
	p := idp.provider()
	p.Keys = []string{string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(idp.key)}))}
	for _, e := range []*etree.Element{response, without(response), sealed, without(sealed)} {
		f.Add(text(f, e))
	}
	f.Add("<Response/>")
	f.Fuzz(func(t *testing.T, text string) {
		a, err := p.Verify(encode(text), Audience{}, start)
		if err != nil {
			if _, ok := errors.AsType[*Refused](err); !ok {
				t.Fatalf("Verify(%q) = %v, want a refusal", text, err)
			}
			return
		}
		if a.Subject != "ann" || a.SessionName != "ann@example.com" || !cmp.Equal(a.Roles, []RolePair{{roleARN, providerARN}}) {
			t.Fatalf("Verify(%q) = %+v, which nobody has signed", text, a)
		}
	})
}
