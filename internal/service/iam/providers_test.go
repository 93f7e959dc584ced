package iam

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/federation"
)

// metadata is the metadata document of an identity provider with that
// certificate in base64.
func metadata(entity, use, cert string) string {
	return `<?xml version="1.0"?>
<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="` + entity + `" validUntil="2030-01-02T03:04:05Z">
  <IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    <KeyDescriptor` + use + `><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>` + cert + `</X509Certificate></X509Data></KeyInfo></KeyDescriptor>
    <SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example.com/sso"/>
  </IDPSSODescriptor>
</EntityDescriptor>`
}

func TestParseMetadata(t *testing.T) {
	cert := base64.StdEncoding.EncodeToString(issue(t, "idp", nil).cert.Raw)
	good := metadata("https://idp", ` use="signing"`, cert)
	for _, tt := range []struct {
		name, text string
		ok         bool
	}{
		{"good", good, true},
		{"any use", metadata("https://idp", "", cert[:40]+"\n   "+cert[40:]), true},
		{"comment after it", good + "<!-- c -->\n", true},
		{"no name", metadata("", ` use="signing"`, cert), false},
		{"only encryption", metadata("https://idp", ` use="encryption"`, cert), false},
		{"no certificate", metadata("https://idp", ` use="signing"`, "AAAA"), false},
		{"document type", strings.Replace(good, "\n", "\n<!DOCTYPE x [<!ENTITY a 'b'>]>\n", 1), false},
		{"cut", good[:len(good)-10], false},
		{"two documents", good + good[strings.Index(good, "<Entity"):], false},
		{"text after it", good + "text", false},
		{"another document", "<x/>", false},
		{"deep", strings.Repeat("<x>", 1000) + strings.Repeat("</x>", 1000), false},
		{"large", good + strings.Repeat(" ", federation.MaxMetadata), false},
	} {
		e, err := parseMetadata(tt.text)
		if (err == nil) != tt.ok {
			t.Errorf("%s: parseMetadata = %v, want it to succeed: %v", tt.name, err, tt.ok)
		}
		if err == nil && (e.EntityID != "https://idp" || e.ValidUntil.Year() != 2030) {
			t.Errorf("%s: parseMetadata = %q, %v", tt.name, e.EntityID, e.ValidUntil)
		}
	}
}

// FuzzMetadata: what is read is read the same with a comment after it.
func FuzzMetadata(f *testing.F) {
	cert := base64.StdEncoding.EncodeToString(issue(f, "idp", nil).cert.Raw)
	f.Add(metadata("https://idp", ` use="signing"`, cert))
	f.Add("<x>")
	f.Fuzz(func(t *testing.T, text string) {
		e, err := parseMetadata(text)
		if err != nil {
			return
		}
		again, err := parseMetadata(text + "<!-- c -->")
		if err != nil || again.EntityID != e.EntityID || len(again.Certificates) != len(e.Certificates) {
			t.Fatalf("parseMetadata(%q) with a comment = %v, %v, want entity %q", text, again, err, e.EntityID)
		}
	})
}

func TestCheckProviderURL(t *testing.T) {
	for url, ok := range map[string]bool{
		"https://id.example.com": true, "https://id.example.com/a/b": true, "https://localhost:8443/realm": true, "https://[::1]:1/": true,
		"http://id.example.com": false, "HTTPS://id.example.com": false, "id.example.com": false, "https://": false, "https:///a": false, "https://a b": false,
		"https://u@id.example.com": false, "https://id.example.com?a=b": false, "https://id.example.com?": false, "https://id.example.com#": false, "https://id.example.com/*": false,
	} {
		if err := checkProviderURL(url); (err == nil) != ok {
			t.Errorf("checkProviderURL(%q) = %v, want it to succeed: %v", url, err, ok)
		}
	}
}

// FuzzProviderURL: the ARN of a URL that is accepted is an ARN, and no other URL's.
func FuzzProviderURL(f *testing.F) {
	f.Add("https://id.example.com/a")
	f.Add("https://[::1]:1")
	f.Fuzz(func(t *testing.T, url string) {
		if checkProviderURL(url) != nil {
			return
		}
		text := directory.OIDCProviderARN("111122223333", url)
		if err := checkProviderARN(text, oidcProvider); err != nil {
			t.Fatalf("checkProviderARN(%q) = %v", text, err)
		}
		if _, rest, _ := strings.Cut(text, ":oidc-provider/"); "https://"+rest != url {
			t.Fatalf("ARN %q of %q", text, url)
		}
	})
}

func TestCheckProviderARN(t *testing.T) {
	for arn, text := range map[string]string{
		"arn:aws:iam::111122223333:oidc-provider/a":  "",
		"arn:aws:iam::111122223333:saml-provider/a":  "Invalid resource type in ARN",
		"arn:aws:sts::111122223333:oidc-provider/a":  "Invalid service in ARN",
		"nothing-that-is-an-arn-at-all-in-this-text": "Invalid ARN: nothing-that-is-an-arn-at-all-in-this-text",
	} {
		err := checkProviderARN(arn, oidcProvider)
		if (err == nil) != (text == "") || err != nil && !strings.HasSuffix(err.Error(), text) {
			t.Errorf("checkProviderARN(%q) = %v, want %q", arn, err, text)
		}
	}
}
