package test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"encoding/xml"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/crewjam/saml"
	dsig "github.com/russellhaering/goxmldsig"
)

// samlIDP is an identity provider: crewjam/saml's.
type samlIDP struct{ saml.IdentityProvider }

func newSAMLIDP(t *testing.T) *samlIDP {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "idp"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	cert, err := x509.ParseCertificate(der)
	must(t, err)
	at := func(path string) url.URL { return url.URL{Scheme: "https", Host: "idp.example.com", Path: path} }
	return &samlIDP{saml.IdentityProvider{Key: key, Certificate: cert, MetadataURL: at("/metadata"), SSOURL: at("/sso"), SignatureMethod: dsig.RSASHA256SignatureMethod}}
}

func (p *samlIDP) metadata(t *testing.T) *string {
	t.Helper()
	text, err := xml.MarshalIndent(p.Metadata(), "", "  ")
	must(t, err)
	return aws.String(string(text))
}

// samlAttributes are AWS's attributes by the end of their names.
type samlAttributes map[string][]string

// response is what the provider's page would post for someone.
func (p *samlIDP) response(t *testing.T, recipient string, ends time.Time, attributes samlAttributes, encryptTo *x509.Certificate) string {
	t.Helper()
	now := time.Now().UTC()
	a := &saml.Assertion{
		ID: "id-1", IssueInstant: now, Version: "2.0", Issuer: saml.Issuer{Value: p.MetadataURL.String()},
		Subject: &saml.Subject{
			NameID: &saml.NameID{Format: string(saml.PersistentNameIDFormat), Value: "ann"},
			SubjectConfirmations: []saml.SubjectConfirmation{{
				Method: "urn:oasis:names:tc:SAML:2.0:cm:bearer", SubjectConfirmationData: &saml.SubjectConfirmationData{NotOnOrAfter: now.Add(time.Minute), Recipient: recipient},
			}},
		},
		Conditions:      &saml.Conditions{NotBefore: now, NotOnOrAfter: now.Add(time.Minute), AudienceRestrictions: []saml.AudienceRestriction{{Audience: saml.Audience{Value: "urn:amazon:webservices"}}}},
		AuthnStatements: []saml.AuthnStatement{{AuthnInstant: now, SessionNotOnOrAfter: &ends}},
	}
	statement := saml.AttributeStatement{Attributes: []saml.Attribute{{Name: "urn:oid:1.3.6.1.4.1.5923.1.1.1.1", Values: []saml.AttributeValue{{Type: "xs:string", Value: "staff"}}}}}
	for name, values := range attributes {
		at := saml.Attribute{Name: "https://aws.amazon.com/SAML/Attributes/" + name}
		for _, v := range values {
			at.Values = append(at.Values, saml.AttributeValue{Type: "xs:string", Value: v})
		}
		statement.Attributes = append(statement.Attributes, at)
	}
	a.AttributeStatements = []saml.AttributeStatement{statement}
	r := saml.IdpAuthnRequest{
		IDP: &p.IdentityProvider, Assertion: a, Now: now, SPSSODescriptor: &saml.SPSSODescriptor{},
		ACSEndpoint: &saml.IndexedEndpoint{Binding: saml.HTTPPostBinding, Location: recipient},
	}
	if encryptTo != nil {
		info := saml.KeyInfo{X509Data: saml.X509Data{X509Certificates: []saml.X509Certificate{{Data: base64.StdEncoding.EncodeToString(encryptTo.Raw)}}}}
		r.SPSSODescriptor.KeyDescriptors = []saml.KeyDescriptor{{Use: "encryption", KeyInfo: info}}
	}
	form, err := r.PostBinding()
	must(t, err)
	return form.SAMLResponse
}

