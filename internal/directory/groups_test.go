package directory

import (
	"fmt"
	"sync"
	"testing"
)

// A group is deleted or joined, never both.
func TestDeleteGroupAgainstJoin(t *testing.T) {
	f := open(t)
	for i := range 50 {
		name := fmt.Sprintf("g%d", i)
		f.must(t, func(tx *Tx) error {
			if _, err := tx.CreateGroup(name, "/"); err != nil {
				return err
			}
			_, err := tx.CreateUser(name, "/", "", nil)
			return err
		})
		var joined, deleted error
		var wg sync.WaitGroup
		wg.Go(func() {
			joined = f.update(withUser(name, func(tx *Tx, u *User) error {
				g, err := tx.Group(name)
				if err != nil {
					return err
				}
				return tx.Join(u, g)
			}))
		})
		wg.Go(func() {
			deleted = f.update(func(tx *Tx) error {
				g, err := tx.Group(name)
				if err != nil {
					return err
				}
				return tx.DeleteGroup(g)
			})
		})
		wg.Wait()
		if (joined == nil) == (deleted == nil) {
			t.Fatalf("join: %v, delete: %v; want exactly one to succeed", joined, deleted)
		}
		if _, err := f.Snapshot().Group(account, name); (err == nil) != (joined == nil) {
			t.Errorf("group after join %v and delete %v: %v", joined, deleted, err)
		}
	}
}
