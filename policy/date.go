package policy

import (
	"math"
	"strings"
)

// Years that AWS accepts: those of a signed 64-bit count of milliseconds.
const (
	minYear = -292275054
	maxYear = 292278993
)

// parseDate reads a point in time as a policy or a request writes it: seconds
// since 1970, or the ISO 8601 forms that AWS was seen to accept. Parts that
// are missing count as their least value, an absent zone as UTC; a fraction is
// cut off. A bare number of up to four digits is a year.
func parseDate(s string) (sec int64, ok bool) {
	if len(s) > 4 && digits(s) {
		return parseSeconds(s)
	}
	p := dateParser{s: s}
	return p.date()
}

func parseSeconds(s string) (sec int64, ok bool) {
	for i := range len(s) {
		d := int64(s[i] - '0')
		if sec > (math.MaxInt64-d)/10 {
			return 0, false
		}
		sec = sec*10 + d
	}
	return sec, true
}

// dateParser takes one part of a date after the other from s.
type dateParser struct{ s string }

func (p *dateParser) date() (int64, bool) {
	year, ok := p.year()
	if !ok {
		return 0, false
	}
	month, day := int64(1), int64(1)
	if p.take("-") {
		if month, ok = p.number(2, 2, 1, 12); !ok {
			return 0, false
		}
		if p.take("-") {
			if day, ok = p.number(2, 2, 1, daysIn(year, month)); !ok {
				return 0, false
			}
		}
	}
	sec := daysSince1970(year, month, day) * 86400
	if p.take("T") || p.take("t") {
		clock, ok := p.clock()
		return sec + clock, ok && p.s == ""
	}
	return sec, p.s == ""
}

func (p *dateParser) year() (int64, bool) {
	negative := p.take("-")
	y, ok := p.number(1, 9, 0, maxYear)
	if negative {
		y = -y
	}
	return y, ok && y >= minYear
}

// clock takes what follows the T, which may be nothing: hour, minute, second,
// fraction and zone, each only after the one before it, but a zone after any.
func (p *dateParser) clock() (int64, bool) {
	var sec int64
	if p.startsDigit() {
		h, ok := p.number(1, 2, 0, 23)
		if !ok {
			return 0, false
		}
		m, s, ok := p.minutes()
		if !ok {
			return 0, false
		}
		sec = h*3600 + m*60 + s
	}
	offset, ok := p.zone()
	return sec - offset, ok
}

func (p *dateParser) minutes() (m, s int64, ok bool) {
	if !p.take(":") {
		return 0, 0, true
	}
	if m, ok = p.number(2, 2, 0, 59); !ok {
		return 0, 0, false
	}
	if !p.take(":") {
		return m, 0, true
	}
	if s, ok = p.number(2, 2, 0, 59); !ok {
		return 0, 0, false
	}
	if p.take(".") {
		_, ok = p.number(1, 9, 0, math.MaxInt64)
	}
	return m, s, ok
}

// zone takes Z, +HH or +HH:MM, or nothing, and returns seconds east of UTC.
func (p *dateParser) zone() (int64, bool) {
	if p.s == "" || p.take("Z") || p.take("z") {
		return 0, true
	}
	sign := int64(1)
	if p.take("-") {
		sign = -1
	} else if !p.take("+") {
		return 0, false
	}
	h, ok := p.number(2, 2, 0, 23)
	if !ok {
		return 0, false
	}
	m := int64(0)
	if p.take(":") {
		m, ok = p.number(2, 2, 0, 59)
	}
	return sign * (h*3600 + m*60), ok
}

func (p *dateParser) take(prefix string) bool {
	rest, ok := strings.CutPrefix(p.s, prefix)
	p.s = rest
	return ok
}

func (p *dateParser) startsDigit() bool {
	return p.s != "" && '0' <= p.s[0] && p.s[0] <= '9'
}

// number takes as many digits as there are, which must be from fewest to most
// and of a value from low to high.
func (p *dateParser) number(fewest, most int, low, high int64) (int64, bool) {
	var v int64
	n := 0
	for n < len(p.s) && n < most && '0' <= p.s[n] && p.s[n] <= '9' {
		v = v*10 + int64(p.s[n]-'0')
		n++
	}
	p.s = p.s[n:]
	return v, n >= fewest && !p.startsDigit() && low <= v && v <= high
}

func daysIn(year, month int64) int64 {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// daysSince1970 counts days in the Gregorian calendar, also before it was
// made. Years begin in March, so that the leap day is their last.
func daysSince1970(year, month, day int64) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	era := year / 400
	if year < 0 {
		era = (year - 399) / 400
	}
	ofEra := year - era*400
	ofYear := (153*(month-3)+2)/5 + day - 1
	return era*146097 + ofEra*365 + ofEra/4 - ofEra/100 + ofYear - 719468
}
