package test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/go-jose/go-jose/v4"
)

// idp is an OpenID Connect provider with TLS.
type idp struct {
	*httptest.Server
	keys    atomic.Pointer[jose.JSONWebKeySet]
	fetches atomic.Int32 // of the key set
}

func newIDP(t *testing.T) *idp {
	p := new(idp)
	p.keys.Store(new(jose.JSONWebKeySet))
	mux := http.NewServeMux()
	mux.HandleFunc("/realm/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]any{"issuer": p.issuer(), "jwks_uri": p.URL + "/keys"})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		p.fetches.Add(1)
		json.NewEncoder(w).Encode(p.keys.Load())
	})
	p.Server = httptest.NewTLSServer(mux)
	t.Cleanup(p.Close)
	return p
}

func (p *idp) issuer() string { return p.URL + "/realm" }

// host is the issuer as condition keys and ARNs have it.
func (p *idp) host() string { return strings.TrimPrefix(p.issuer(), "https://") }

// ca writes the provider's certificate to a file.
func (p *idp) ca(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ca.pem")
	must(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate().Raw}), 0o600))
	return file
}

// thumbprint is that of the provider's certificate.
func (p *idp) thumbprint() string {
	sum := sha1.Sum(p.Certificate().Raw)
	return hex.EncodeToString(sum[:])
}

// add gives the provider a further key.
func (p *idp) add(id string, key crypto.Signer, algorithm jose.SignatureAlgorithm) {
	old := p.keys.Load()
	p.keys.Store(&jose.JSONWebKeySet{Keys: append(old.Keys[:len(old.Keys):len(old.Keys)], jose.JSONWebKey{Key: key.Public(), KeyID: id, Algorithm: string(algorithm), Use: "sig"})})
}

// claims are those of a good token, changed by others; a nil takes one away.
func (p *idp) claims(others map[string]any) map[string]any {
	now := time.Now().Unix()
	c := map[string]any{"iss": p.issuer(), "sub": "someone", "aud": "app", "iat": now, "exp": now + 600}
	for k, v := range others {
		c[k] = v
		if v == nil {
			delete(c, k)
		}
	}
	return c
}

func signToken(t *testing.T, id string, key any, algorithm jose.SignatureAlgorithm, claims map[string]any) string {
	t.Helper()
	opts := (&jose.SignerOptions{}).WithType("JWT")
	if id != "" {
		opts = opts.WithHeader("kid", id)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, opts)
	must(t, err)
	payload, err := json.Marshal(claims)
	must(t, err)
	signed, err := signer.Sign(payload)
	must(t, err)
	text, err := signed.CompactSerialize()
	must(t, err)
	return text
}

