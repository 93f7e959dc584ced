package awsapi

import (
	"errors"
	"io"
	"testing"
)

func TestEveryServiceLoads(t *testing.T) {
	want := map[string]int{ // number of operations
		"accessanalyzer": 39, "cloudtrail": 60, "ec2": 765, "iam": 176, "lambda": 85, "organizations": 63,
		"s3": 111, "secretsmanager": 23, "signin": 1, "sso-oidc": 4, "sso": 4, "sts": 11,
	}
	if got := len(Names()); got != len(want) {
		t.Errorf("len(Names()) = %d, want %d", got, len(want))
	}
	for name, n := range want {
		s := ByName(name)
		if s == nil {
			t.Fatalf("ByName(%q) = nil", name)
		}
		if len(s.operations) != n {
			t.Errorf("%s has %d operations, want %d", name, len(s.operations), n)
		}
		if BySigningName(s.SigningName) != s {
			t.Errorf("BySigningName(%q) isn't %s", s.SigningName, name)
		}
		for op := range s.Operations() {
			if s.Operation(op.Name) != op {
				t.Errorf("%s: Operation(%q) finds another", name, op.Name)
			}
		}
	}
	if s := BySigningName("dynamodb"); s != nil {
		t.Errorf("BySigningName(dynamodb) = %v, want nil", s.Name)
	}
	if op := ByName("iam").Operation("NoSuchThing"); op != nil {
		t.Errorf("Operation(NoSuchThing) = %v, want nil", op.Name)
	}
}

func TestModelOfIAM(t *testing.T) {
	s := ByName("iam")
	if s.ID != "IAM" || s.Protocol != Query || s.APIVersion != "2010-05-08" || s.Prefix != "iam" ||
		s.Namespace != "https://iam.amazonaws.com/doc/2010-05-08/" || !s.Global {
		t.Errorf("iam's metadata: %+v", s)
	}
	op := s.Operation("CreateUser")
	if op.Method != "POST" || op.URI != "/" || op.ResultWrapper != "CreateUserResult" || op.ResponseCode != 200 {
		t.Errorf("CreateUser: %+v", op)
	}
	m, i := op.Input.MemberNamed("UserName")
	if i != 1 || !m.Required || m.Shape.Max != 64 || !m.Shape.HasMin || m.Shape.Pattern != `[\w+=,.@-]+` {
		t.Errorf("CreateUser's UserName: %d %+v %+v", i, m, m.Shape)
	}
	tags, _ := op.Input.MemberNamed("Tags")
	if tags.Shape.Member.Name != "Tag" || tags.Shape.Max != 50 {
		t.Errorf("CreateUser's Tags: %+v", tags.Shape)
	}
	if got := op.Action.String(); got != "iam:CreateUser" {
		t.Errorf("CreateUser's action = %s", got)
	}
	p := s.Operation("ListUsers").Paginator
	if p == nil || p.LimitKey != "MaxItems" || p.MoreResults != "IsTruncated" || p.InputTokens[0] != "Marker" {
		t.Errorf("ListUsers's paginator: %+v", p)
	}
	if len(s.Waiters()) != 4 || s.Waiters()[3].Name != "UserExists" || s.Waiters()[3].Acceptors[1].Expected != `"NoSuchEntity"` {
		t.Errorf("iam's waiters: %+v", s.Waiters())
	}
	if !ByName("sts").Operation("AssumeRoleWithWebIdentity").NoAuth || ByName("sts").Operation("AssumeRole").NoAuth {
		t.Error("NoAuth: AssumeRoleWithWebIdentity takes no signature, AssumeRole does")
	}
}

func TestStatus(t *testing.T) {
	for _, tt := range []struct {
		service, code string
		want          int
	}{
		{"iam", "NoSuchEntity", 404},
		{"iam", "EntityAlreadyExists", 409},
		{"iam", "ReportNotPresent", 410},
		{"iam", "InvalidAuthenticationCode", 403},
		{"iam", "ServiceFailure", 500},
		{"iam", "AccessDenied", 403},
		{"iam", "InvalidClientTokenId", 403},
		{"iam", "ValidationError", 400},
		{"iam", "Throttling", 400},
		{"iam", "InternalFailure", 500},
		{"iam", "ServiceUnavailable", 503},
		{"iam", "NeverHeardOf", 400},
		{"sts", "PackedPolicyTooLarge", 400},
		{"sts", "RegionDisabledException", 403},
		{"cloudtrail", "AccessDeniedException", 400},
		{"cloudtrail", "InternalFailure", 500},
		{"lambda", "AccessDeniedException", 403},
		{"lambda", "ResourceNotFoundException", 404},
		{"s3", "NoSuchBucket", 404},
		{"ec2", "UnauthorizedOperation", 403},
		{"", "AccessDenied", 403},
	} {
		if got := ByName(tt.service).Status(tt.code); got != tt.want {
			t.Errorf("%s: Status(%s) = %d, want %d", tt.service, tt.code, got, tt.want)
		}
	}
}

func TestPrefix(t *testing.T) {
	for in, want := range map[string]string{
		"iam": "iam", "monitoring": "cloudwatch", "email": "ses", "tagging": "tag", "awsssoportal": "sso",
		"dynamodb": "dynamodb", "mturk-requester": "mechanicalturk", "unheard-of": "unheard-of",
	} {
		if got := Prefix(in); got != want {
			t.Errorf("Prefix(%q) = %q, want %q", in, got, want)
		}
	}
	for signing, prefix := range prefixBySigningName {
		if LookupAuthorization(prefix) == nil {
			t.Errorf("Prefix(%q) = %q, which the authorization reference doesn't have", signing, prefix)
		}
	}
}

func TestErrors(t *testing.T) {
	const noSuchEntity Code = "NoSuchEntity"
	err := noSuchEntity.New("The user with name %s cannot be found.", "a")
	if !errors.Is(err, noSuchEntity) || errors.Is(err, AccessDenied) {
		t.Errorf("errors.Is: %v", err)
	}
	if got, want := err.Error(), "NoSuchEntity: The user with name a cannot be found."; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	if err := error(&Error{Code: InternalFailure, Err: io.EOF}); !errors.Is(err, io.EOF) || err.Error() != "InternalFailure: EOF" {
		t.Errorf("the cause of %v is lost", err)
	}
}

// BenchmarkLoad is what the first use of a service costs.
func BenchmarkLoad(b *testing.B) {
	for service, block := range archive(modelData).blocks() {
		switch service {
		case "iam", "sts", "ec2", "s3":
			b.Run(service, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					loadService(service, block)
				}
			})
		}
	}
}

func BenchmarkLoadAuthorization(b *testing.B) {
	for prefix, block := range archive(authorizationData).blocks() {
		switch prefix {
		case "iam", "sts", "ec2", "s3":
			b.Run(prefix, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					loadAuthorization(prefix, block)
				}
			})
		}
	}
}
