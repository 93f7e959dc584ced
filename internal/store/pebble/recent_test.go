package pebble

import (
	"fmt"
	"testing"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// TestRecent: what is here is the last that was put in, what is used stays, and
// what isn't goes.
func TestRecent(t *testing.T) {
	var c recent
	c.put(store.Record{Key: "used", Rev: 1})
	c.put(store.Record{Key: "unused", Rev: 1})
	for i := range 3 {
		c.put(store.Record{Key: "used", Rev: store.Revision(2 + i)})
		for n := 0; c.bytes <= recentBytes; n++ {
			c.put(store.Record{Key: fmt.Sprint(i, n), Value: make([]byte, 1000)})
		}
		if _, ok := c.get(fmt.Sprint(i, 0)); !ok {
			t.Error("a record went before the batch was over")
		}
		c.age()
		if r, ok := c.get("used"); !ok || r.Rev != store.Revision(2+i) {
			t.Errorf("get(used) = %v, %v, want revision %d", r, ok, 2+i)
		}
	}
	if r, ok := c.get("unused"); ok {
		t.Errorf("get(unused) = %v, want nothing", r)
	}
	if n := len(c.young) + len(c.old); n > 2*recentBytes/1000+10 {
		t.Errorf("%d records are kept", n)
	}
}
