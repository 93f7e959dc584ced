package test

import (
	"encoding/pem"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

func TestOpenIDConnectProviders(t *testing.T) {
	t.Parallel()
	s := serve(t)
	root := s.as(s.root())
	ctx := deadline(t)
	create := func(url string, thumbprints ...string) (*iam.CreateOpenIDConnectProviderOutput, error) {
		return root.iam.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{
			Url: &url, ClientIDList: []string{"app", "app"}, ThumbprintList: thumbprints, Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}},
		})
	}
	print := strings.Repeat("ab", 20)
	_, err := create("http://id.example.com")
	wantCode(t, "http", err, "ValidationError", "Invalid Open ID Connect Provider URL")
	_, err = create("https://id.example.com", print, print, print, print, print, print)
	wantCode(t, "six thumbprints", err, "InvalidInput", "Thumbprint list must contain fewer than 5 entries.")
	made, err := create("https://id.example.com/realm", print)
	must(t, err)
	id := made.OpenIDConnectProviderArn
	if want := "arn:aws:iam::" + s.account + ":oidc-provider/id.example.com/realm"; *id != want || len(made.Tags) != 1 {
		t.Errorf("CreateOpenIDConnectProvider = %s, %v, want %s", *id, made.Tags, want)
	}
	_, err = create("https://id.example.com/realm")
	wantCode(t, "a taken URL", err, "EntityAlreadyExists", "Provider with url https://id.example.com/realm already exists.")
	for range 2 {
		_, err = root.iam.AddClientIDToOpenIDConnectProvider(ctx, &iam.AddClientIDToOpenIDConnectProviderInput{OpenIDConnectProviderArn: id, ClientID: aws.String("other")})
		must(t, err)
	}
	for range 2 {
		_, err = root.iam.RemoveClientIDFromOpenIDConnectProvider(ctx, &iam.RemoveClientIDFromOpenIDConnectProviderInput{OpenIDConnectProviderArn: id, ClientID: aws.String("app")})
		must(t, err)
	}
	_, err = root.iam.UpdateOpenIDConnectProviderThumbprint(ctx, &iam.UpdateOpenIDConnectProviderThumbprintInput{OpenIDConnectProviderArn: id, ThumbprintList: []string{strings.Repeat("cd", 20)}})
	must(t, err)
	_, err = root.iam.UntagOpenIDConnectProvider(ctx, &iam.UntagOpenIDConnectProviderInput{OpenIDConnectProviderArn: id, TagKeys: []string{"k"}})
	must(t, err)
	got, err := root.iam.GetOpenIDConnectProvider(ctx, &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: id})
	must(t, err)
	if *got.Url != "id.example.com/realm" || len(got.ClientIDList) != 1 || got.ClientIDList[0] != "other" || got.ThumbprintList[0][:2] != "cd" || len(got.Tags) != 0 {
		t.Errorf("GetOpenIDConnectProvider = %+v", got)
	}
	list, err := root.iam.ListOpenIDConnectProviders(ctx, &iam.ListOpenIDConnectProvidersInput{})
	must(t, err)
	if len(list.OpenIDConnectProviderList) != 1 || *list.OpenIDConnectProviderList[0].Arn != *id {
		t.Errorf("ListOpenIDConnectProviders = %+v", list.OpenIDConnectProviderList)
	}
	_, err = root.iam.DeleteOpenIDConnectProvider(ctx, &iam.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: id})
	must(t, err)
	_, err = root.iam.DeleteOpenIDConnectProvider(ctx, &iam.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: id})
	wantCode(t, "DeleteOpenIDConnectProvider again", err, "NoSuchEntity", "OpenId connect Provider "+*id+" cannot be found.")
	_, err = root.iam.GetOpenIDConnectProvider(ctx, &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: id})
	wantCode(t, "GetOpenIDConnectProvider of none", err, "NoSuchEntity", "OpenIDConnect Provider not found for arn "+*id)
	_, err = root.iam.GetOpenIDConnectProvider(ctx, &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: aws.String("arn:aws:iam::" + s.account + ":saml-provider/x")})
	wantCode(t, "another resource type", err, "ValidationError", "Invalid resource type in ARN")
}

// samlMetadata is the metadata document of an identity provider whose
// certificate is that, in PEM.
func samlMetadata(t *testing.T, cert string) string {
	t.Helper()
	block, _ := pem.Decode([]byte(cert))
	if block == nil {
		t.Fatal("no certificate")
	}
	lines := strings.Split(strings.TrimSpace(cert), "\n")
	return `<?xml version="1.0" encoding="UTF-8"?>
<!-- ` + strings.Repeat("long enough ", 60) + `-->
<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://idp.example.com/metadata?a=1&amp;b=2">
  <md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    <md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>` + strings.Join(lines[1:len(lines)-1], "\n") + `</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>
    <md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example.com/sso"/>
  </md:IDPSSODescriptor>
</md:EntityDescriptor>`
}

