package arn

import (
	"strings"
	"unicode/utf8"
)

// Match says whether the pattern of a policy's Resource element covers s.
//
// The pattern "*" covers everything. Otherwise both are cut into six fields
// and each field of the pattern is a glob: * is any run of characters, ? is
// one. They don't reach over the colon between two fields, and inside the
// resource they cross slashes and colons. Partition, service, region and
// account compare without case, the resource with it.
//
// A pattern of fewer fields covers all missing fields if its last one ends in
// a star; otherwise it covers nothing.
func Match(pattern, s string) bool {
	if pattern == "*" {
		return true
	}
	p, np := Split(pattern)
	f, nf := Split(s)
	if nf != Fields || f[0] != "arn" {
		return false
	}
	if np < Fields && !strings.HasSuffix(p[np-1], "*") {
		return false
	}
	for i := range np {
		if i == Fields-1 {
			return Glob(p[i], f[i])
		}
		if !GlobFold(p[i], f[i]) {
			return false
		}
	}
	return true
}

// Glob says whether the whole of s matches the pattern: * stands for any run
// of characters, also none, and ? for exactly one. It takes time in proportion
// to len(pattern)*len(s) at worst and allocates nothing.
func Glob(pattern, s string) bool { return glob(pattern, s, false) }

// GlobFold is Glob without regard to the case of ASCII letters.
func GlobFold(pattern, s string) bool { return glob(pattern, s, true) }

// glob keeps two pointers and the place of the last star: a star that comes
// later makes all earlier ones final, so nothing is tried twice over.
func glob(p, s string, fold bool) bool {
	pi, si, star, mark := 0, 0, -1, 0
	for si < len(s) {
		switch {
		case pi < len(p) && p[pi] == '*':
			pi++
			star, mark = pi, si
		case pi < len(p) && p[pi] == '?':
			_, n := utf8.DecodeRuneInString(s[si:])
			si += n
			pi++
		case pi < len(p) && same(p[pi], s[si], fold):
			pi++
			si++
		case star < 0:
			return false
		default:
			_, n := utf8.DecodeRuneInString(s[mark:])
			mark += n
			pi, si = star, mark
		}
	}
	for pi < len(p) && p[pi] == '*' {
		pi++
	}
	return pi == len(p)
}

func same(a, b byte, fold bool) bool {
	return a == b || fold && lower(a) == lower(b)
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
