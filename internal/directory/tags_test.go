package directory

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTags(t *testing.T) {
	f := open(t)
	f.must(t, createUser("u"))
	tag := func(tags ...Tag) error {
		return f.update(withUser("u", func(tx *Tx, u *User) error { return tx.TagUser(u, tags) }))
	}
	if err := tag(Tag{"Environment", "dev"}, Tag{"Team", "blue"}); err != nil {
		t.Fatal(err)
	}
	if err := tag(Tag{"TEAM", "red"}, Tag{"empty", ""}); err != nil {
		t.Fatal(err)
	}
	want := []Tag{{"Environment", "dev"}, {"TEAM", "red"}, {"empty", ""}}
	if got := f.user(t, "u").Tags; !cmp.Equal(got, want) {
		t.Errorf("tags = %v, want %v", got, want)
	}
	if _, ok := errors.AsType[*DuplicateTags](tag(Tag{"a", ""}, Tag{"A", ""})); !ok {
		t.Error("two keys that differ in case are taken")
	}
	if _, ok := errors.AsType[*ReservedTag](tag(Tag{"AWS:x", ""})); !ok {
		t.Error("a reserved key is taken")
	}
	if _, ok := errors.AsType[*ReservedTag](tag(Tag{"x", "aws:x"})); !ok {
		t.Error("a reserved value is taken")
	}
	var many []Tag
	for i := range 48 {
		many = append(many, Tag{Key: fmt.Sprint(i)})
	}
	if err := tag(many...); !isLimit(err, QuotaTags) {
		t.Errorf("51 tags: %v, want LimitExceeded", err)
	}
	f.must(t, withUser("u", func(tx *Tx, u *User) error { tx.UntagUser(u, []string{"team", "nosuch"}); return nil }))
	if got := f.user(t, "u").Tags; !cmp.Equal(got, []Tag{{"Environment", "dev"}, {"empty", ""}}) {
		t.Errorf("tags after untagging = %v", got)
	}
}
