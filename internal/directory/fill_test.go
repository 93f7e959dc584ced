package directory

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/pebble"
)

var (
	fillFolder = flag.String("fill", "", "TestFill: the data folder of a server that doesn't run")
	fillUsers  = flag.Int("users", 100_000, "how many users TestFill and the benchmarks make")
)

// TestFill puts users with one key each into a data folder, much faster than
// any client could, so that a server's memory and start can be measured:
//
//	go test -run TestFill ./internal/directory -fill DIR -users 1000000
func TestFill(t *testing.T) {
	if *fillFolder == "" {
		t.Skip("by hand: -fill DIR")
	}
	master, err := seal.LoadMasterKey(filepath.Join(*fillFolder, "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	st, err := pebble.Open(filepath.Join(*fillFolder, "store"), pebble.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	d, err := Open(t.Context(), st, Options{Master: master, AWSPolicies: oneAWSPolicy{}, Now: time.Now, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close(t.Context())
	accounts := d.Snapshot().Accounts()
	if len(accounts) != 1 {
		t.Fatalf("the folder has accounts %v, want one", accounts)
	}
	fill(t, st, d.box, accounts[0], *fillUsers)
}

// fill stores n users with a key each, as CreateUser and AddAccessKey would,
// and gives the ids of some of the keys.
func fill(t testing.TB, st store.Store, box seal.Box, account string, n int) (keyIDs []string) {
	var txn store.Txn
	var commits errgroup.Group
	commits.SetLimit(64) // the store takes those that wait together
	commit := func() {
		all := txn
		txn = store.Txn{}
		commits.Go(func() error {
			_, err := st.Commit(context.Background(), all)
			return err
		})
	}
	tx := &Tx{account: account, writes: map[string]store.Op{}, relied: map[string]store.Revision{}, snap: &Snapshot{d: &Directory{box: box}}}
	for i := range n {
		u := &User{
			Format: recordFormat, ID: seal.UniqueID(rand.Reader, "AIDA", account), Name: fmt.Sprintf("user-%07d", i), Path: "/",
			Created: wholeSeconds(time.Now()), account: account,
		}
		tx.put(recordKey(account, kindUserName, fold(u.Name)), nameRecord(u.ID, u.Path))
		key := AccessKey{ID: seal.AccessKeyID(rand.Reader, "AKIA", account), Created: u.Created}
		if _, err := tx.addKey(u, key, seal.SecretKey(rand.Reader)); err != nil {
			t.Fatal(err)
		}
		for _, key := range tx.order {
			txn.Do = append(txn.Do, tx.writes[key])
		}
		clear(tx.writes)
		clear(tx.relied)
		tx.order = tx.order[:0]
		if len(txn.Do)+3 > store.MaxOps || i == n-1 {
			commit()
		}
		if i%(n/1000+1) == 0 {
			keyIDs = append(keyIDs, key.ID)
		}
	}
	if err := commits.Wait(); err != nil {
		t.Fatalf("Commit() = %v", err)
	}
	return keyIDs
}
