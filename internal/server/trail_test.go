package server

import (
	"context"
	"crypto/rsa"
	"fmt"
	"testing"
	"time"

	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/trail"
)

// opened is a server on a data folder, whose clock is at.
func opened(t *testing.T, data string, at *time.Time) *Server {
	t.Helper()
	cfg := testConfig(data)
	if at != nil {
		cfg.Now = func() time.Time { return *at }
	}
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *Server) found(t *testing.T, f trail.Filter) (n int) {
	t.Helper()
	if err := s.trail.log.Search(t.Context(), f, func([]byte) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

func anEvent(account string, at time.Time, name string) trail.Event {
	return trail.Event{EventVersion: trail.Version, EventTime: at.Truncate(time.Second), EventName: name, RecipientAccountID: account, EventID: seal.TimeUUID(testConfig("").Rand, at)}
}

// TestRetention: accounts keep their events as long as each says, and what has
// expired is told by the digests.
func TestRetention(t *testing.T) {
	ctx := t.Context()
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	s := opened(t, t.TempDir(), &now)
	defer s.release(context.Background())
	first, other := s.Started().AccountID, "222233334444"
	if err := s.data.dir.Update(ctx, other, func(tx *directory.Tx) error { return tx.AddAccount(other, "other", "o@example.com", "") }); err != nil {
		t.Fatal(err)
	}
	for d := range 100 {
		for _, account := range []string{first, other} {
			e := anEvent(account, now.Add(-time.Duration(d)*24*time.Hour), "Daily")
			if err := s.trail.log.Append(ctx, e.Entry()); err != nil {
				t.Fatal(err)
			}
		}
	}
	verify := func(what string) {
		t.Helper()
		if err := s.trail.digest(ctx); err != nil {
			t.Fatal(err)
		}
		key, _, err := s.trail.dir.TrailKey(ctx)
		if err != nil {
			t.Fatal(err)
		}
		kept, err := s.trail.kept()
		if err != nil {
			t.Fatal(err)
		}
		v, err := s.trail.log.Verify(ctx, map[string]*rsa.PublicKey{trail.Fingerprint(&key.PublicKey): &key.PublicKey}, kept)
		if err != nil || len(v.Problems) > 0 {
			t.Errorf("%s: Verify = %+v, %v", what, v, err)
		}
	}
	for i, tt := range []struct {
		account     string
		days        int
		first, rest int // events that are left of each account
	}{
		{first, 0, 91, 91}, {other, 10, 91, 11}, {first, 365, 91, 11}, {other, 50, 91, 11}, {first, 30, 31, 11},
	} {
		if _, err := s.setTrailDays(ctx, s.cfg, tt.account, tt.days); err != nil {
			t.Fatal(err)
		}
		what := fmt.Sprint("step ", i, ": ", tt.days, " days")
		if a, b := s.found(t, trail.Filter{Account: first, Name: "Daily"}), s.found(t, trail.Filter{Account: other, Name: "Daily"}); a != tt.first || b != tt.rest {
			t.Errorf("%s: %d and %d events are left, want %d and %d", what, a, b, tt.first, tt.rest)
		}
		verify(what)
		e := anEvent(first, now, "Step") // the next digest has something to tell
		if err := s.trail.log.Append(ctx, e.Entry()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.setTrailDays(ctx, s.cfg, other, -1); err == nil {
		t.Error("events can be kept for -1 days")
	}
	if err := s.data.dir.Update(ctx, other, func(tx *directory.Tx) error { return tx.CloseAccount() }); err != nil {
		t.Fatal(err)
	}
	if err := s.data.dir.DeleteAccount(ctx, other); err != nil {
		t.Fatal(err)
	}
	now = now.Add(200 * 24 * time.Hour)
	if err := s.trail.expire(ctx); err != nil {
		t.Fatal(err)
	}
	if n := s.found(t, trail.Filter{Account: other}); n != 0 {
		t.Errorf("%d events are left of an account that is gone", n)
	}
	verify("after 200 days")
}

// TestOutbox: an event that was stored with its change is in the trail once,
// at whatever step the server ended.
func TestOutbox(t *testing.T) {
	for _, step := range []string{"before the trail had it", "before it was durable in the trail", "before it left the outbox"} {
		t.Run(step, func(t *testing.T) {
			ctx := t.Context()
			data := t.TempDir()
			s := opened(t, data, nil)
			account := s.Started().AccountID
			e := anEvent(account, time.Now(), "CreateUser")
			err := s.data.dir.Update(ctx, account, func(tx *directory.Tx) error {
				tx.Remember(e.EventID, e.AppendJSON(nil))
				_, err := tx.CreateUser("made", "/", "", nil)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if step != "before the trail had it" {
				if err := s.trail.log.Note(e.Entry()); err != nil {
					t.Fatal(err)
				}
			}
			if step == "before it left the outbox" {
				if err := s.trail.log.Sync(ctx); err != nil {
					t.Fatal(err)
				}
			}
			// As a crash leaves it: nothing of this process settles the outbox.
			s.release(context.Background())
			for range 2 {
				s = opened(t, data, nil)
				if n := s.found(t, trail.Filter{ID: e.EventID}); n != 1 {
					t.Errorf("the trail has %d events of the change, want 1", n)
				}
				left := 0
				err := s.data.dir.Outbox(ctx, func(string, []byte) error { left++; return nil })
				if err != nil || left != 0 {
					t.Errorf("%d events are left in the outbox, %v", left, err)
				}
				s.release(context.Background())
			}
		})
	}
}
