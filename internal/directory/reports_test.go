package directory

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"time"
)

// makeReport has a report made, and waits for it.
func (f *fixture) makeReport(t *testing.T, r *Report, content string) {
	t.Helper()
	if err := f.Directory.makeReport(t.Context(), account, r, func(_ *Snapshot, w io.Writer) error {
		_, err := io.WriteString(w, content)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) startCredentials(t *testing.T) (r *Report, started bool) {
	t.Helper()
	f.must(t, func(tx *Tx) (err error) {
		r, started, err = tx.StartCredentials()
		return err
	})
	return r, started
}

func TestCredentialReportLife(t *testing.T) {
	f := open(t)
	if _, err := f.Snapshot().Credentials(account); err == nil {
		t.Fatal("there is a report before any was asked for")
	}
	r, started := f.startCredentials(t)
	if !started || !r.InProgress(f.clock.Now()) {
		t.Fatalf("the first: started %v, %+v", started, r)
	}
	if again, started := f.startCredentials(t); started || !again.InProgress(f.clock.Now()) {
		t.Errorf("while it is made: started %v, %+v", started, again)
	}
	// Whoever makes it may have gone.
	f.clock.add(reportGivenUp)
	if r, started = f.startCredentials(t); !started {
		t.Error("a report in the making is waited for for ever")
	}
	large := make([]byte, 2*reportPartSize+1000) // random: as large when compressed
	if _, err := rand.NewChaCha8([32]byte{}).Read(large); err != nil {
		t.Fatal(err)
	}
	f.makeReport(t, r, string(large))
	done, err := f.Snapshot().Credentials(account)
	if err != nil || !done.Current(f.clock.Now()) || done.Parts != 3 {
		t.Fatalf("Credentials() = %+v, %v", done, err)
	}
	if got, err := f.Snapshot().ReportContent(account, done); err != nil || !bytes.Equal(got, large) {
		t.Errorf("ReportContent() = %d bytes, %v, want what was written", len(got), err)
	}
	if _, started := f.startCredentials(t); started {
		t.Error("a report that is current is made anew")
	}
	f.clock.add(CredentialsFor)
	if done.Current(f.clock.Now()) {
		t.Error("a report of four hours ago is current")
	}
	if r, started = f.startCredentials(t); !started {
		t.Fatal("an old report is not made anew")
	}
	f.makeReport(t, r, "small")
	done, err = f.Snapshot().Credentials(account)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := f.Snapshot().ReportContent(account, done); err != nil || string(got) != "small" {
		t.Errorf("ReportContent() = %q, %v", got, err)
	}
	if f.Snapshot().look(reportPart(account, r.ID, 1)) != nil {
		t.Error("a part of the last report is left")
	}
}

func TestReportsExpire(t *testing.T) {
	f := open(t)
	start := func() (r *Report) {
		f.must(t, func(tx *Tx) (err error) {
			r, err = tx.StartReport(Report{Kind: AccessReport, By: "me"})
			return err
		})
		return r
	}
	r := start()
	f.makeReport(t, r, "content")
	if _, err := f.Snapshot().Report(account, OrganizationReport, r.ID); err == nil {
		t.Error("a report is found as one of another kind")
	}
	failed := start()
	err := f.Directory.makeReport(t.Context(), account, failed, func(*Snapshot, io.Writer) error { return io.ErrClosedPipe })
	if got, _ := f.Snapshot().Report(account, AccessReport, failed.ID); !errors.Is(err, io.ErrClosedPipe) || got.Failed == "" || got.Done.IsZero() {
		t.Errorf("a report that could not be made: %+v, %v", got, err)
	}
	f.clock.add(jobsFor)
	if _, err := f.Snapshot().Report(account, AccessReport, r.ID); err == nil {
		t.Error("a report is there after its time")
	}
	start() // takes away what has expired
	if f.Snapshot().look(reportPart(account, r.ID, 0)) != nil || f.Snapshot().look(recordKey(account, kindReport, r.ID)) != nil {
		t.Error("a report that has expired is left in the store")
	}
	for range jobsKept {
		start()
	}
	if n := f.Snapshot().count(recordKey(account, kindReport, "")); n > jobsKept {
		t.Errorf("%d reports are kept, want %d at most", n, jobsKept)
	}
}

func TestAccessIsStoredNowAndThen(t *testing.T) {
	f := open(t)
	f.must(t, createUser("u"))
	f.must(t, withUser("u", func(tx *Tx, u *User) error { _, err := tx.AddAccessKey(u, testSecret()); return err }))
	u := f.user(t, "u")
	note := func(service, action string) {
		t.Helper()
		c, _, err := f.Snapshot().Credential(u.Keys[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		f.NoteAccess(&Principal{User: c.Owner}, &c, f.clock.Now(), service, action, "us-east-1")
	}
	flushed := func() Access {
		t.Helper()
		if err := f.FlushLastUsed(t.Context()); err != nil {
			t.Fatal(err)
		}
		stored, err := f.Snapshot().storedAccess(account, u.ID)
		if err != nil {
			t.Fatal(err)
		}
		return stored["iam"]
	}
	minute := func() int64 { return f.clock.Now().Unix() / 60 }
	note("iam", "GetUser")
	first := minute()
	if got := flushed(); got.Minute != first || got.Region != "us-east-1" {
		t.Errorf("what is new is stored as %+v", got)
	}
	f.clock.add(time.Minute)
	note("iam", "GetUser")
	if got := flushed(); got.Minute != first {
		t.Error("what is only newer is stored at once")
	}
	if all, err := f.Snapshot().Accesses(account, u.ID); err != nil || all["iam"].Minute != minute() || all["iam:GetUser"].Minute != minute() {
		t.Errorf("Accesses() = %v, %v", all, err)
	}
	f.clock.add(accessStored)
	if got := flushed(); got.Minute <= first {
		t.Error("what is newer is never stored")
	}
	// What nobody uses any more is not kept in memory.
	f.clock.add(accessStored)
	flushed()
	if _, kept := f.use.acts.Load(u.ID); kept {
		t.Error("the notes of a user who is gone are kept")
	}
	note("s3", "")
	if err := f.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.reopen(t)
	all, err := f.Snapshot().Accesses(account, u.ID)
	if _, known := all["s3"]; err != nil || !known || len(all) != 3 {
		t.Errorf("after a restart: %v, %v", all, err)
	}
	f.clock.add(AccessFor + time.Hour)
	if all, err := f.Snapshot().Accesses(account, u.ID); err != nil || len(all) != 0 {
		t.Errorf("after 400 days: %v, %v", all, err)
	}
	f.must(t, withUser("u", func(tx *Tx, u *User) error { return tx.DeleteKey(u, u.Keys[0].ID) }))
	f.must(t, withUser("u", func(tx *Tx, u *User) error { return tx.DeleteUser(u) }))
	if f.Snapshot().look(recordKey(account, kindAccess, u.ID)) != nil {
		t.Error("what a deleted user used is left")
	}
}

func TestKeysExpire(t *testing.T) {
	f := open(t)
	f.must(t, createUser("u"))
	f.must(t, withUser("u", func(tx *Tx, u *User) error { _, err := tx.AddAccessKey(u, testSecret()); return err }))
	id := f.user(t, "u").Keys[0].ID
	active := func() bool {
		t.Helper()
		c, ok, err := f.Snapshot().Credential(id)
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		return c.Active
	}
	tag := func(value string) error {
		return f.Update(t.Context(), account, withUser("u", func(tx *Tx, u *User) error {
			return tx.TagUser(u, []Tag{{Key: "Sallyport:access-key-expires:" + id, Value: value}})
		}))
	}
	if _, bad := errors.AsType[*BadKeyExpiry](tag("tomorrow")); !bad || !active() {
		t.Error("a tag that says no time is taken")
	}
	if err := tag(f.clock.Now().Add(time.Hour).Format(time.RFC3339)); err != nil || !active() {
		t.Errorf("a key that expires in an hour: %v", err)
	}
	f.clock.add(time.Hour)
	if active() {
		t.Error("an expired key is active")
	}
	f.must(t, withUser("u", func(tx *Tx, u *User) error { tx.UntagUser(u, []string{KeyExpiryTag + id}); return nil }))
	if !active() {
		t.Error("a key whose tag is gone is not active")
	}
	f.must(t, func(tx *Tx) error { return tx.SetKeyMaxAge(30) })
	if u := f.user(t, "u"); !active() || len(f.Snapshot().ShownTags(u)) != 1 || len(u.Tags) != 0 {
		t.Errorf("a young key: tags %v", f.Snapshot().ShownTags(u))
	}
	f.clock.add(30 * 24 * time.Hour)
	if active() {
		t.Error("a key beyond the greatest age is active")
	}
	f.reopen(t)
	if active() {
		t.Error("a key beyond the greatest age is active after a restart")
	}
	f.must(t, func(tx *Tx) error { return tx.SetKeyMaxAge(0) })
	if !active() {
		t.Error("a key is inactive without a greatest age")
	}
}