// trustProvider is a trust policy that trusts a provider under conditions.
func trustProvider(provider, actions, conditions string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"` + provider + `"},"Action":[` + actions + `],"Condition":{` + conditions + `}}]}`
}

const withToken = `"sts:AssumeRoleWithWebIdentity"`

// anonymous are the clients of nobody.
func (s *server) anonymous() *sts.Client {
	return sts.New(sts.Options{Region: "us-east-1", BaseEndpoint: &s.endpoint, Credentials: aws.AnonymousCredentials{}, Retryer: aws.NopRetryer{}})
}

func TestAssumeRoleWithWebIdentity(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	s := start(t, command{args: []string{"--oidc-ca", p.ca(t)}})
	root := s.as(s.root())
	ctx := deadline(t)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	p.add("one", rsaKey, jose.RS256)
	made, err := root.iam.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{Url: aws.String(p.issuer()), ClientIDList: []string{"app", "other"}})
	must(t, err)
	provider := *made.OpenIDConnectProviderArn
	role := root.role(t, "web", trustProvider(provider, withToken, `"StringEquals":{"`+p.host()+`:aud":"app"},"StringLike":{"`+p.host()+`:sub":"some*"}`), allow("iam:ListUsers"))

	token := func(claims map[string]any) string { return signToken(t, "one", rsaKey, jose.RS256, p.claims(claims)) }
	assume := func(role, token string, change ...func(*sts.AssumeRoleWithWebIdentityInput)) (*sts.AssumeRoleWithWebIdentityOutput, error) {
		in := &sts.AssumeRoleWithWebIdentityInput{RoleArn: &role, RoleSessionName: aws.String("s1"), WebIdentityToken: &token}
		for _, f := range change {
			f(in)
		}
		return s.anonymous().AssumeRoleWithWebIdentity(ctx, in)
	}
	out, err := assume(role, token(nil))
	must(t, err)
	if *out.SubjectFromWebIdentityToken != "someone" || *out.Audience != "app" || *out.Provider != provider {
		t.Errorf("AssumeRoleWithWebIdentity = %v %v %v", *out.SubjectFromWebIdentityToken, *out.Audience, *out.Provider)
	}
	as := s.as(credentialsOf(out.Credentials))
	if got, want := as.arn(t), "arn:aws:sts::"+s.account+":assumed-role/web/s1"; got != want {
		t.Errorf("the session is %s, want %s", got, want)
	}
	_, err = as.iam.ListUsers(ctx, &iam.ListUsersInput{})
	must(t, err)
	_, err = as.iam.ListRoles(ctx, &iam.ListRolesInput{})
	wantCode(t, "ListRoles", err, "AccessDenied", "no identity-based policy allows")

	t.Run("refused", func(t *testing.T) {
		weak, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		must(t, err)
		now := time.Now().Unix()
		for _, tt := range []struct{ name, role, token, code, text string }{
			{"another subject", role, token(map[string]any{"sub": "other"}), "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"},
			{"another client of the provider", role, token(map[string]any{"aud": "other"}), "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"},
			{"no such role", role + "x", token(nil), "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"},
			{"another account's role", strings.Replace(role, s.account, "999999999999", 1), token(nil), "InvalidIdentityToken", "No OpenIDConnect provider found in your account for " + p.issuer()},
			{"unknown client", role, token(map[string]any{"aud": "x"}), "InvalidIdentityToken", "Incorrect token audience"},
			{"two audiences", role, token(map[string]any{"aud": []string{"app", "x"}}), "InvalidIdentityToken", "Token audience contains more than one audience while authorized party is not present"},
			{"unknown issuer", role, token(map[string]any{"iss": "https://id.example.com"}), "InvalidIdentityToken", "No OpenIDConnect provider found in your account for https://id.example.com"},
			{"http issuer", role, token(map[string]any{"iss": "http://" + p.host()}), "InvalidIdentityToken", "No OpenIDConnect provider found in your account for http://" + p.host()},
			{"expired", role, token(map[string]any{"exp": now - 1}), "ExpiredTokenException", "must be before the expiration date/time"},
			{"not yet", role, token(map[string]any{"nbf": now + 300}), "InvalidIdentityToken", "not valid yet"},
			{"no sub", role, token(map[string]any{"sub": nil}), "InvalidIdentityToken", "Missing a required claim: sub."},
			{"no iat", role, token(map[string]any{"iat": nil}), "InvalidIdentityToken", "Missing a required claim: iat."},
			{"no exp", role, token(map[string]any{"exp": nil}), "InvalidIdentityToken", "Missing a required claim: exp."},
			{"no aud", role, token(map[string]any{"aud": nil}), "InvalidIdentityToken", "Missing a required claim: aud."},
			{"claims that differ in case", role, token(map[string]any{"Sub": "someone"}), "InvalidIdentityToken", "differ only in case"},
			{"not a token", role, "rubbish", "InvalidIdentityToken", "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"},
			{"forged", role, signToken(t, "one", weak, jose.ES256, p.claims(nil)), "InvalidIdentityToken", "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements"},
			{"public key as shared secret", role, signToken(t, "one", []byte(strings.Repeat("k", 32)), jose.HS256, p.claims(nil)), "InvalidIdentityToken", "not a valid JWT"},
			{"changed", role, changed(token(nil), token(map[string]any{"sub": "somebody"})), "InvalidIdentityToken", "not signed by its issuer"},
		} {
			_, err := assume(tt.role, tt.token)
			wantCode(t, tt.name, err, tt.code, tt.text)
		}
		_, err = assume(role, token(nil), func(in *sts.AssumeRoleWithWebIdentityInput) { in.DurationSeconds = aws.Int32(7200) })
		wantCode(t, "too long", err, "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
		_, err = assume(role, token(nil), func(in *sts.AssumeRoleWithWebIdentityInput) { in.ProviderId = aws.String("www.amazon.com") })
		wantCode(t, "OAuth", err, "InvalidIdentityToken", "")
		_, err = s.anonymous().GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
		wantCode(t, "another operation without a signature", err, "MissingAuthenticationToken", "")
		_, err = s.anonymous().AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: aws.String("s1")})
		wantCode(t, "AssumeRole without a signature", err, "MissingAuthenticationToken", "")
	})

	t.Run("session", func(t *testing.T) {
		tagged := map[string]any{
			"https://aws.amazon.com/tags":            map[string]any{"principal_tags": map[string]any{"Team": []string{"blue"}}, "transitive_tag_keys": []string{"Team"}},
			"https://aws.amazon.com/source_identity": "ann",
		}
		_, err := assume(role, token(tagged))
		wantCode(t, "tags without sts:TagSession", err, "AccessDenied", "Not authorized to perform sts:TagSession")
		full := root.role(t, "tagged", trustProvider(provider, withToken+`,"sts:TagSession","sts:SetSourceIdentity"`,
			`"StringEquals":{"`+p.host()+`:aud":"app","aws:RequestTag/Team":"blue","sts:SourceIdentity":"ann"},"ForAnyValue:StringEquals":{"`+p.host()+`:amr":"mfa"}`),
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*","Condition":{"StringEquals":{
				"aws:PrincipalTag/Team":"blue","aws:SourceIdentity":"ann","aws:FederatedProvider":"`+provider+`","`+p.host()+`:sub":"someone"}}},
			{"Effect":"Allow","Action":"iam:ListRoles","Resource":"*","Condition":{"StringEquals":{"`+p.host()+`:department":"x"}}}]}`)
		tagged["amr"], tagged["department"] = []string{"pwd", "mfa"}, "x"
		out, err := assume(full, token(tagged))
		must(t, err)
		if out.SourceIdentity == nil || *out.SourceIdentity != "ann" {
			t.Errorf("SourceIdentity = %v, want ann", out.SourceIdentity)
		}
		as := s.as(credentialsOf(out.Credentials))
		_, err = as.iam.ListUsers(ctx, &iam.ListUsersInput{})
		must(t, err)
		_, err = as.iam.ListRoles(ctx, &iam.ListRolesInput{})
		wantCode(t, "a claim that sessions don't keep", err, "AccessDenied", "")
		flat := map[string]any{
			"https://aws.amazon.com/tags/principal_tags/Team": []string{"blue"},
			"https://aws.amazon.com/tags/transitive_tag_keys": []string{"Team"},
			"https://aws.amazon.com/source_identity":          "ann", "amr": []string{"mfa"},
		}
		_, err = assume(full, token(flat))
		must(t, err)
		_, err = assume(full, token(map[string]any{"https://aws.amazon.com/tags": map[string]any{"principal_tags": map[string]any{"a": []string{"1", "2"}}}}))
		wantCode(t, "two values of a tag", err, "InvalidIdentityToken", "")
	})

	t.Run("authorized party", func(t *testing.T) {
		full := root.role(t, "azp", trustProvider(provider, withToken, `"StringEquals":{"`+p.host()+`:aud":"other","`+p.host()+`:oaud":"api"}`), "")
		_, err := assume(full, token(map[string]any{"aud": "api", "azp": "other"}))
		must(t, err)
	})

	t.Run("a new key", func(t *testing.T) {
		before := p.fetches.Load()
		ec, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
		must(t, err)
		next := signToken(t, "two", ec, jose.ES384, p.claims(nil))
		_, err = assume(role, next)
		wantCode(t, "an unknown key", err, "InvalidIdentityToken", "Couldn't retrieve verification key")
		p.add("two", ec, jose.ES384)
		for range 5 {
			_, err = assume(role, next)
			wantCode(t, "a key that was asked for just now", err, "InvalidIdentityToken", "Couldn't retrieve verification key")
		}
		if n := p.fetches.Load() - before; n > 1 {
			t.Errorf("the key set was fetched %d times, want once at most", n)
		}
		// Another provider of other thumbprints has a set of its own, which is new.
		_, err = root.iam.UpdateOpenIDConnectProviderThumbprint(ctx, &iam.UpdateOpenIDConnectProviderThumbprintInput{OpenIDConnectProviderArn: &provider, ThumbprintList: []string{strings.Repeat("0", 40)}})
		must(t, err)
		_, err = assume(role, next)
		must(t, err)
	})

	t.Run("clients", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "token")
		must(t, os.WriteFile(file, []byte(token(nil)), 0o600))
		got, err := stscreds.NewWebIdentityRoleProvider(s.anonymous(), role, stscreds.IdentityTokenFile(file)).Retrieve(ctx)
		must(t, err)
		must(t, s.as(keys{got.AccessKeyID, got.SecretAccessKey, got.SessionToken}).whoami(ctx))
		cli := session{t: t, cli: anyCLI(t), home: newHome(t, "AWS_DEFAULT_REGION=us-east-1"), endpoint: s.endpoint}
		doc := cli.json("sts", "assume-role-with-web-identity", "--role-arn", role, "--role-session-name", "cli", "--web-identity-token", "file://"+file)
		if got := at(t, doc, "Provider"); got != provider {
			t.Errorf("Provider = %v, want %s", got, provider)
		}
		admin := session{t: t, cli: cli.cli, home: newHome(t), endpoint: s.endpoint}
		admin.home.profile("default", s.root())
		events := admin.ok("cloudtrail", "lookup-events", "--lookup-attributes", "AttributeKey=EventName,AttributeValue=AssumeRoleWithWebIdentity", "--max-items", "1", "--output", "json")
		text, err := os.ReadFile(file)
		must(t, err)
		if !strings.Contains(events, "WebIdentityUser") || !strings.Contains(events, provider) || strings.Contains(events, string(text)) {
			t.Errorf("the trail says %s", events)
		}
		cli.refused("AccessDenied", "sts", "assume-role-with-web-identity", "--role-arn", role+"x", "--role-session-name", "cli", "--web-identity-token", "file://"+file)
	})
}

