package awsapi

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestLookupAction(t *testing.T) {
	a := LookupAction("iam", "CreateUser")
	if a == nil || a.Access != "Write" || len(a.Resources) != 1 || !a.Resources[0].Required ||
		a.Resources[0].Type.ARN != "arn:${Partition}:iam::${Account}:user/${UserNameWithPath}" ||
		!slices.Contains(a.Keys, "iam:PermissionsBoundary") {
		t.Errorf("LookupAction(iam, CreateUser) = %+v", a)
	}
	for _, name := range [][2]string{{"IAM", "createuser"}, {"iam", "CREATEUSER"}} {
		if LookupAction(name[0], name[1]) != a {
			t.Errorf("LookupAction(%q) isn't iam:CreateUser", name)
		}
	}
	for _, name := range [][2]string{{"iam", ""}, {"iam", "CreateUse"}, {"iam", "CreateUsers"}, {"", "CreateUser"}, {"nope", "x"}} {
		if a := LookupAction(name[0], name[1]); a != nil {
			t.Errorf("LookupAction(%q) = %v, want nil", name, a)
		}
	}
	if a := LookupAction("dynamodb", "GetItem"); a == nil || a.Resources[0].Type.Name != "table" {
		t.Errorf("LookupAction(dynamodb, GetItem) = %+v", a)
	}
}

func TestEveryPrefixLoads(t *testing.T) {
	n, actions := 0, 0
	for prefix := range Prefixes() {
		a := LookupAuthorization(prefix)
		n++
		actions += len(a.Actions)
		for i := range a.Actions {
			if LookupAction(prefix, a.Actions[i].Name) != &a.Actions[i] {
				t.Errorf("LookupAction(%s, %s) finds another", prefix, a.Actions[i].Name)
			}
		}
	}
	if n != 456 || actions != 22091 {
		t.Errorf("%d prefixes with %d actions, want 456 with 22091", n, actions)
	}
}

func TestActionsOfOperations(t *testing.T) {
	for _, tt := range []struct{ service, op, want string }{
		{"iam", "PutUserPolicy", "iam:PutUserPolicy"},
		{"sts", "GetCallerIdentity", "sts:GetCallerIdentity"},
		{"ec2", "RunInstances", "ec2:RunInstances"},
		{"s3", "ListObjectsV2", "s3:ListBucket"},
		{"s3", "ListBuckets", "s3:ListAllMyBuckets"},
		{"s3", "HeadBucket", "s3:ListBucket"},
		{"s3", "HeadObject", "s3:GetObject"},
		{"s3", "DeleteObjects", "s3:DeleteObject"},
		{"s3", "UploadPart", "s3:PutObject"},
		{"s3", "GetBucketCors", "s3:GetBucketCORS"},
		{"s3", "CreateSession", "s3express:CreateSession"},
		{"lambda", "Invoke", "lambda:InvokeFunction"},
		{"accessanalyzer", "ListFindingsV2", "access-analyzer:ListFindings"},
	} {
		if a := ByName(tt.service).Operation(tt.op).Action; a == nil || a.String() != tt.want {
			t.Errorf("%s %s: Action = %v, want %s", tt.service, tt.op, a, tt.want)
		}
	}
	without := 0
	for _, name := range Names() {
		for op := range ByName(name).Operations() {
			if op.Action == nil {
				without++
			}
		}
	}
	if without != 9 {
		t.Errorf("%d operations have no action, want the 9 that actions.json names", without)
	}
	if a := ByName("s3").Operation("GetObject").VersionAction; a == nil || a.Name != "GetObjectVersion" {
		t.Errorf("GetObject: VersionAction = %v", a)
	}
}

func TestManagedPolicies(t *testing.T) {
	all := AllManagedPolicies()
	if len(all) != 1485 || !slices.IsSortedFunc(all, func(a, b *ManagedPolicy) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	}) {
		t.Errorf("AllManagedPolicies: %d, want 1485 sorted by name", len(all))
	}
	ids := map[string]bool{}
	for _, p := range all {
		if got, ok := LookupManagedPolicy(p.ARN); !ok || got != p {
			t.Errorf("LookupManagedPolicy(%s) = %v, %v", p.ARN, got, ok)
		}
		if len(p.ID) != 21 || p.ID[:4] != "ANPA" || ids[p.ID] {
			t.Errorf("%s has id %q", p.Name, p.ID)
		}
		ids[p.ID] = true
		if doc := p.Document(); doc[0] != '{' || !json.Valid([]byte(doc)) {
			t.Errorf("%s: Document() = %q", p.Name, doc)
		}
	}
	p, ok := LookupManagedPolicy("arn:aws:iam::aws:policy/AdministratorAccess")
	want := "{\n    \"Version\": \"2012-10-17\",\n    \"Statement\": [\n        {\n            \"Effect\": \"Allow\",\n" +
		"            \"Action\": \"*\",\n            \"Resource\": \"*\"\n        }\n    ]\n}"
	if !ok || p.DefaultVersion != "v1" || p.Created.Year() != 2015 || p.Document() != want {
		t.Errorf("AdministratorAccess = %+v, document %s", p, p.Document())
	}
	for _, arn := range []string{
		"", "arn:aws:iam::aws:policy/", "arn:aws:iam::aws:policy/Nope", "arn:aws:iam::aws:policy/x/AdministratorAccess",
		"arn:aws:iam::123456789012:policy/AdministratorAccess",
	} {
		if p, ok := LookupManagedPolicy(arn); ok {
			t.Errorf("LookupManagedPolicy(%q) = %v", arn, p.Name)
		}
	}
}

func BenchmarkLookupManagedPolicy(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		LookupManagedPolicy("arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")
	}
}

func BenchmarkManagedPolicyDocument(b *testing.B) {
	p, _ := LookupManagedPolicy("arn:aws:iam::aws:policy/ReadOnlyAccess")
	for b.Loop() {
		fresh := ManagedPolicy{block: p.block, offset: p.offset, size: p.size}
		fresh.Document()
	}
}

func BenchmarkLoadManagedPolicies(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		loadPolicies()
	}
}
