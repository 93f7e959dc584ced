package policy

import (
	"cmp"
	"fmt"
	"math/big"
	"testing"
	"time"
)

func TestParseDate(t *testing.T) {
	at := func(s string) int64 {
		d, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return d.Unix()
	}
	for in, want := range map[string]int64{
		"2019-07-01T13:20:15Z":             at("2019-07-01T13:20:15Z"),
		"2016-12-13T21:20:37.593194+00:00": at("2016-12-13T21:20:37Z"),
		"2024-05-01T14:00:00+02:00":        at("2024-05-01T12:00:00Z"),
		"2024-05-01T14:00:00-02":           at("2024-05-01T16:00:00Z"),
		"2024-05-01t1:02z":                 at("2024-05-01T01:02:00Z"),
		"2024-05-01T":                      at("2024-05-01T00:00:00Z"),
		"2024-02-29":                       at("2024-02-29T00:00:00Z"),
		"2024-05":                          at("2024-05-01T00:00:00Z"),
		"2024":                             at("2024-01-01T00:00:00Z"),
		"2024T05":                          at("2024-01-01T05:00:00Z"),
		"2024TZ":                           at("2024-01-01T00:00:00Z"),
		"01T":                              at("0001-01-01T00:00:00Z"),
		"0000-03-01":                       at("0000-03-01T00:00:00Z"),
		"1714564800":                       1714564800,
		"9223372036854775807":              9223372036854775807,
		"-0001-12-31":                      at("0000-01-01T00:00:00Z") - 86400,
	} {
		if got, ok := parseDate(in); !ok || got != want {
			t.Errorf("parseDate(%q) = %d, %v, want %d", in, got, ok, want)
		}
	}
	for _, in := range []string{
		"", "tomorrow", "234-13", "sdfdsf", "9223372036854775808", "2023-02-29", "2024-1-01", "2024-01-01T24", "2024-01-01T01:60",
		"2024-01-01T01:02:03.", "2024-01-01T01:02:03.1234567890", "2024-01-01 01:02", "2024-01-01T01:02:03+1", "2024-01-01Z",
		"-1714564800", "292278994-01", "-292275055", "2024-01-01T01:02:03Zx", "1.5",
	} {
		if got, ok := parseDate(in); ok {
			t.Errorf("parseDate(%q) = %d, want an error", in, got)
		}
	}
	if _, ok := parseDate("-292275054"); !ok {
		t.Error("parseDate refuses the first year")
	}
}

// FuzzParseDate: dates that Go prints are read as the same point in time.
func FuzzParseDate(f *testing.F) {
	f.Add(int64(0), 0)
	f.Add(int64(-62135596800), -5400)
	f.Fuzz(func(t *testing.T, sec int64, offset int) {
		d := time.Unix(sec%(1<<37), 0).In(time.FixedZone("", offset%86400/60*60))
		if y := d.Year(); y < 0 || y > 9999 {
			t.Skip()
		}
		text := d.Format(time.RFC3339)
		if got, ok := parseDate(text); !ok || got != d.Unix() {
			t.Errorf("parseDate(%q) = %d, %v, want %d", text, got, ok, d.Unix())
		}
	})
}

func TestDecimal(t *testing.T) {
	words := []string{
		"0", "-0", "+0.0", "00010", "10", "10.0", "10.5", "-10.5", "-3", ".5", "0.5", "5.", "99999999999999999999.1", "99999999999999999999", "9", "1.05", "1.5",
		"1e1", "1E+1", "-1.05e1", "0.00105e4", "0e9", "1e-3", "0.001", "100e-1", "12345678901234567890e-5",
	}
	for _, a := range words {
		for _, b := range words {
			da, ok1 := parseDecimal(a)
			db, ok2 := parseDecimal(b)
			ra, _ := new(big.Rat).SetString(a)
			rb, _ := new(big.Rat).SetString(b)
			if got := cmp.Compare(da.compare(db), 0); !ok1 || !ok2 || got != ra.Cmp(rb) {
				t.Errorf("compare(%s, %s) = %d, want %d", a, b, got, ra.Cmp(rb))
			}
		}
	}
	for _, bad := range []string{"", "+", "-", ".", "e3", "1e", "1e+", "1e-+3", "1e3.0", "1e1000000000000000", "0x1", "1,5", " 1", "--1", "1.2.3", "٣"} {
		if d, ok := parseDecimal(bad); ok {
			t.Errorf("parseDecimal(%q) = %v, want an error", bad, d)
		}
	}
}

// TestDecimalExponents would fill the memory if numbers were written out.
func TestDecimalExponents(t *testing.T) {
	words := []string{"-1e999999999999999", "-1e-999999999999999", "0e999999999999999", "9e-999999999999999", "1e-999999999999998", "1", "9e999999999999998", "1e999999999999999"}
	for i, a := range words {
		for j, b := range words {
			da, ok1 := parseDecimal(a)
			db, ok2 := parseDecimal(b)
			if got, want := da.compare(db), cmp.Compare(i, j); !ok1 || !ok2 || got != want {
				t.Errorf("compare(%s, %s) = %d, want %d", a, b, got, want)
			}
		}
	}
}

