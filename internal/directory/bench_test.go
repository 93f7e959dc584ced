package directory

import (
	"context"
	"crypto/rand"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/store/mem"
)

// BenchmarkOpen loads a directory of 100,000 users with two keys each, and
// tells what it holds in memory for each user.
func BenchmarkOpen(b *testing.B) {
	const users = 100_000
	ctx := context.Background()
	st := mem.New(mem.Options{})
	opts := Options{Master: seal.NewMasterKey(rand.Reader), AWSPolicies: oneAWSPolicy{}, Now: time.Now, Rand: rand.Reader}
	d, err := Open(ctx, st, opts)
	if err != nil {
		b.Fatal(err)
	}
	secret := seal.SecretKey(rand.Reader)
	for i := range users {
		err := d.Update(ctx, account, func(tx *Tx) error {
			u, err := tx.CreateUser(fmt.Sprintf("user-%06d", i), "/bench/", "", nil)
			for range 2 {
				if err == nil {
					_, err = tx.AddAccessKey(u, secret)
				}
			}
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := d.Close(ctx); err != nil {
		b.Fatal(err)
	}
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	d = nil
	without := heap()
	for b.Loop() {
		if d != nil {
			d.Close(ctx)
		}
		if d, err = Open(ctx, st, opts); err != nil {
			b.Fatal(err)
		}
	}
	// The values themselves are the store's here, and are not in this number.
	b.ReportMetric(float64(heap()-without)/users, "B/user")
	d.Close(ctx)
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
