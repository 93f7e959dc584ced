package policy

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

var someActions = NewActions("s3:GetObject", "S3:PutObject", "s3:Get", "s3:ListBucket", "kms:Decrypt", "sts:AssumeRole",
	"sts:TagSession", "sts:GetCallerIdentity", "s3:Get7Things", "s3:DeleteObject", "iam:PassRole", "s3:GetObject")

// decidesAll checks AllowedActions against Evaluate.
func decidesAll(t *testing.T, name string, req *Request, in *Policies) {
	t.Helper()
	var want []string
	one := *req
	for _, a := range someActions.names {
		one.Action = a
		if Evaluate(&one, in).Allowed() {
			want = append(want, a)
		}
	}
	if got := AllowedActions(req, in, someActions); !slices.Equal(got, want) {
		t.Errorf("%s: AllowedActions = %v, Evaluate allows %v", name, got, want)
	}
}

func TestAllowedActionsOnVectors(t *testing.T) {
	for _, v := range loadVectors(t) {
		req, in := v.build()
		decidesAll(t, v.Name, req, in)
		actions := NewActions(req.Action)
		if got := len(AllowedActions(req, in, actions)) == 1; got != (v.Expect == "allowed") {
			t.Errorf("%s: AllowedActions allows %v, want %s", v.Name, got, v.Expect)
		}
	}
}

// TestActionsMark compares the marks of random patterns with matching each.
func TestActionsMark(t *testing.T) {
	g := generator{rand.New(rand.NewPCG(7, 7))}
	word := func(letters ...string) string {
		return strings.Join(g.some(6, func() string { return g.pick(letters...) }), "")
	}
	for range 300 {
		a := NewActions(g.some(150, func() string { return word("a", "b", "C", ":") })...)
		for range 20 {
			pattern := newGlob(lowerASCII(word("a", "b", "C", ":", "*", "?")))
			got := newBitset(len(a.names))
			a.mark(got, &pattern)
			for i, name := range a.folded {
				if got.has(i) != pattern.matchFold(name) {
					t.Fatalf("pattern %+v marks %q: %v", pattern, name, got.has(i))
				}
			}
		}
	}
	if got := AllowedActions(annGets("*"), &Policies{}, NewActions()); len(got) != 0 {
		t.Errorf("AllowedActions of no actions = %v", got)
	}
}

// serviceActions are n names of one service in the manner of AWS's.
func serviceActions(n int) []string {
	verbs := []string{"Get", "Put", "List", "Delete", "Create", "Describe"}
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("s3:%sThing%d", verbs[i%len(verbs)], i)
	}
	names[0] = "s3:GetObject"
	return names
}

func BenchmarkAllowedActions(b *testing.B) {
	names := serviceActions(300)
	actions := NewActions(names...)
	req, ten := referenceTask(b)
	thousand := &Policies{Identity: many(b, 1000, func(i int) string {
		return fmt.Sprintf(`"Action":["s3:GetObject","s3:Put*"],"Resource":"arn:aws:s3:::bucket-%d/*"`, i)
	})}
	for name, in := range map[string]*Policies{"ten": ten, "thousand": thousand} {
		b.Run(name+"/all", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if len(AllowedActions(req, in, actions)) == 0 {
					b.Fatal("none")
				}
			}
		})
		b.Run(name+"/each", func(b *testing.B) {
			one := *req
			for b.Loop() {
				for _, a := range names {
					one.Action = a
					Evaluate(&one, in)
				}
			}
		})
	}
}
