package gate

import (
	"context"
	"strings"
	"testing"

	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
)

// onlyLow allows what is done to users under /low/, and nothing else.
const onlyLow = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"arn:aws:iam::` + account + `:user/low/*"}]}`

// change runs fn as a transaction past the gate.
func (f *fixture) change(t *testing.T, fn func(tx *directory.Tx) error) {
	t.Helper()
	if err := f.dir.Update(t.Context(), account, fn); err != nil {
		t.Error(err)
	}
}

// target is the user of that name, wherever it is.
func target(c *service.Caller, _ any) ([]service.Target, error) {
	arn := directory.UserARN(account, "/", "target")
	if u, err := c.Snapshot.User(account, "target"); err == nil {
		arn = u.ARN()
	}
	return []service.Target{{ARN: arn}}, nil
}

// markTarget tags the target as an operation would. inside runs when it has
// been decided and read, and not yet written.
func markTarget(tx *directory.Tx, c *service.Caller, inside func()) error {
	if err := c.StillMay(tx); err != nil {
		return err
	}
	u, err := tx.User("target")
	if err != nil {
		return err
	}
	inside()
	return tx.TagUser(u, []directory.Tag{{Key: "marked"}})
}

// marked names the users who have tags.
func (f *fixture) marked(t *testing.T) string {
	t.Helper()
	names := ""
	err := f.dir.Snapshot().Users(account, "/", "", func(u *directory.User) bool {
		if len(u.Tags) > 0 {
			names += u.Name
		}
		return true
	})
	if err != nil {
		t.Error(err)
	}
	return names
}

// TestDecisionHoldsInTheTransaction changes the directory after the gate has
// decided, and before or while the operation's transaction runs.
func TestDecisionHoldsInTheTransaction(t *testing.T) {
	rename := func(from, to, path string) func(tx *directory.Tx) error {
		return func(tx *directory.Tx) error {
			u, err := tx.User(from)
			if err != nil {
				return err
			}
			return tx.Rename(u, to, path)
		}
	}
	caller := func(fn func(*directory.Tx, *directory.User) error) func(*directory.Tx) error {
		return func(tx *directory.Tx) error {
			u, err := tx.User("u")
			if err != nil {
				return err
			}
			return fn(tx, u)
		}
	}
	tests := []struct {
		name    string
		between []func(tx *directory.Tx) error
		status  int
		says    string
		tagged  string // the user who then has the tag
	}{
		{"nothing happens", nil, 200, "", "target"},
		{"another user changes", []func(*directory.Tx) error{rename("admin", "root", "")}, 200, "", "target"},
		{"the target is renamed and an admin gets its name", []func(*directory.Tx) error{rename("target", "old", ""), rename("admin", "target", "")}, 403, "user/high/target", ""},
		{"the target moves away", []func(*directory.Tx) error{rename("target", "", "/high/")}, 403, "user/high/target", ""},
		{"the caller's policy goes", []func(*directory.Tx) error{caller(func(tx *directory.Tx, u *directory.User) error { return tx.DeleteInline(u, "p") })}, 403, "no identity-based policy", ""},
		{"the caller's key becomes inactive", []func(*directory.Tx) error{caller(func(tx *directory.Tx, u *directory.User) error {
			return tx.SetKeyStatus(u, u.Keys[0].ID, false)
		})}, 403, "InvalidClientTokenId", ""},
	}
	for _, tt := range tests {
		for _, during := range []bool{false, true} {
			name := tt.name + ", before the transaction"
			if during {
				name = tt.name + ", while it runs"
			}
			if during && strings.HasPrefix(tt.name, "the caller") {
				continue // the request was decided first, and stands
			}
			t.Run(name, func(t *testing.T) {
				var f *fixture
				between := tt.between
				interfere := func() {
					for _, fn := range between {
						f.change(t, fn)
					}
					between = nil
				}
				before, inside := interfere, func() {}
				if during {
					before, inside = inside, before
				}
				f = serve(t, onlyLow, service.Operation{
					Name: "GetAccessKeyInfo", New: func() any { return new(struct{ AccessKeyId string }) }, Targets: target,
					Call: func(ctx context.Context, c *service.Caller, _ any) (any, error) {
						before()
						return nil, f.dir.Update(ctx, account, func(tx *directory.Tx) error { return markTarget(tx, c, inside) })
					},
				})
				f.change(t, func(tx *directory.Tx) error {
					if _, err := tx.CreateUser("target", "/low/", "", nil); err != nil {
						return err
					}
					_, err := tx.CreateUser("admin", "/high/", "", nil)
					return err
				})
				status, body := f.post(t, "Action=GetAccessKeyInfo&Version=2011-06-15&AccessKeyId=AKIAIOSFODNN7EXAMPLE")
				if status != tt.status || !strings.Contains(body, tt.says) {
					t.Errorf("answer %d %s, want %d with %q", status, body, tt.status, tt.says)
				}
				if got := f.marked(t); got != tt.tagged {
					t.Errorf("changed: %q, want %q", got, tt.tagged)
				}
			})
		}
	}
}
