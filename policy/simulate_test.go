package policy

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func named(name, document string, kind Kind) *Policy {
	return Load(document, kind).Named(Source{Name: name})
}

func yes() *bool { b := true; return &b }
func no() *bool  { b := false; return &b }

// summary is what of a simulation the cases below look at.
type summary struct {
	Decision               Decision
	Matched                []string
	Missing                []string
	Boundary, Organization *bool
	Details                map[string]Decision
}

func summarize(o *Outcome) summary {
	s := summary{o.Decision, nil, o.Missing, o.Boundary, o.Organization, o.Details}
	for _, m := range o.Matched {
		s.Matched = append(s.Matched, m.Policy.Source().Name)
	}
	return s
}

func TestSimulate(t *testing.T) {
	const one, two = "PolicyInputList.1", "PolicyInputList.2"
	allow := named(one, with(`"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEqualsIfExists":{"aws:UserAgent":"x"}}`), Inline)
	deny := named(two, with(`"Effect":"Deny","Action":"s3:Delete*","Resource":["arn:aws:s3:::b/${AWS:UserName}/*","arn:aws:s3:::secret"]`), Inline)
	only := named("PermissionsBoundaryPolicyInputList.1", with(`"Effect":"Allow","Action":"s3:Get*","Resource":"*"`), Boundary)
	onBucket := named("ResourcePolicy", with(`"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:user/ann"},"Action":"s3:Get*","Resource":"*"`), Resource)
	scp := NewSet(Load(with(`"Effect":"Allow","Action":"s3:Get*","Resource":"*","Condition":{"Null":{"aws:PrincipalOrgID":"true"}}`), SCP))
	keys := &Context{}
	keys.Set("aws:username", "ann")
	ann := Principal{Type: User, ARN: annARN, Account: "111111111111"}
	agent := []string{"aws:UserAgent"}
	for _, tt := range []struct {
		name string
		in   Simulation
		want []summary // of the action, then of each resource
	}{
		{
			"a star",
			Simulation{Actions: []string{"s3:GetObject"}, Policies: Policies{Identity: NewSet(allow, deny)}},
			[]summary{{Decision: Allowed, Matched: []string{one}, Missing: []string{"aws:UserAgent", "AWS:UserName"}}},
		},
		{
			"nothing allows",
			Simulation{Actions: []string{"ec2:RunInstances"}, Context: keys, Policies: Policies{Identity: NewSet(allow, deny)}},
			[]summary{{Decision: ImplicitDeny, Missing: agent}},
		},
		{"the strictest resource", Simulation{
			Actions: []string{"s3:DeleteObject"}, Context: keys, Policies: Policies{Identity: NewSet(allow, deny)},
			Resources: []string{"arn:aws:s3:::b/bob/x", "arn:aws:s3:::b/ann/x"},
		}, []summary{
			{Decision: ExplicitDeny, Matched: []string{two}, Details: map[string]Decision{}},
			{Decision: Allowed, Matched: []string{one}, Missing: agent, Details: map[string]Decision{}},
			{Decision: ExplicitDeny, Matched: []string{two}, Missing: agent, Details: map[string]Decision{}},
		}},
		{"both allowed", Simulation{
			Actions: []string{"s3:GetObject"}, Policies: Policies{Identity: NewSet(allow)},
			Resources: []string{"arn:aws:s3:::b/*", "arn:aws:s3:::c"},
		}, []summary{
			{Decision: Allowed, Matched: []string{one}, Details: map[string]Decision{}},
			{Decision: Allowed, Matched: []string{one}, Missing: agent, Details: map[string]Decision{}},
			{Decision: Allowed, Matched: []string{one}, Missing: agent, Details: map[string]Decision{}},
		}},
		{
			"a boundary",
			Simulation{Actions: []string{"s3:PutObject"}, Context: keys, Policies: Policies{Identity: NewSet(allow), Boundary: only}},
			[]summary{{Decision: ImplicitDeny, Missing: agent, Boundary: no()}},
		},
		{
			"within the boundary",
			Simulation{Actions: []string{"s3:GetObject"}, Context: keys, Policies: Policies{Identity: NewSet(allow), Boundary: only}},
			[]summary{{Decision: Allowed, Matched: []string{one, "PermissionsBoundaryPolicyInputList.1"}, Missing: agent, Boundary: yes()}},
		},
		{
			"an organization",
			Simulation{Actions: []string{"s3:GetObject"}, Context: keys, Policies: Policies{Identity: NewSet(allow), SCPs: []*Set{scp}}},
			[]summary{{Decision: Allowed, Matched: []string{one}, Missing: agent, Organization: yes()}},
		},
		{
			"an organization forbids",
			Simulation{Actions: []string{"s3:DeleteObject"}, Context: keys, Policies: Policies{Identity: NewSet(allow, deny), Boundary: only, SCPs: []*Set{scp}}},
			[]summary{{Decision: ImplicitDeny, Missing: agent, Organization: no()}},
		},
		{"an organization forbids one resource", Simulation{
			Actions: []string{"s3:GetObject"}, Context: keys, Resources: []string{"arn:aws:s3:::b/x", "arn:aws:s3:::c"},
			Policies: Policies{Identity: NewSet(allow), Boundary: only, SCPs: []*Set{setOf(SCP, with(allowAll), with(`"Effect":"Deny","Action":"*","Resource":"arn:aws:s3:::c"`))}},
		}, []summary{
			{Decision: ImplicitDeny, Organization: no()},
			{Decision: Allowed, Matched: []string{one, "PermissionsBoundaryPolicyInputList.1"}, Missing: agent, Boundary: yes(), Organization: yes(), Details: map[string]Decision{}},
			{Decision: ImplicitDeny, Missing: agent, Organization: no()},
		}},
		{"across accounts", Simulation{
			Actions: []string{"s3:GetObject"}, Context: keys, Principal: ann, ResourceOwner: "222222222222",
			Resources: []string{"arn:aws:s3:::b/x"}, Policies: Policies{Identity: NewSet(allow), Boundary: only, Resource: onBucket},
		}, []summary{
			{Decision: Allowed, Matched: []string{one, "PermissionsBoundaryPolicyInputList.1", "ResourcePolicy"}, Boundary: yes(), Details: map[string]Decision{"IAM Policy": Allowed, "Resource Policy": Allowed, "Permissions Boundary Policy": Allowed}},
			{Decision: Allowed, Matched: []string{one, "PermissionsBoundaryPolicyInputList.1", "ResourcePolicy"}, Missing: agent, Boundary: yes(), Details: map[string]Decision{"IAM Policy": Allowed, "Resource Policy": Allowed, "Permissions Boundary Policy": Allowed}},
		}},
		{"across accounts without consent", Simulation{
			Actions: []string{"s3:GetObject"}, Context: keys, Principal: ann, ResourceOwner: "222222222222",
			Resources: []string{"arn:aws:s3:::b/x"}, Policies: Policies{Identity: NewSet(allow)},
		}, []summary{
			{Decision: ImplicitDeny, Details: map[string]Decision{"IAM Policy": Allowed, "Resource Policy": ImplicitDeny}},
			{Decision: ImplicitDeny, Missing: agent, Details: map[string]Decision{"IAM Policy": Allowed, "Resource Policy": ImplicitDeny}},
		}},
		{"a bucket's policy alone", Simulation{
			Actions: []string{"s3:GetObject"}, Principal: ann, Resources: []string{"arn:aws:s3:::b/x"}, Policies: Policies{Resource: onBucket},
		}, []summary{
			{Decision: Allowed, Matched: []string{"ResourcePolicy"}, Details: map[string]Decision{}},
			{Decision: Allowed, Matched: []string{"ResourcePolicy"}, Details: map[string]Decision{}},
		}},
	} {
		got := Simulate(&tt.in)
		if len(got) != 1 || got[0].Action != tt.in.Actions[0] {
			t.Fatalf("%s: Simulate = %+v", tt.name, got)
		}
		parts := []summary{summarize(&got[0].Outcome)}
		for i := range got[0].Resources {
			parts = append(parts, summarize(&got[0].Resources[i].Outcome))
			if got[0].Resources[i].Resource != tt.in.Resources[i] {
				t.Errorf("%s: resource %d is %s", tt.name, i, got[0].Resources[i].Resource)
			}
		}
		if d := cmp.Diff(tt.want, parts); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
}

// TestSimulateKeysAndRoles: AWS's simulator doesn't miss the policy of a key
// that it wasn't given, and takes no notice of a trust policy.
func TestSimulateKeysAndRoles(t *testing.T) {
	all := Policies{Identity: NewSet(Load(with(`"Effect":"Allow","Action":"*","Resource":"*"`), Inline))}
	forbids := all
	forbids.Resource = Load(with(`"Effect":"Deny","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"`), Trust)
	elsewhere := all
	elsewhere.Resource = Load(with(`"Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":"*","Resource":"*"`), Resource)
	for _, tt := range []struct {
		action, resource string
		in               Policies
		want             Decision
	}{
		{"kms:Decrypt", "arn:aws:kms:us-east-1:111111111111:key/k", all, Allowed},
		{"kms:Decrypt", "arn:aws:kms:us-east-1:111111111111:key/k", elsewhere, ImplicitDeny},
		{"sts:AssumeRole", "arn:aws:iam::999999999999:role/r", all, Allowed},
		{"sts:AssumeRole", "arn:aws:iam::999999999999:role/r", forbids, Allowed},
		{"sts:TagSession", "arn:aws:iam::999999999999:role/r", all, Allowed},
	} {
		got := Simulate(&Simulation{Actions: []string{tt.action}, Resources: []string{tt.resource}, Policies: tt.in})
		if got[0].Decision != tt.want {
			t.Errorf("%s on %s: %v, want %v", tt.action, tt.resource, got[0].Decision, tt.want)
		}
	}
}

// TestSimulateAgrees: within one account, a simulation decides as Evaluate.
func TestSimulateAgrees(t *testing.T) {
	for _, v := range loadVectors(t) {
		req, in := v.build()
		if !req.Principal.hasPolicies() || isRoleAction(req.Action) || foldPrefix(req.Action, "kms:") || len(in.SCPs) > 0 || alwaysAllowed(req.Action) {
			continue
		}
		got := Simulate(&Simulation{
			Actions: []string{req.Action}, Resources: []string{req.Resource}, ResourceOwner: req.ResourceAccount,
			Principal: req.Principal, Context: req.Context, Policies: *in,
		})
		if got[0].Decision.String() != v.Expect {
			t.Errorf("%s: Simulate = %v, want %s", v.Name, got[0].Decision, v.Expect)
		}
	}
}

func TestContextKeysOfSeveral(t *testing.T) {
	a := parsed(t, with(`"Condition":{"StringLike":{"AWS:UserName":"${aws:PrincipalTag/a}"}},"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:username}"`), Managed)
	b := parsed(t, with(`"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:principaltag/A":"true","s3:x":"true"}}`), Managed)
	old := parsed(t, `{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::${aws:userid}"}}`, Inline)
	want := []string{"AWS:UserName", "aws:PrincipalTag/a", "s3:x"}
	if d := cmp.Diff(want, ContextKeys(a, b, old, nil)); d != "" {
		t.Errorf("ContextKeys (-want +got):\n%s", d)
	}
}