// changed is a token with the claims of another one.
func changed(token, other string) string {
	a, b := strings.Split(token, "."), strings.Split(other, ".")
	return a[0] + "." + b[1] + "." + a[2]
}

// A provider whose certificate no known authority has issued is believed by its
// thumbprint only.
func TestWebIdentityThumbprint(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	s := serve(t)
	root := s.as(s.root())
	ctx := deadline(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	p.add("", key, "")
	provider, err := root.iam.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{Url: aws.String(p.issuer()), ClientIDList: []string{"app"}, ThumbprintList: []string{strings.Repeat("0", 40)}})
	must(t, err)
	role := root.role(t, "web", trustProvider(*provider.OpenIDConnectProviderArn, withToken, ""), "")
	token := signToken(t, "", key, jose.ES256, p.claims(nil))
	assume := func() error {
		_, err := s.anonymous().AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{RoleArn: &role, RoleSessionName: aws.String("s1"), WebIdentityToken: &token})
		return err
	}
	wantCode(t, "another thumbprint", assume(), "InvalidIdentityToken", "Couldn't retrieve verification key")
	if n := p.fetches.Load(); n != 0 {
		t.Errorf("%d fetches from a host that isn't trusted", n)
	}
	_, err = root.iam.UpdateOpenIDConnectProviderThumbprint(ctx, &iam.UpdateOpenIDConnectProviderThumbprintInput{OpenIDConnectProviderArn: provider.OpenIDConnectProviderArn, ThumbprintList: []string{strings.ToUpper(p.thumbprint())}})
	must(t, err)
	must(t, assume())
}