func TestAssumeRoleWithSAML(t *testing.T) {
	t.Parallel()
	p := newSAMLIDP(t)
	s := serve(t)
	root := s.as(s.root())
	ctx := deadline(t)
	made, err := root.iam.CreateSAMLProvider(ctx, &iam.CreateSAMLProviderInput{Name: aws.String("corp"), SAMLMetadataDocument: p.metadata(t)})
	must(t, err)
	provider := *made.SAMLProviderArn
	role := root.role(t, "corp", trustProvider(provider, `"sts:AssumeRoleWithSAML","sts:TagSession","sts:SetSourceIdentity"`,
		`"StringEquals":{"saml:aud":"https://signin.aws.amazon.com/saml","saml:sub_type":"persistent","saml:doc":"`+s.account+`/corp","aws:RequestTag/Team":"blue"},"ForAnyValue:StringEquals":{"saml:edupersonaffiliation":"staff"}`),
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*","Condition":{"StringEquals":{
			"aws:PrincipalTag/Team":"blue","aws:SourceIdentity":"ann","aws:FederatedProvider":"`+provider+`","saml:sub":"ann"}}}]}`)
	const signIn = "https://signin.aws.amazon.com/saml"
	attributes := func(change ...func(samlAttributes)) samlAttributes {
		a := samlAttributes{"Role": {role + "," + provider}, "RoleSessionName": {"ann@example.com"}, "PrincipalTag:Team": {"blue"}, "SourceIdentity": {"ann"}, "SessionDuration": {"3600"}}
		for _, f := range change {
			f(a)
		}
		return a
	}
	ends := time.Now().Add(20 * time.Minute)
	assume := func(role, provider, response string) (*sts.AssumeRoleWithSAMLOutput, error) {
		return s.anonymous().AssumeRoleWithSAML(ctx, &sts.AssumeRoleWithSAMLInput{RoleArn: &role, PrincipalArn: &provider, SAMLAssertion: &response})
	}
	good := p.response(t, signIn, ends, attributes(), nil)
	out, err := assume(role, provider, good)
	must(t, err)
	if *out.Subject != "ann" || *out.SubjectType != "persistent" || *out.Issuer != p.MetadataURL.String() || *out.Audience != signIn || *out.SourceIdentity != "ann" || *out.NameQualifier == "" {
		t.Errorf("AssumeRoleWithSAML = %+v", out)
	}
	if got := *out.Credentials.Expiration; got.After(ends) {
		t.Errorf("the credentials end %v, want before the provider's session: %v", got, ends)
	}
	as := s.as(credentialsOf(out.Credentials))
	if got, want := as.arn(t), "arn:aws:sts::"+s.account+":assumed-role/corp/ann@example.com"; got != want {
		t.Errorf("the session is %s, want %s", got, want)
	}
	_, err = as.iam.ListUsers(ctx, &iam.ListUsersInput{})
	must(t, err)
	_, err = assume(role, provider, p.response(t, s.endpoint+"/saml", ends, attributes(func(a samlAttributes) { delete(a, "Role") }), nil))
	wantCode(t, "no role in the assertion", err, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithSAML")
	_, err = assume(role, provider, p.response(t, s.endpoint+"/saml", ends, attributes(), nil))
	wantCode(t, "another saml:aud than the trust policy has", err, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithSAML")

	otherRole := root.role(t, "other", trustProvider(provider, `"sts:AssumeRoleWithSAML"`, ""), "")
	for _, tt := range []struct{ name, role, provider, response, code, text string }{
		{"a role that isn't offered", otherRole, provider, good, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithSAML"},
		{"tags that the role doesn't take", otherRole, provider, p.response(t, signIn, ends, attributes(func(a samlAttributes) { a["Role"] = []string{provider + "," + otherRole} }), nil), "AccessDenied", "Not authorized to perform sts:TagSession"},
		{"no such provider", role, provider + "x", good, "InvalidIdentityToken", "Specified provider doesn't exist."},
		{"another account's role", strings.Replace(role, s.account, "999999999999", 1), provider, good, "InvalidIdentityToken", "Specified provider doesn't exist."},
		{"another recipient", role, provider, p.response(t, "https://sp.example.com/saml", ends, attributes(), nil), "InvalidIdentityToken", "recipient"},
		{"no session name", role, provider, p.response(t, signIn, ends, attributes(func(a samlAttributes) { delete(a, "RoleSessionName") }), nil), "InvalidIdentityToken", "RoleSessionName is required in AuthnResponse"},
		{"reserved source identity", role, provider, p.response(t, signIn, ends, attributes(func(a samlAttributes) { a["SourceIdentity"] = []string{"aws:x"} }), nil), "InvalidIdentityToken", "Source Identity must match"},
		{"another provider's key", role, provider, newSAMLIDP(t).response(t, signIn, ends, attributes(), nil), "InvalidIdentityToken", "Response signature invalid"},
		{"over", role, provider, p.response(t, signIn, time.Now().Add(-time.Second), attributes(), nil), "ExpiredTokenException", ""},
		{"rubbish", role, provider, "rubbish!", "InvalidIdentityToken", "invalid SAML response"},
	} {
		_, err := assume(tt.role, tt.provider, tt.response)
		wantCode(t, tt.name, err, tt.code, tt.text)
	}

	t.Run("encrypted", func(t *testing.T) {
		key := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(p.Key.(*rsa.PrivateKey))}))
		_, err := root.iam.UpdateSAMLProvider(ctx, &iam.UpdateSAMLProviderInput{SAMLProviderArn: &provider, AssertionEncryptionMode: types.AssertionEncryptionModeTypeRequired, AddPrivateKey: &key})
		must(t, err)
		_, err = assume(role, provider, good)
		wantCode(t, "not encrypted", err, "InvalidIdentityToken", "must be encrypted")
		file := filepath.Join(t.TempDir(), "response")
		must(t, os.WriteFile(file, []byte(p.response(t, signIn, ends, attributes(), p.Certificate)), 0o600))
		cli := session{t: t, cli: anyCLI(t), home: newHome(t, "AWS_DEFAULT_REGION=us-east-1"), endpoint: s.endpoint}
		doc := cli.json("sts", "assume-role-with-saml", "--role-arn", role, "--principal-arn", provider, "--saml-assertion", "file://"+file)
		if got := at(t, doc, "Subject"); got != "ann" {
			t.Errorf("Subject = %v, want ann", got)
		}
	})
}
