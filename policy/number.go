package policy

import (
	"cmp"
	"strconv"
	"strings"
)

// decimal is a number of any size, as parts of its text: exact, and read
// without allocating. Its digits are those of whole and then of frac, the first
// not a zero; point of them stand before the decimal point, which may also lie
// beyond either end.
type decimal struct {
	text        string
	negative    bool
	whole, frac string
	point       int64
}

// maxExponentDigits keeps exponents within 64 bits. A larger one is no number.
const maxExponentDigits = 15

// parseDecimal reads an optional sign, digits, an optional fraction and, for
// JSON has it, an optional exponent.
func parseDecimal(s string) (decimal, bool) {
	d := decimal{text: s}
	if s != "" && (s[0] == '-' || s[0] == '+') {
		d.negative = s[0] == '-'
		s = s[1:]
	}
	var shift int64
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		var ok bool
		if shift, ok = parseExponent(s[i+1:]); !ok {
			return decimal{}, false
		}
		s = s[:i]
	}
	whole, frac, _ := strings.Cut(s, ".")
	if whole == "" && frac == "" || !digits(whole) || !digits(frac) {
		return decimal{}, false
	}
	d.whole = strings.TrimLeft(whole, "0")
	d.frac = strings.TrimRight(frac, "0")
	d.point = int64(len(d.whole)) + shift
	if d.whole == "" {
		n := len(d.frac)
		d.frac = strings.TrimLeft(d.frac, "0")
		d.point -= int64(n - len(d.frac))
	}
	if d.isZero() {
		d.negative, d.point = false, 0
	}
	return d, true
}

func parseExponent(s string) (int64, bool) {
	unsigned := strings.TrimPrefix(strings.TrimPrefix(s, "-"), "+")
	if unsigned == "" || len(unsigned) > maxExponentDigits || !digits(unsigned) || len(s)-len(unsigned) > 1 {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// digits says whether s holds nothing else.
func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

func (d *decimal) isZero() bool { return d.whole == "" && d.frac == "" }

// digit returns the digit at i; there are zeros past the end.
func (d *decimal) digit(i int) byte {
	switch n := len(d.whole); {
	case i < n:
		return d.whole[i]
	case i < n+len(d.frac):
		return d.frac[i-n]
	}
	return '0'
}

func (d *decimal) sign() int {
	switch {
	case d.isZero():
		return 0
	case d.negative:
		return -1
	}
	return 1
}

func (d decimal) compare(e decimal) int {
	sign := d.sign()
	if c := cmp.Compare(sign, e.sign()); c != 0 || sign == 0 {
		return c
	}
	if c := cmp.Compare(d.point, e.point); c != 0 {
		return c * sign
	}
	for i := range max(len(d.whole)+len(d.frac), len(e.whole)+len(e.frac)) {
		if c := cmp.Compare(d.digit(i), e.digit(i)); c != 0 {
			return c * sign
		}
	}
	return 0
}
