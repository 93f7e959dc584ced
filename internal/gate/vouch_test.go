package gate

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
	"github.com/sallyport-iam/sallyport/policy"
)

const (
	withToken = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleSessionName=s1&WebIdentityToken=abcd&RoleArn=arn:aws:iam::111122223333:role/r"
	idp       = "arn:aws:iam::111122223333:oidc-provider/id.example.com"
)

// vouching is an operation that takes no signature, and whose role trusts idp
// with tokens whose subject is ann.
func vouching(name string, vouch func(c *service.Caller) error, call func(c *service.Caller)) service.Operation {
	trust := policy.Load(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Federated":"`+idp+`"},
		"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"id.example.com:sub":"ann"},"Null":{"aws:PrincipalArn":"true","aws:userid":"true"}}}}`, policy.Trust)
	return service.Operation{
		Name:  name,
		Vouch: func(_ context.Context, c *service.Caller, _ any) error { return vouch(c) },
		Targets: func(*service.Caller, any) ([]service.Target, error) {
			return []service.Target{{ARN: "arn:aws:iam::111122223333:role/r", Owner: "111122223333", Policy: trust}}, nil
		},
		Call: func(_ context.Context, c *service.Caller, _ any) (any, error) {
			call(c)
			return nil, nil
		},
	}
}

// vouchFor vouches for a subject of idp.
func vouchFor(subject string) func(c *service.Caller) error {
	return func(c *service.Caller) error {
		c.Principal = directory.Principal{External: &directory.External{
			Type: policy.WebIdentity, Provider: idp, Subject: subject, Keys: map[string][]string{"id.example.com:sub": {subject}},
		}}
		return nil
	}
}

func (f *fixture) unsigned(t *testing.T, form string) (int, string) {
	t.Helper()
	r := f.request(t, form)
	for _, h := range []string{"Authorization", "X-Amz-Date", "X-Amz-Content-Sha256"} {
		r.Header.Del(h)
	}
	return f.do(t, r)
}

func TestVouched(t *testing.T) {
	called := 0
	f := serve(t, allowAll, vouching("AssumeRoleWithWebIdentity", vouchFor("ann"), func(c *service.Caller) {
		called++
		if c.User != nil || c.External == nil || c.ARN() != "" || c.Account() != "" || c.Region != "us-east-1" {
			t.Errorf("the caller is %+v", c.Principal)
		}
	}))
	if status, body := f.unsigned(t, withToken); status != http.StatusOK || called != 1 {
		t.Errorf("unsigned: %d %s", status, body)
	}
	// A signature doesn't make it a request of the user's.
	if status, body := f.post(t, withToken); status != http.StatusOK || called != 2 {
		t.Errorf("signed: %d %s", status, body)
	}
	r := f.request(t, withToken)
	r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "Signature=", "Signature=00", 1))
	if status, body := f.do(t, r); status != http.StatusOK && status != http.StatusBadRequest || called > 3 {
		t.Errorf("signed wrongly: %d %s", status, body)
	}
}

func TestNotVouched(t *testing.T) {
	never := func(*service.Caller) { t.Error("called") }
	for _, tt := range []struct {
		name   string
		op     service.Operation
		form   string
		status int
		want   string
	}{
		{"another subject", vouching("AssumeRoleWithWebIdentity", vouchFor("bob"), never), withToken, 403, "<Message>Not authorized to perform sts:AssumeRoleWithWebIdentity</Message>"},
		{"refused", vouching("AssumeRoleWithWebIdentity", func(*service.Caller) error { return awsapi.Code("InvalidIdentityToken").New("bad") }, never), withToken, 400, "<Message>bad</Message>"},
		{"for nobody", vouching("AssumeRoleWithWebIdentity", func(*service.Caller) error { return nil }, never), withToken, 500, "InternalFailure"},
		{"not valid", vouching("AssumeRoleWithWebIdentity", func(*service.Caller) error { t.Error("asked"); return nil }, never), withToken + "&DurationSeconds=x", 400, "<Code>"},
		{"an operation that takes a signature", vouching("GetAccessKeyInfo", vouchFor("ann"), never), getKeyInfo, 403, "MissingAuthenticationToken"},
		{
			"an operation that nobody vouches for",
			service.Operation{Name: "AssumeRoleWithSAML", Call: vouching("", nil, never).Call},
			"Action=AssumeRoleWithSAML&Version=2011-06-15&RoleArn=arn:aws:iam::111122223333:role/r&PrincipalArn=arn:aws:iam::111122223333:saml-provider/p&SAMLAssertion=abcd", 403, "MissingAuthenticationToken",
		},
		{"an operation that isn't here", vouching("AssumeRoleWithWebIdentity", vouchFor("ann"), never), "Action=GetCallerIdentity&Version=2011-06-15", 403, "MissingAuthenticationToken"},
	} {
		f := serve(t, allowAll, tt.op)
		if status, body := f.unsigned(t, tt.form); status != tt.status || !strings.Contains(body, tt.want) {
			t.Errorf("%s: %d %s, want %d with %s", tt.name, status, body, tt.status, tt.want)
		}
	}
}
