package directory

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/mem"
	"github.com/sallyport-iam/sallyport/internal/store/pebble"
)

// filled opens a store in a folder with users of one key each.
func filled(b *testing.B, n int) (st store.Store, opts Options, keyIDs []string) {
	b.Helper()
	st, err := pebble.Open(b.TempDir(), pebble.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { st.Close() })
	opts = Options{Master: seal.NewMasterKey(rand.Reader), AWSPolicies: oneAWSPolicy{}, Now: time.Now, Rand: rand.Reader}
	d, err := Open(b.Context(), st, opts)
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close(b.Context())
	if err := d.Update(b.Context(), account, func(tx *Tx) error { return tx.CreateAccount("r", "") }); err != nil {
		b.Fatal(err)
	}
	return st, opts, fill(b, st, d.box, account, n)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkOpen loads a directory of users with one key each (-users), and
// tells what it holds in memory for each of them. plain is the least loader of
// the same records: it decodes them into maps of users and of keys.
func BenchmarkOpen(b *testing.B) {
	ctx := context.Background()
	st, opts, _ := filled(b, *fillUsers)
	perUser := func(b *testing.B, before uint64) {
		b.ReportMetric((float64(heap())-float64(before))/float64(*fillUsers), "B/user")
		b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/float64(*fillUsers)*1e9, "ns/user")
	}
	b.Run("directory", func(b *testing.B) {
		var d *Directory
		before := heap()
		for b.Loop() {
			if d != nil {
				d.Close(ctx)
			}
			var err error
			if d, err = Open(ctx, st, opts); err != nil {
				b.Fatal(err)
			}
		}
		perUser(b, before)
		d.Close(ctx)
	})
	b.Run("plain", func(b *testing.B) {
		var users map[string]*User
		var keys map[string]*keyRecord
		before := heap()
		for b.Loop() {
			users, keys = map[string]*User{}, map[string]*keyRecord{}
			if _, err := st.Scan(ctx, account, 0, func(r store.Record) error { return plain(r, users, keys) }); err != nil {
				b.Fatal(err)
			}
		}
		perUser(b, before)
		if len(users) != *fillUsers+1 || len(keys) != *fillUsers {
			b.Errorf("%d users, %d keys", len(users), len(keys))
		}
	})
}

func plain(r store.Record, users map[string]*User, keys map[string]*keyRecord) (err error) {
	switch _, kind := splitKey(r.Key); kind {
	case kindUser:
		u := new(User)
		err = json.Unmarshal(r.Value, u)
		users[u.Name] = u
	case kindKey:
		k := new(keyRecord)
		err = json.Unmarshal(r.Value, k)
		keys[r.Key] = k
	}
	return err
}

// BenchmarkUser finds users by name, the same number of them among a hundred
// and among many (-users).
func BenchmarkUser(b *testing.B) {
	for _, n := range []int{100, *fillUsers} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			st, opts, _ := filled(b, n)
			d, err := Open(b.Context(), st, opts)
			if err != nil {
				b.Fatal(err)
			}
			defer d.Close(b.Context())
			names := make([]string, 100)
			for i := range names {
				names[i] = fmt.Sprintf("user-%07d", i*(n/100))
			}
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.Snapshot().User(account, names[i%len(names)]); err != nil {
					b.Fatal(err)
				}
				i++
			}
		})
	}
}

// BenchmarkCredential finds a key and its owner among 20,000, while nobody writes.
func BenchmarkCredential(b *testing.B) {
	ctx := context.Background()
	d, err := Open(ctx, mem.New(mem.Options{}), Options{Master: seal.NewMasterKey(rand.Reader), AWSPolicies: oneAWSPolicy{}, Now: time.Now, Rand: rand.Reader})
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close(ctx)
	var ids []string
	if err := d.Update(ctx, account, func(tx *Tx) error { return tx.CreateAccount("r", "") }); err != nil {
		b.Fatal(err)
	}
	for i := range 20_000 {
		err := d.Update(ctx, account, func(tx *Tx) error {
			u, err := tx.CreateUser(fmt.Sprintf("user-%06d", i), "/", "", nil)
			if err != nil {
				return err
			}
			key, err := tx.AddAccessKey(u, seal.NewSecret("s"))
			ids = append(ids, key.ID)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		c, ok, err := d.Snapshot().Credential(ids[i%len(ids)])
		if err != nil || !ok || !c.Active {
			b.Fatal(ok, err)
		}
		i += 7
	}
}
