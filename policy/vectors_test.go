package policy

import (
	"encoding/json"
	"os"
	"testing"
)

// vector is one decision of testdata/policy-vectors.json.
type vector struct {
	Name             string
	IdentityPolicies []json.RawMessage
	Boundary         json.RawMessage
	SessionPolicies  []json.RawMessage
	SCPs, RCPs       [][]json.RawMessage
	ResourcePolicy   json.RawMessage
	Principal        struct{ Type, ARN, Account, RoleARN, UserARN, Service, Provider string }
	Action, Resource string
	ResourceAccount  string
	Context          map[string][]string
	Expect, Why      string
}

var principalTypes = map[string]PrincipalType{
	"anonymous": Anonymous, "user": User, "assumedRole": AssumedRole, "federatedUser": FederatedUser,
	"root": Root, "service": Service, "webIdentity": WebIdentity, "saml": SAML,
}

func loadVectors(t testing.TB) []vector {
	t.Helper()
	text, err := os.ReadFile("testdata/policy-vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vs []vector
	if err := json.Unmarshal(text, &vs); err != nil {
		t.Fatal(err)
	}
	if len(vs) < 367 {
		t.Fatalf("only %d vectors", len(vs))
	}
	return vs
}

func loadSet(docs []json.RawMessage, kind Kind) *Set {
	var ps []*Policy
	for _, d := range docs {
		ps = append(ps, Load(string(d), kind))
	}
	return NewSet(ps...)
}

func loadOne(doc json.RawMessage, kind Kind) *Policy {
	if len(doc) == 0 || string(doc) == "null" {
		return nil
	}
	return Load(string(doc), kind)
}

// build makes the request and the policies of a vector.
func (v *vector) build() (*Request, *Policies) {
	ctx := &Context{}
	for k, values := range v.Context {
		if len(values) == 1 && !Multivalued(k) {
			ctx.Set(k, values[0])
		} else {
			ctx.SetValues(k, values...)
		}
	}
	p := v.Principal
	req := &Request{
		Action: v.Action, Resource: v.Resource, ResourceAccount: v.ResourceAccount, Context: ctx,
		Principal: Principal{
			Type: principalTypes[p.Type], ARN: p.ARN, Account: p.Account, RoleARN: p.RoleARN,
			UserARN: p.UserARN, Service: p.Service, Provider: p.Provider,
		},
	}
	in := &Policies{
		Identity: loadSet(v.IdentityPolicies, Inline),
		Boundary: loadOne(v.Boundary, Boundary),
		Resource: loadOne(v.ResourcePolicy, resourceKind(v.Action)),
	}
	if len(v.SessionPolicies) > 0 {
		in.Session = loadSet(v.SessionPolicies, Session)
	}
	for _, level := range v.SCPs {
		in.SCPs = append(in.SCPs, loadSet(level, SCP))
	}
	for _, level := range v.RCPs {
		in.RCPs = append(in.RCPs, loadSet(level, RCP))
	}
	return req, in
}

func resourceKind(action string) Kind {
	if isRoleAction(action) {
		return Trust
	}
	return Resource
}

func TestVectors(t *testing.T) {
	for _, v := range loadVectors(t) {
		req, in := v.build()
		if got := Evaluate(req, in); got.Decision.String() != v.Expect {
			t.Errorf("%s: Evaluate = %v (%v), want %v: %s", v.Name, got.Decision, got.Type, v.Expect, v.Why)
		}
	}
}
