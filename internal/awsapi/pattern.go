package awsapi

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// lazyPattern is a shape's pattern, compiled when first needed.
type lazyPattern struct {
	once  sync.Once
	match func(string) bool
}

// MatchPattern reports whether the whole of s matches the shape's pattern, as
// AWS applies it. A shape without a pattern matches everything; a pattern that
// can't be compiled matches nothing.
func (s *Shape) MatchPattern(v string) bool {
	if s.Pattern == "" {
		return true
	}
	s.pattern.once.Do(func() {
		var err error
		if s.pattern.match, err = compilePattern(s.Pattern); err != nil {
			s.pattern.match = func(string) bool { return false }
		}
	})
	return s.pattern.match(v)
}

// handPatterns stand for the patterns that look ahead or behind, which RE2 can't:
// what matches all of is and nothing of not.
var handPatterns = map[string]struct{ is, not string }{
	`^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$`: {`[a-z0-9][a-z0-9-]{1,61}[a-z0-9]`, `--`},
	`^(?=.{20,2048}$)arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[a-zA-Z0-9/_+=.@-]+`: {
		`arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[a-zA-Z0-9/_+=.@-]+`, `^.{0,19}$|^.{683}.{683}.{683}`,
	},
	`(?!^[0-9]+$)([a-zA-Z0-9-_]+)`:              {`[a-zA-Z0-9_-]+`, `^[0-9]+$`},
	`((?!^\d+$)^[0-9a-zA-Z-_]+$)`:               {`[0-9a-zA-Z_-]+`, `^[0-9]+$`},
	`(^(?!(system\x2e)))(^[_a-zA-Z0-9])([^$]*)`: {`[_a-zA-Z0-9][^$]*`, `^system\.`},
	`[0-9A-Za-z\.\-_]*(?<!\.)`:                  {`[0-9A-Za-z._-]*`, `\.$`},
}

// compilePattern makes a matcher of a Java regular expression.
func compilePattern(pattern string) (func(string) bool, error) {
	if hand, ok := handPatterns[pattern]; ok {
		is, err := compilePattern(hand.is)
		if err != nil {
			return nil, err
		}
		not := regexp.MustCompile(hand.not)
		return func(s string) bool { return is(s) && !not.MatchString(s) }, nil
	}
	expr := `\A(?:` + fromJava(pattern) + `)\z`
	if f := classMatcher(expr); f != nil {
		return f, nil
	}
	re, err := regexp.Compile(expr)
	if err != nil {
		return nil, err
	}
	return re.MatchString, nil
}

// supplementary are the ways in which the models write all that lies above the
// basic plane. The first is Java's, with surrogates; the second isn't what Java
// would make of it, but surely what is meant.
var supplementary = strings.NewReplacer(
	`\uD800\uDC00-\uDBFF\uDFFF`, `\x{10000}-\x{10FFFF}`,
	`\u10000-\u10FFFF`, `\x{10000}-\x{10FFFF}`,
)

// fromJava rewrites what Java's syntax has and RE2's has not: \uXXXX.
func fromJava(p string) string {
	p = supplementary.Replace(p)
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		if p[i] != '\\' || i+1 == len(p) {
			b.WriteByte(p[i])
			continue
		}
		if p[i+1] == 'u' && i+6 <= len(p) {
			b.WriteString(`\x{` + p[i+2:i+6] + `}`)
			i += 5
			continue
		}
		b.WriteString(p[i : i+2])
		i++
	}
	return b.String()
}

// classMatcher matches the commonest form, one character class repeated, without
// the machinery of regexp: [\w+=,.@-]+ and its like. It returns nil for others.
func classMatcher(expr string) func(string) bool {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil
	}
	re = re.Simplify()
	if re.Op != syntax.OpConcat || len(re.Sub) != 3 {
		return nil
	}
	rep := re.Sub[1]
	if rep.Op != syntax.OpPlus && rep.Op != syntax.OpStar || rep.Sub[0].Op != syntax.OpCharClass {
		return nil
	}
	class, atLeastOne := newCharClass(rep.Sub[0].Rune), rep.Op == syntax.OpPlus
	return func(s string) bool {
		if s == "" {
			return !atLeastOne
		}
		return class.all(s)
	}
}

// charClass is a set of runes: a table for ASCII, sorted ranges for the rest.
type charClass struct {
	ascii  [utf8.RuneSelf]bool
	ranges []rune // pairs, low and high
}

func newCharClass(ranges []rune) *charClass {
	c := &charClass{ranges: slices.Clone(ranges)}
	for i := 0; i < len(ranges); i += 2 {
		for r := ranges[i]; r <= ranges[i+1] && r < utf8.RuneSelf; r++ {
			c.ascii[r] = true
		}
	}
	return c
}

func (c *charClass) all(s string) bool {
	for i := 0; i < len(s); {
		if b := s[i]; b < utf8.RuneSelf {
			if !c.ascii[b] {
				return false
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 || !c.has(r) {
			return false
		}
		i += size
	}
	return true
}

func (c *charClass) has(r rune) bool {
	lo, hi := 0, len(c.ranges)/2
	for lo < hi {
		mid := (lo + hi) / 2
		switch {
		case r < c.ranges[2*mid]:
			hi = mid
		case r > c.ranges[2*mid+1]:
			lo = mid + 1
		default:
			return true
		}
	}
	return false
}
