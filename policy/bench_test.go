package policy

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// tenStatements is the reference task: a Deny with two conditions, and nine
// Allows of two actions on a bucket each, with two conditions.
func tenStatements() string {
	var b strings.Builder
	b.WriteString(`{"Version":"2012-10-17","Statement":[
	{"Sid":"NoPlainText","Effect":"Deny","Action":"s3:*","Resource":"*",
	 "Condition":{"Bool":{"aws:SecureTransport":"false"},"StringEquals":{"aws:PrincipalTag/locked":"yes"}}}`)
	for i := range 9 {
		fmt.Fprintf(&b, `,
	{"Sid":"Bucket%d","Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::bucket-%d/*",
	 "Condition":{"StringEquals":{"aws:username":"ann"},"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}}`, i, i)
	}
	b.WriteString("]}")
	return b.String()
}

// fillContext sets the keys that a usual request carries.
func fillContext(c *Context) {
	c.Reset()
	now := time.Unix(1790000000, 0)
	c.Set("aws:PrincipalArn", "arn:aws:iam::111111111111:user/ann")
	c.Set("aws:PrincipalAccount", "111111111111")
	c.Set("aws:PrincipalType", "User")
	c.Set("aws:userid", "AIDAEXAMPLEEXAMPLEEX1")
	c.Set("aws:username", "ann")
	c.Set("aws:PrincipalIsAWSService", "false")
	c.Set("aws:SourceIp", "203.0.113.7")
	c.Set("aws:SecureTransport", "true")
	c.Set("aws:UserAgent", "aws-cli/2")
	c.Set("aws:RequestedRegion", "us-east-1")
	c.Set("aws:ViaAWSService", "false")
	c.Set("aws:ResourceAccount", "111111111111")
	c.SetTag("aws:PrincipalTag", "team", "blue")
	c.SetTime("aws:CurrentTime", now)
	c.SetTime("aws:EpochTime", now)
}

func annGets(resource string) *Request {
	c := &Context{}
	fillContext(c)
	return &Request{
		Action: "s3:GetObject", Resource: resource, ResourceAccount: "111111111111", Context: c,
		Principal: Principal{Type: User, ARN: "arn:aws:iam::111111111111:user/ann", Account: "111111111111"},
	}
}

func parsed(t testing.TB, text string, kind Kind) *Policy {
	t.Helper()
	p, err := Parse(text, kind)
	if err != nil {
		t.Fatalf("Parse(%q) = %v", text, err)
	}
	return p
}

func referenceTask(t testing.TB) (*Request, *Policies) {
	p := parsed(t, tenStatements(), Managed)
	return annGets("arn:aws:s3:::bucket-8/report.csv"), &Policies{Identity: NewSet(p)}
}

// many returns n policies of one statement that differ as f says.
func many(t testing.TB, n int, f func(i int) string) *Set {
	ps := make([]*Policy, n)
	for i := range ps {
		ps[i] = parsed(t, `{"Version":"2012-10-17","Statement":{"Effect":"Allow",`+f(i)+`}}`, Managed)
	}
	return NewSet(ps...)
}

func benchEvaluate(b *testing.B, req *Request, in *Policies, want Decision) {
	b.Helper()
	b.ReportAllocs()
	for b.Loop() {
		if r := Evaluate(req, in); r.Decision != want {
			b.Fatalf("Evaluate = %v, want %v", r.Decision, want)
		}
	}
}

func BenchmarkEvaluateTen(b *testing.B) {
	req, in := referenceTask(b)
	benchEvaluate(b, req, in, Allowed)
}

func BenchmarkParseTen(b *testing.B) {
	text := tenStatements()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(text, Managed); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkExplainTen(b *testing.B) {
	req, in := referenceTask(b)
	b.ReportAllocs()
	for b.Loop() {
		_ = Explain(req, in).String()
	}
}

func BenchmarkContext(b *testing.B) {
	c := &Context{}
	b.ReportAllocs()
	for b.Loop() {
		fillContext(c)
	}
}

func BenchmarkEvaluateMany(b *testing.B) {
	condition := `"Condition":{"StringEquals":{"aws:username":"ann"},"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`
	for _, n := range []int{1000, 10000} {
		b.Run(fmt.Sprintf("buckets/%d", n), func(b *testing.B) {
			set := many(b, n, func(i int) string {
				return fmt.Sprintf(`"Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::bucket-%d/*",%s`, i, condition)
			})
			benchEvaluate(b, annGets(fmt.Sprintf("arn:aws:s3:::bucket-%d/x", n-1)), &Policies{Identity: set}, Allowed)
		})
		b.Run(fmt.Sprintf("actions/%d", n), func(b *testing.B) {
			set := many(b, n, func(i int) string {
				return fmt.Sprintf(`"Action":"svc%d:Get*","Resource":"*",%s`, i, condition)
			})
			req := annGets("*")
			req.Action = fmt.Sprintf("svc%d:GetThing", n-1)
			benchEvaluate(b, req, &Policies{Identity: set}, Allowed)
		})
		b.Run(fmt.Sprintf("none/%d", n), func(b *testing.B) {
			set := many(b, n, func(i int) string {
				return fmt.Sprintf(`"Action":"s3:GetObject","Resource":"arn:aws:s3:::bucket-%d/*",%s`, i, condition)
			})
			benchEvaluate(b, annGets("arn:aws:s3:::other/x"), &Policies{Identity: set}, ImplicitDeny)
		})
	}
}

// BenchmarkNewSet is what a principal's policies cost before its first request.
func BenchmarkNewSet(b *testing.B) {
	for _, n := range []int{3, 1000} {
		policies := many(b, n, func(i int) string {
			return fmt.Sprintf(`"Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::bucket-%d/*"`, i)
		}).Policies()
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				NewSet(policies...)
			}
		})
	}
}

// BenchmarkEvaluateStars has nothing for an index to tell apart.
func BenchmarkEvaluateStars(b *testing.B) {
	set := many(b, 1000, func(i int) string {
		return fmt.Sprintf(`"Action":"s3:GetObject","Resource":"*","Condition":{"StringEquals":{"aws:username":"user-%d"},"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`, i)
	})
	benchEvaluate(b, annGets("arn:aws:s3:::bucket/x"), &Policies{Identity: set}, ImplicitDeny)
}

// BenchmarkEvaluateLongList has one statement of 2,000 actions.
func BenchmarkEvaluateLongList(b *testing.B) {
	actions := make([]string, 2000)
	for i := range actions {
		actions[i] = fmt.Sprintf(`"svc%d:Describe%d*"`, i/20, i)
	}
	p := parsed(b, with(`"Effect":"Allow","Action":[`+strings.Join(actions, ",")+`],"Resource":"*"`), Managed)
	req := annGets("*")
	req.Action = "svc99:Describe1999Things"
	benchEvaluate(b, req, &Policies{Identity: NewSet(p)}, Allowed)
}

func TestEvaluateAllocatesNothing(t *testing.T) {
	req, in := referenceTask(t)
	if n := testing.AllocsPerRun(100, func() { Evaluate(req, in) }); n != 0 {
		t.Errorf("Evaluate allocates %v times", n)
	}
	if n := testing.AllocsPerRun(100, func() { fillContext(req.Context) }); n != 0 {
		t.Errorf("setting a used context allocates %v times", n)
	}
	for _, v := range loadVectors(t) {
		req, in := v.build()
		if n := testing.AllocsPerRun(10, func() { Evaluate(req, in) }); n != 0 {
			t.Errorf("%s: Evaluate allocates %v times", v.Name, n)
		}
	}
}
