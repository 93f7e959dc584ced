package arn

import (
	"errors"
	"regexp"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     ARN
		err      error
	}{
		{"global service", "arn:aws:iam::111122223333:user/a", ARN{"aws", "iam", "", "111122223333", "user/a"}, nil},
		{"colon in resource", "arn:aws:logs:eu-west-1:1:g:*", ARN{"aws", "logs", "eu-west-1", "1", "g:*"}, nil},
		{"empty fields", "arn:::::", ARN{}, nil},
		{"five parts", "arn:aws:iam::1", ARN{}, ErrSyntax},
		{"other scheme", "urn:aws:iam::1:user/a", ARN{}, ErrSyntax},
		{"empty", "", ARN{}, ErrSyntax},
		{"capitals", "ARN:aws:iam::1:user/a", ARN{}, ErrSyntax},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Parse(tt.in)
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("Parse(%q) = %+v, %v, want %+v, %v", tt.in, got, err, tt.want, tt.err)
			}
		})
	}
}

func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		pattern, s string
		want       bool
	}{
		{"*", "anything at all", true},
		{"arn:aws:s3:::b/*", "arn:aws:s3:::b/k", true},
		{"arn:aws:s3:::b/*", "arn:aws:s3:::b", false},
		{"arn:aws:s3:::b/*", "arn:aws:s3:::b/a/c:d", true},
		{"arn:aws:s3:::b", "arn:aws:s3:us-east-1:1:b", false},
		{"arn:aws:s3:*:*:b", "arn:aws:s3:::b", true},
		{"arn:AWS:S3:::b", "arn:aws:s3:::b", true},
		{"arn:aws:s3:::B", "arn:aws:s3:::b", false},
		{"arn:aws:sqs:*:q", "arn:aws:sqs:us-east-1:1:q", false},
		{"arn:aws:sqs:*", "arn:aws:sqs:us-east-1:1:q", true},
		{"arn:aws:sqs", "arn:aws:sqs:us-east-1:1:q", false},
		{"arn:aws:s3:::*", "*", false},
		{"arn:aws:s3:::?", "arn:aws:s3:::é", true},
	} {
		if got := Match(tt.pattern, tt.s); got != tt.want {
			t.Errorf("Match(%q, %q) = %v, want %v", tt.pattern, tt.s, got, tt.want)
		}
	}
}

// TestGlobIsLinear would run for years if every star were tried at every place.
func TestGlobIsLinear(t *testing.T) {
	if Glob(strings.Repeat("*a", 50)+"b", strings.Repeat("a", 100000)) {
		t.Error("a text without b matches a pattern that ends in b")
	}
}

// FuzzParse: what parses prints back the same.
func FuzzParse(f *testing.F) {
	f.Add("arn:aws:iam::111122223333:user/a")
	f.Add("arn:::::")
	f.Fuzz(func(t *testing.T, s string) {
		if a, err := Parse(s); err == nil && a.String() != s {
			t.Errorf("Parse(%q).String() = %q", s, a.String())
		}
	})
}

// FuzzGlob: Glob agrees with the pattern written as a regular expression.
func FuzzGlob(f *testing.F) {
	f.Add("a*b?c", "axxbyc")
	f.Add("*é?", "aéb")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, pattern, s string) {
		if !valid(pattern) || !valid(s) {
			t.Skip()
		}
		re := strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(regexp.QuoteMeta(pattern))
		want := regexp.MustCompile(`(?s)^(?:` + re + `)$`).MatchString(s)
		if got := Glob(pattern, s); got != want {
			t.Errorf("Glob(%q, %q) = %v, want %v", pattern, s, got, want)
		}
	})
}

func valid(s string) bool { return len(s) < 100 && strings.ToValidUTF8(s, "") == s }

func BenchmarkMatch(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if !Match("arn:aws:s3:::bucket/*/report-?.csv", "arn:aws:s3:::bucket/2026/11/report-7.csv") {
			b.Fatal("no match")
		}
	}
}