func TestSAMLProviders(t *testing.T) {
	t.Parallel()
	s := serve(t)
	root := s.as(s.root())
	ctx := deadline(t)
	cert, key := selfSigned(t, "idp")
	document := samlMetadata(t, cert)
	_, err := root.iam.CreateSAMLProvider(ctx, &iam.CreateSAMLProviderInput{Name: aws.String("corp"), SAMLMetadataDocument: aws.String(strings.Repeat("rubbish ", 200))})
	wantCode(t, "rubbish", err, "InvalidInput", "Could not parse metadata")
	made, err := root.iam.CreateSAMLProvider(ctx, &iam.CreateSAMLProviderInput{
		Name: aws.String("corp"), SAMLMetadataDocument: &document, AddPrivateKey: &key, AssertionEncryptionMode: types.AssertionEncryptionModeTypeRequired,
	})
	must(t, err)
	id := made.SAMLProviderArn
	if want := "arn:aws:iam::" + s.account + ":saml-provider/corp"; *id != want {
		t.Errorf("CreateSAMLProvider = %s, want %s", *id, want)
	}
	_, err = root.iam.CreateSAMLProvider(ctx, &iam.CreateSAMLProviderInput{Name: aws.String("corp"), SAMLMetadataDocument: &document})
	wantCode(t, "a taken name", err, "EntityAlreadyExists", "")
	got, err := root.iam.GetSAMLProvider(ctx, &iam.GetSAMLProviderInput{SAMLProviderArn: id})
	must(t, err)
	if *got.SAMLMetadataDocument != document || got.AssertionEncryptionMode != types.AssertionEncryptionModeTypeRequired || len(got.PrivateKeyList) != 1 || got.ValidUntil == nil || got.SAMLProviderUUID == nil {
		t.Errorf("GetSAMLProvider = %+v", got)
	}
	update := func(in iam.UpdateSAMLProviderInput) error {
		in.SAMLProviderArn = id
		_, err := root.iam.UpdateSAMLProvider(ctx, &in)
		return err
	}
	must(t, update(iam.UpdateSAMLProviderInput{AddPrivateKey: &key}))
	wantCode(t, "a third key", update(iam.UpdateSAMLProviderInput{AddPrivateKey: &key}), "LimitExceeded", "")
	wantCode(t, "a key that isn't one", update(iam.UpdateSAMLProviderInput{AddPrivateKey: &cert}), "InvalidInput", "private key")
	must(t, update(iam.UpdateSAMLProviderInput{RemovePrivateKey: got.PrivateKeyList[0].KeyId, AssertionEncryptionMode: types.AssertionEncryptionModeTypeAllowed}))
	wantCode(t, "a key that is gone", update(iam.UpdateSAMLProviderInput{RemovePrivateKey: got.PrivateKeyList[0].KeyId}), "NoSuchEntity", "")
	longer := document + "<!-- changed -->"
	must(t, update(iam.UpdateSAMLProviderInput{SAMLMetadataDocument: &longer}))
	_, err = root.iam.TagSAMLProvider(ctx, &iam.TagSAMLProviderInput{SAMLProviderArn: id, Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}})
	must(t, err)
	got, err = root.iam.GetSAMLProvider(ctx, &iam.GetSAMLProviderInput{SAMLProviderArn: id})
	must(t, err)
	if *got.SAMLMetadataDocument != longer || got.AssertionEncryptionMode != types.AssertionEncryptionModeTypeAllowed || len(got.PrivateKeyList) != 1 || len(got.Tags) != 1 {
		t.Errorf("GetSAMLProvider after updates = %+v", got)
	}
	list, err := root.iam.ListSAMLProviders(ctx, &iam.ListSAMLProvidersInput{})
	must(t, err)
	if len(list.SAMLProviderList) != 1 || *list.SAMLProviderList[0].Arn != *id {
		t.Errorf("ListSAMLProviders = %+v", list.SAMLProviderList)
	}
	summary, err := root.iam.GetAccountSummary(ctx, &iam.GetAccountSummaryInput{})
	must(t, err)
	if summary.SummaryMap["Providers"] != 1 {
		t.Errorf("Providers = %d, want 1", summary.SummaryMap["Providers"])
	}
	_, err = root.iam.DeleteSAMLProvider(ctx, &iam.DeleteSAMLProviderInput{SAMLProviderArn: id})
	must(t, err)
	_, err = root.iam.GetSAMLProvider(ctx, &iam.GetSAMLProviderInput{SAMLProviderArn: id})
	wantCode(t, "GetSAMLProvider of none", err, "NoSuchEntity", "Manifest not found for arn "+*id)
}
