package awsapi

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestEveryPatternCompiles(t *testing.T) {
	for _, name := range Names() {
		s := ByName(name)
		for i := range s.shapes {
			if p := s.shapes[i].Pattern; p != "" {
				if _, err := compilePattern(p); err != nil {
					t.Errorf("%s %s: pattern %q: %v", name, s.shapes[i].Name, p, err)
				}
			}
		}
	}
}

func TestMatchPattern(t *testing.T) {
	alias := `^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$`
	doc := `[\u0009\u000A\u000D\u0020-\u00FF]+`
	for _, tt := range []struct {
		pattern, in string
		want        bool
	}{
		{``, "anything", true},
		{`[\w+=,.@-]+`, "a.b-c@d", true},
		{`[\w+=,.@-]+`, "", false},
		{`[\w+=,.@-]+`, "a b", false},
		{`[\w+=,.@-]+`, "é", false},
		{`[\w+=,.@-]+`, "a\n", false},
		{`[\w+=,.@-]*`, "", true},
		{alias, "my-company", true},
		{alias, "abc", true},
		{alias, "ab", false},
		{alias, "a--b", false},
		{alias, "-ab", false},
		{alias, "ab-", false},
		{alias, "Abc", false},
		{alias, strings.Repeat("a", 63), true},
		{alias, strings.Repeat("a", 64), false},
		{doc, "{\"a\":\t\"ÿ\"}\r\n", true},
		{doc, "Ā", false},
		{doc, "\x00", false},
		{doc, "\xff", false},
		{`[\p{L}\p{Z}\p{N}_.:/=+\-@]+`, "Größe 1/2", true},
		{`[\p{L}\p{Z}\p{N}_.:/=+\-@]+`, "a#", false},
		{`(\u002F)|(\u002F[\u0021-\u007E]+\u002F)`, "/", true},
		{`(\u002F)|(\u002F[\u0021-\u007E]+\u002F)`, "/a/b/", true},
		{`(\u002F)|(\u002F[\u0021-\u007E]+\u002F)`, "/a", false},
		{`v[1-9][0-9]*(\.[A-Za-z0-9-]*)?`, "v12", true},
		{`v[1-9][0-9]*(\.[A-Za-z0-9-]*)?`, "xv12", false},
		{`[\u0009\u000A\u000D\u0020-\u007E\u0085\u00A0-\uD7FF\uE000-\uFFFD\u10000-\u10FFFF]+`, "a\U0001F600é", true},
		{`[\u0009\u000A\u000D\u0020-\u007E\u0085\u00A0-\uD7FF\uE000-\uFFFD\u10000-\u10FFFF]+`, "\u0080", false},
		{`[`, "[", false}, // what can't be compiled matches nothing
	} {
		if got := (&Shape{Pattern: tt.pattern}).MatchPattern(tt.in); got != tt.want {
			t.Errorf("%s: MatchPattern(%q) = %v, want %v", tt.pattern, tt.in, got, tt.want)
		}
	}
}

// FuzzPatterns: the fast matcher of character classes and the regular expression
// that it stands for agree.
func FuzzPatterns(f *testing.F) {
	for _, s := range []string{"", "a", "é", "\xff", "a b\n", "\U0010FFFF", "-=,.@"} {
		f.Add(s)
	}
	type pair struct {
		fast *Shape
		slow *regexp.Regexp
	}
	var pairs []pair
	for _, p := range []string{
		`[\w+=,.@-]+`, `[\w-]*`, `[\u0009\u000A\u000D\u0020-\u00FF]+`, `[\p{L}\p{Z}\p{N}_.:/=+\-@]*`,
	} {
		pairs = append(pairs, pair{&Shape{Pattern: p}, regexp.MustCompile(`\A(?:` + fromJava(p) + `)\z`)})
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			s = strings.ToValidUTF8(s, "?") // regexp takes bad bytes for U+FFFD; the class refuses them
		}
		for _, p := range pairs {
			if fast, slow := p.fast.MatchPattern(s), p.slow.MatchString(s); fast != slow {
				t.Errorf("%s: %q: the class says %v, the expression %v", p.fast.Pattern, s, fast, slow)
			}
		}
	})
}

func BenchmarkMatchPattern(b *testing.B) {
	s := ByName("iam").Operation("CreateUser").Input.Members[1].Shape
	b.ReportAllocs()
	for b.Loop() {
		s.MatchPattern("some.user@example.com")
	}
}
