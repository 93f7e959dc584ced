package wire

import (
	"encoding/base64"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
)

// setText sets a scalar from its text form: as in forms, XML, headers, paths and
// queries. It reports whether the text is a value of the shape's type.
func setText(slot reflect.Value, shape *awsapi.Shape, text string) bool {
	switch shape.Type {
	case awsapi.String:
		setString(slot, text)
		return true
	case awsapi.Boolean:
		b, ok := parseBool(text)
		if ok {
			setBool(slot, b)
		}
		return ok
	case awsapi.Integer, awsapi.Long:
		bits := 64
		if shape.Type == awsapi.Integer {
			bits = 32
		}
		n, err := strconv.ParseInt(text, 10, bits)
		return err == nil && setInt(slot, n)
	case awsapi.Float, awsapi.Double:
		f, ok := parseFloat(text)
		if ok {
			setFloat(slot, f)
		}
		return ok
	case awsapi.Timestamp:
		t, ok := parseTime(text)
		if ok {
			setTime(slot, t)
		}
		return ok
	case awsapi.Blob:
		b, err := base64.StdEncoding.DecodeString(text)
		if err == nil {
			setBytes(slot, b)
		}
		return err == nil
	}
	return false
}

func parseBool(s string) (value, ok bool) {
	switch {
	case strings.EqualFold(s, "true"):
		return true, true
	case strings.EqualFold(s, "false"):
		return false, true
	}
	return false, false
}

func parseFloat(s string) (float64, bool) {
	switch s {
	case "NaN":
		return math.NaN(), true
	case "Infinity":
		return math.Inf(1), true
	case "-Infinity":
		return math.Inf(-1), true
	}
	if strings.ContainsAny(s, "xXpP_iIN") { // forms of Go that AWS doesn't know
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}

// timeLayouts are those that AWS's clients send, besides seconds since 1970.
var timeLayouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04Z", "20060102T150405Z", "2006-01-02",
	"Mon, 02 Jan 2006 15:04:05 GMT",
}

func parseTime(s string) (time.Time, bool) {
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), true
		}
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil && !strings.ContainsAny(s, "xXpP_iIN") {
		return epoch(f)
	}
	return time.Time{}, false
}

// epoch returns the time of seconds since 1970; ok is false outside years 0-9999.
func epoch(seconds float64) (_ time.Time, ok bool) {
	const year0, year10000 = -62167219200, 253402300800
	if !(seconds >= year0 && seconds < year10000) {
		return time.Time{}, false
	}
	whole, frac := math.Modf(seconds)
	return time.Unix(int64(whole), int64(math.Round(frac*1e3))*1e6).UTC(), true
}

// appendScalar appends the text form of a scalar. The format names a timestamp's:
// "iso8601", "iso8601ms", "rfc822" or "unixTimestamp".
func appendScalar(dst []byte, v reflect.Value, shape *awsapi.Shape, format string) []byte {
	switch v = concrete(v); v.Kind() {
	case reflect.String:
		return append(dst, v.String()...)
	case reflect.Bool:
		return strconv.AppendBool(dst, v.Bool())
	case reflect.Int, reflect.Int32, reflect.Int64:
		return strconv.AppendInt(dst, v.Int(), 10)
	case reflect.Float32:
		return appendFloat(dst, v.Float(), 32)
	case reflect.Float64:
		return appendFloat(dst, v.Float(), 64)
	case reflect.Slice:
		return base64.StdEncoding.AppendEncode(dst, v.Bytes())
	case reflect.Struct:
		if shape.TimestampFormat != "" {
			format = shape.TimestampFormat
		}
		return appendTime(dst, timeOf(v), format)
	}
	return dst
}

// concrete follows pointers and interfaces.
func concrete(v reflect.Value) reflect.Value {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	return v
}

// timeOf returns a time.Time without a copy on the heap where it can.
func timeOf(v reflect.Value) time.Time {
	if v.Type() != timeType {
		return time.Time{}
	}
	if v.CanAddr() {
		return *v.Addr().Interface().(*time.Time)
	}
	return v.Interface().(time.Time)
}

func appendFloat(dst []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	}
	return strconv.AppendFloat(dst, f, 'g', -1, bits)
}

func appendTime(dst []byte, t time.Time, format string) []byte {
	t = t.UTC()
	switch format {
	case "rfc822":
		return t.AppendFormat(dst, "Mon, 02 Jan 2006 15:04:05 GMT")
	case "unixTimestamp":
		dst = strconv.AppendInt(dst, t.Unix(), 10)
		if ms := t.Nanosecond() / 1e6; ms != 0 {
			dst = append(dst, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
		}
		return dst
	}
	ms := t.Nanosecond() / 1e6
	dst = t.Truncate(time.Second).AppendFormat(dst, time.RFC3339) // faster than other layouts
	if format == "iso8601ms" {
		dst = append(dst[:len(dst)-1], '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10), 'Z')
	}
	return dst
}
