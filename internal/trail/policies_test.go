package trail

import (
	"context"
	"errors"
	"testing"
	"time"
)

// TestKept: a text is found by its name, of its account and its day, until the
// events of the day expire.
func TestKept(t *testing.T) {
	ctx := context.Background()
	l := open(t, t.TempDir())
	text := NewText([]byte(`{"Version":"2012-10-17"}`))
	for d := range 3 {
		e := entry("1", epoch.Add(time.Duration(d)*24*time.Hour))
		e.Texts = []Text{text}
		if err := l.Append(ctx, e); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Expire("1", epoch.Add(24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		account string
		day     int
		name    string
		want    error
	}{
		{"1", 0, text.Sum(), ErrNotKept},
		{"1", 1, text.Sum(), nil},
		{"1", 2, text.Sum(), nil},
		{"1", 3, text.Sum(), ErrNotKept},
		{"2", 1, text.Sum(), ErrNotKept},
		{"1", 1, "", ErrNotKept},
		{"1", 1, "no name", ErrNotKept},
	} {
		got, err := l.Kept(tt.account, epoch.Add(time.Duration(tt.day)*24*time.Hour), tt.name)
		if !errors.Is(err, tt.want) || err == nil && string(got) != `{"Version":"2012-10-17"}` {
			t.Errorf("Kept(%s, day %d, %q) = %q, %v, want %v", tt.account, tt.day, tt.name, got, err, tt.want)
		}
	}
}