func TestParseRange(t *testing.T) {
	for _, tt := range []struct {
		r, addr string
		want    bool
	}{
		{"10.1.2.3/8", "10.255.0.1", true},
		{"10.1.2.3", "10.1.2.3", true},
		{"0.0.0.0/0", "2001:db8::1", false},
		{"::/0", "10.0.0.1", false},
		{"2001:DB8::/32", "2001:db8:0:0::1", true},
		{"10.0.0.0/8", "::ffff:10.0.0.1", true},
		{"::ffff:10.0.0.0/104", "10.0.0.1", true},
	} {
		r, ok1 := parseRange(tt.r)
		a, ok2 := parseAddr(tt.addr)
		if !ok1 || !ok2 || r.Contains(a) != tt.want {
			t.Errorf("%s contains %s = %v, want %v", tt.r, tt.addr, r.Contains(a), tt.want)
		}
	}
	for _, bad := range []string{"", "10.0.0.0/33", "10.0.0", "fe80::1%eth0", "10.0.0.0/", "x/8", "010.0.0.1"} {
		if r, ok := parseRange(bad); ok {
			t.Errorf("parseRange(%q) = %v, want an error", bad, r)
		}
	}
}

func TestTemplate(t *testing.T) {
	c := &Context{}
	c.Set("aws:username", "a*n")
	c.Set("aws:empty", "")
	c.Set("aws:twice", "${aws:username}")
	c.SetValues("aws:TagKeys", "x")
	for _, tt := range []struct {
		pattern, s string
		want       bool
	}{
		{"${aws:username}", "a*n", true},
		{"${aws:username}", "aXn", false},
		{"${AWS:USERNAME}*", "a*nything", true},
		{"x${aws:empty}y", "xy", true},
		{"${aws:twice}", "${aws:username}", true},
		{"${aws:absent}", "${aws:absent}", false},
		{"${aws:absent, 'd*'}", "d*", true},
		{"${aws:absent,'d'}", "d", true},
		{"${aws:absent , 'a}b' }", "a}b", true},
		{"${aws:absent, ''}", "", true},
		{"${aws:TagKeys}", "x", false},
		{"${aws:TagKeys, 'none'}", "none", true},
		{"${*}${?}${$}", "*?$", true},
		{"${*}", "x", false},
		{"${$}{x}", "${x}", true},
		{"a?${aws:username}?", "aba*nc", true},
		{"*${aws:username}*${aws:username}*", "xa*nya*nz", true},
		{"$", "$", true},
		{"${", "${", false},
		{"${}", "", false},
		{"${a b}", "", false},
		{"${aws:username", "a*n", false},
		{"${aws:absent, d}", "d", false},
		{"${aws:absent, 'd}", "d", false},
		{"${aws:absent, 'd' x}", "d", false},
		{"${ aws:username}", "a*n", false},
	} {
		p := newPattern(tt.pattern, true)
		if got := p.match(tt.s, c); got != tt.want {
			t.Errorf("pattern %q matches %q = %v, want %v", tt.pattern, tt.s, got, tt.want)
		}
	}
	plain := newPattern("${aws:username}", false)
	if !plain.match("${aws:username}", c) || plain.match("a*n", c) {
		t.Error("in a document of 2008 a variable is not plain text")
	}
}

func TestContext(t *testing.T) {
	c := &Context{}
	for i := range 60 {
		c.SetTag("aws:PrincipalTag", fmt.Sprint("tag", i), fmt.Sprint(i))
	}
	c.Set("aws:username", "ann")
	c.Set("AWS:UserName", "bob")
	c.SetTag("aws:principaltag", "TAG7", "seven")
	c.Set("aws:PrincipalTag/tag8", "eight")
	c.SetTime("aws:EpochTime", time.Unix(12, 0))
	c.SetTime("aws:CurrentTime", time.Unix(12, 500))
	c.SetValues("aws:TagKeys")
	for key, want := range map[string]string{
		"AWS:USERNAME": "bob", "aws:PrincipalTag/tag59": "59", "aws:PrincipalTag/Tag7": "seven", "aws:principaltag/tag8": "eight",
		"aws:epochtime": "12", "aws:CurrentTime": "1970-01-01T00:00:12Z",
	} {
		if got, ok := c.Value(key); !ok || got != want {
			t.Errorf("Value(%q) = %q, %v, want %q", key, got, ok, want)
		}
	}
	if len(c.values) != 64 {
		t.Errorf("the context holds %d keys, want 64", len(c.values))
	}
	if v, ok := c.Values("aws:tagkeys"); !ok || len(v) != 0 {
		t.Errorf("Values of a key without values = %v, %v", v, ok)
	}
	for _, absent := range []string{"aws:PrincipalTag/tag60", "aws:PrincipalTag", "", "aws:TagKeys"} {
		if v, ok := c.Value(absent); ok {
			t.Errorf("Value(%q) = %q, want none", absent, v)
		}
	}
	c.Reset()
	if _, ok := c.Value("aws:username"); ok {
		t.Error("Reset leaves a key")
	}
}

// FuzzHash: a tag's hash is that of the joined key, in any case.
func FuzzHash(f *testing.F) {
	f.Add("aws:PrincipalTag", "team")
	f.Add("a", "")
	f.Fuzz(func(t *testing.T, prefix, name string) {
		if prefix == "" {
			t.Skip()
		}
		if hash(prefix, name) != hash("", lowerASCII(prefix+"/"+name)) {
			t.Errorf("hash(%q, %q) differs from that of the joined key", prefix, name)
		}
	})
}
