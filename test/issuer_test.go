package test

import (
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/go-cmp/cmp"
)

// issued are the claims of a token that the server has issued.
type issued struct {
	Issuer  string `json:"iss"`
	Subject string `json:"sub"`
	Issued  int64  `json:"iat"`
	Expires int64  `json:"exp"`
	ID      string `json:"jti"`
	STS     struct {
		Account       string            `json:"aws_account"`
		Region        string            `json:"source_region"`
		Principal     string            `json:"principal_id"`
		PrincipalTags map[string]string `json:"principal_tags"`
		RequestTags   map[string]string `json:"request_tags"`
		SessionEnds   string            `json:"original_session_exp"`
		Source        string            `json:"source_identity"`
	} `json:"https://sts.amazonaws.com/"`
}

func TestOutboundWebIdentity(t *testing.T) {
	t.Parallel()
	s := start(t, command{args: []string{"--oidc-loopback-http"}})
	root := s.as(s.root())
	ctx := deadline(t)
	ann := root.user(t, s, "ann", allow("sts:GetWebIdentityToken", "sts:TagGetWebIdentityToken"))
	_, err := root.iam.TagUser(ctx, &iam.TagUserInput{UserName: aws.String("ann"), Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("blue")}}})
	must(t, err)
	ask := func(c *clients, change ...func(*sts.GetWebIdentityTokenInput)) (*sts.GetWebIdentityTokenOutput, error) {
		in := &sts.GetWebIdentityTokenInput{Audience: []string{"app"}, SigningAlgorithm: aws.String("RS256")}
		for _, f := range change {
			f(in)
		}
		return c.sts.GetWebIdentityToken(ctx, in)
	}

	_, err = ask(ann)
	wantCode(t, "before it is enabled", err, "OutboundWebIdentityFederationDisabledException", "is not enabled for this account")
	_, err = root.iam.GetOutboundWebIdentityFederationInfo(ctx, &iam.GetOutboundWebIdentityFederationInfoInput{})
	wantCode(t, "info before", err, "FeatureDisabled", "")
	_, err = root.iam.DisableOutboundWebIdentityFederation(ctx, &iam.DisableOutboundWebIdentityFederationInput{})
	wantCode(t, "disable before", err, "FeatureDisabled", "already disabled")
	enabled, err := root.iam.EnableOutboundWebIdentityFederation(ctx, &iam.EnableOutboundWebIdentityFederationInput{})
	must(t, err)
	issuer := *enabled.IssuerIdentifier
	if want := s.endpoint + "/oidc/" + s.account; issuer != want {
		t.Errorf("IssuerIdentifier = %s, want %s", issuer, want)
	}
	_, err = root.iam.EnableOutboundWebIdentityFederation(ctx, &iam.EnableOutboundWebIdentityFederationInput{})
	wantCode(t, "enable again", err, "FeatureEnabled", "already enabled")
	info, err := root.iam.GetOutboundWebIdentityFederationInfo(ctx, &iam.GetOutboundWebIdentityFederationInfoInput{})
	must(t, err)
	if *info.IssuerIdentifier != issuer || !info.JwtVendingEnabled {
		t.Errorf("GetOutboundWebIdentityFederationInfo = %+v", info)
	}

	// Someone else's library finds the keys and verifies.
	provider, err := oidc.NewProvider(ctx, issuer)
	must(t, err)
	verifier := provider.Verifier(&oidc.Config{ClientID: "app", SupportedSigningAlgs: []string{"RS256", "ES384"}})
	for _, algorithm := range []string{"RS256", "ES384"} {
		out, err := ask(ann, func(in *sts.GetWebIdentityTokenInput) {
			in.SigningAlgorithm, in.DurationSeconds = &algorithm, aws.Int32(60)
			in.Tags = []ststypes.Tag{{Key: aws.String("job"), Value: aws.String("1")}}
		})
		must(t, err)
		token, err := verifier.Verify(ctx, *out.WebIdentityToken)
		must(t, err)
		var got issued
		must(t, token.Claims(&got))
		if got.Expires-got.Issued != 60 || !out.Expiration.Equal(time.Unix(got.Expires, 0)) || got.ID == "" {
			t.Errorf("times %d to %d, Expiration %v, jti %q", got.Issued, got.Expires, out.Expiration, got.ID)
		}
		want := issued{Issuer: issuer, Subject: ann.arn(t), Issued: got.Issued, Expires: got.Expires, ID: got.ID}
		want.STS.Account, want.STS.Region, want.STS.Principal = s.account, "us-east-1", want.Subject
		want.STS.PrincipalTags, want.STS.RequestTags = map[string]string{"team": "blue"}, map[string]string{"job": "1"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("claims (-want +got):\n%s", diff)
		}
	}

	t.Run("refused", func(t *testing.T) {
		_, err := ask(ann, func(in *sts.GetWebIdentityTokenInput) { in.SigningAlgorithm = aws.String("HS256") })
		wantCode(t, "a shared secret", err, "ValidationError", "signingAlgorithm")
		_, err = ask(ann, func(in *sts.GetWebIdentityTokenInput) {
			for n := range 50 {
				in.Tags = append(in.Tags, ststypes.Tag{Key: aws.String(strings.Repeat("k", 100) + string(rune('A'+n%26)) + string(rune('0'+n/26))), Value: aws.String(strings.Repeat("v", 256))})
			}
		})
		wantCode(t, "large", err, "JWTPayloadSizeExceededException", "")
		bob := root.user(t, s, "bob", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:GetWebIdentityToken","Resource":"*","Condition":{
			"ForAllValues:StringEquals":{"sts:IdentityTokenAudience":"app"},"NumericLessThanEquals":{"sts:DurationSeconds":"300"},"StringEquals":{"sts:SigningAlgorithm":"ES384"}}}]}`)
		es := func(in *sts.GetWebIdentityTokenInput) { in.SigningAlgorithm = aws.String("ES384") }
		_, err = ask(bob, es)
		must(t, err)
		_, err = ask(bob)
		wantCode(t, "another algorithm", err, "AccessDenied", "sts:GetWebIdentityToken")
		_, err = ask(bob, es, func(in *sts.GetWebIdentityTokenInput) { in.Audience = []string{"app", "other"} })
		wantCode(t, "another audience", err, "AccessDenied", "sts:GetWebIdentityToken")
		_, err = ask(bob, es, func(in *sts.GetWebIdentityTokenInput) { in.DurationSeconds = aws.Int32(301) })
		wantCode(t, "longer", err, "AccessDenied", "sts:GetWebIdentityToken")
		_, err = ask(bob, es, func(in *sts.GetWebIdentityTokenInput) {
			in.Tags = []ststypes.Tag{{Key: aws.String("a"), Value: aws.String("b")}}
		})
		wantCode(t, "tags", err, "AccessDenied", "sts:TagGetWebIdentityToken")
	})

	t.Run("session", func(t *testing.T) {
		role := root.role(t, "short", trust(assume+`,"sts:SetSourceIdentity"`, ann.arn(t)), allow("sts:GetWebIdentityToken"))
		as := ann.mustAssume(t, s, role, "s1", func(in *sts.AssumeRoleInput) {
			in.DurationSeconds, in.SourceIdentity = aws.Int32(900), aws.String("ann")
		})
		out, err := ask(as)
		must(t, err)
		token, err := verifier.Verify(ctx, *out.WebIdentityToken)
		must(t, err)
		var got issued
		must(t, token.Claims(&got))
		if got.Subject != role || got.STS.SessionEnds == "" || got.STS.Source != "ann" {
			t.Errorf("the claims of a role's session are %+v", got)
		}
		_, err = ask(as, func(in *sts.GetWebIdentityTokenInput) { in.DurationSeconds = aws.Int32(901) })
		wantCode(t, "longer than the session", err, "SessionDurationEscalationException", "")
	})

	t.Run("to assume a role with", func(t *testing.T) {
		host := strings.TrimPrefix(issuer, "http://")
		made, err := root.iam.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{Url: aws.String("https://" + host), ClientIDList: []string{"app"}})
		must(t, err)
		role := root.role(t, "own", trustProvider(*made.OpenIDConnectProviderArn, withToken, `"StringEquals":{"`+host+`:sub":"`+ann.arn(t)+`"}`), "")
		out, err := ask(ann)
		must(t, err)
		in := &sts.AssumeRoleWithWebIdentityInput{RoleArn: &role, RoleSessionName: aws.String("s1"), WebIdentityToken: out.WebIdentityToken}
		_, err = s.anonymous().AssumeRoleWithWebIdentity(ctx, in)
		must(t, err)
		_, err = root.iam.DisableOutboundWebIdentityFederation(ctx, &iam.DisableOutboundWebIdentityFederationInput{})
		must(t, err)
		_, err = ask(ann)
		wantCode(t, "after it was disabled", err, "OutboundWebIdentityFederationDisabledException", "")
		_, err = s.anonymous().AssumeRoleWithWebIdentity(ctx, in)
		must(t, err) // issued tokens stay good
	})

	t.Run("documents", func(t *testing.T) {
		for path, want := range map[string]int{
			"/oidc/" + s.account + "/.well-known/jwks.json": 200, "/oidc/" + s.account + "/.well-known/openid-configuration": 200,
			"/oidc/" + s.account + "/x": 404, "/oidc/999999999999/.well-known/jwks.json": 404, "/oidc/": 404,
		} {
			res, err := http.Get(s.endpoint + path)
			must(t, err)
			body, err := io.ReadAll(res.Body)
			must(t, err)
			res.Body.Close()
			if res.StatusCode != want {
				t.Errorf("GET %s = %d, want %d", path, res.StatusCode, want)
			}
			if strings.HasSuffix(path, "jwks.json") && want == 200 {
				var set struct{ Keys []map[string]any }
				must(t, json.Unmarshal(body, &set))
				for _, k := range set.Keys {
					if k["d"] != nil || k["kid"] == "" || k["use"] != "sig" {
						t.Errorf("a key of the set: %v", k)
					}
				}
				if len(set.Keys) != 2 {
					t.Errorf("%d keys, want 2", len(set.Keys))
				}
			}
		}
		cli := session{t: t, cli: anyCLI(t), home: newHome(t), endpoint: s.endpoint}
		cli.home.profile("default", s.root())
		cli.ok("iam", "enable-outbound-web-identity-federation")
		doc := cli.json("sts", "get-web-identity-token", "--audience", "app", "--signing-algorithm", "ES384")
		if token := at(t, doc, "WebIdentityToken").(string); strings.Count(token, ".") != 2 {
			t.Errorf("WebIdentityToken = %q", token)
		}
	})
}

// A server behind TLS is the issuer by the URL that others reach it by.
func TestIssuerBehindTLS(t *testing.T) {
	t.Parallel()
	var endpoint atomic.Pointer[url.URL]
	front := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(endpoint.Load()) }})
	t.Cleanup(front.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	must(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw}), 0o600))
	s := start(t, command{args: []string{"--issuer-url", front.URL + "/", "--oidc-ca", ca}})
	u, err := url.Parse(s.endpoint)
	must(t, err)
	endpoint.Store(u)
	root := s.as(s.root())
	ctx := deadline(t)
	enabled, err := root.iam.EnableOutboundWebIdentityFederation(ctx, &iam.EnableOutboundWebIdentityFederationInput{})
	must(t, err)
	if want := front.URL + "/oidc/" + s.account; *enabled.IssuerIdentifier != want {
		t.Fatalf("IssuerIdentifier = %s, want %s", *enabled.IssuerIdentifier, want)
	}
	made, err := root.iam.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{Url: enabled.IssuerIdentifier, ClientIDList: []string{"app"}})
	must(t, err)
	host := strings.TrimPrefix(*enabled.IssuerIdentifier, "https://")
	role := root.role(t, "own", trustProvider(*made.OpenIDConnectProviderArn, withToken, `"StringLike":{"`+host+`:sub":"*:root"}`), "")
	token, err := root.sts.GetWebIdentityToken(ctx, &sts.GetWebIdentityTokenInput{Audience: []string{"app"}, SigningAlgorithm: aws.String("ES384")})
	must(t, err)
	_, err = s.anonymous().AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{RoleArn: &role, RoleSessionName: aws.String("s1"), WebIdentityToken: token.WebIdentityToken})
	must(t, err)
}

func TestFederationRefusedStart(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty.pem")
	must(t, os.WriteFile(empty, nil, 0o600))
	for _, tt := range []struct{ flag, value, want string }{
		{"--issuer-url", "ftp://x", "is not https://HOST/PATH"},
		{"--issuer-url", "http://iam.example.com", "without TLS"},
		{"--oidc-ca", empty, "there is no certificate"},
		{"--oidc-ca", empty + "x", "no such file"},
	} {
		if code, text := (command{args: []string{tt.flag, tt.value}}).refused(t); code == 0 || !strings.Contains(text, tt.want) {
			t.Errorf("%s %s: exit code %d, %s, want %q", tt.flag, tt.value, code, text, tt.want)
		}
	}
}
