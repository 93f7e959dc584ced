package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func backup(t testing.TB, rev Revision, recs ...Record) []byte {
	t.Helper()
	var b bytes.Buffer
	w := NewBackupWriter(&b, rev)
	for _, r := range recs {
		if err := w.Put(r); err != nil {
			t.Fatalf("Put() = %v", err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatalf("Close() = %v", err)
	}
	return b.Bytes()
}

func TestBackup(t *testing.T) {
	want := []Record{{"a", []byte("1"), 3}, {"a/b", []byte{}, 1}, {"b", make([]byte, 100_000), 200}, {"\xff", []byte("é"), 7}}
	for name, recs := range map[string][]Record{"none": nil, "some": want} {
		b := backup(t, 200, recs...)
		var got []Record
		rev, err := ReadBackup(iotest.OneByteReader(bytes.NewReader(b)), func(r Record) error {
			got = append(got, r)
			return nil
		})
		if d := cmp.Diff(recs, got); err != nil || rev != 200 || d != "" {
			t.Errorf("%s: ReadBackup() = %d, %v; records (-want +got):\n%s", name, rev, err, d)
		}
	}
}

// TestBackupDamage cuts a backup everywhere and flips every bit.
func TestBackupDamage(t *testing.T) {
	good := backup(t, 9, Record{"a", []byte("one"), 3}, Record{"b", nil, 9})
	try := func(what string, at int, b []byte) {
		t.Helper()
		if _, err := ReadBackup(bytes.NewReader(b), func(Record) error { return nil }); !errors.Is(err, ErrBackup) && !errors.Is(err, ErrFormat) {
			t.Errorf("%s at %d: ReadBackup() = %v", what, at, err)
		}
	}
	for i := range good {
		try("cut", i, good[:i])
		for bit := range 8 {
			b := bytes.Clone(good)
			b[i] ^= 1 << bit
			try("flipped", i, b)
		}
	}
	try("followed", len(good), append(bytes.Clone(good), 0))
	try("out of order", 0, backup(t, 9, Record{"b", nil, 1}, Record{"a", nil, 1}))
	try("twice", 0, backup(t, 9, Record{"a", nil, 1}, Record{"a", nil, 1}))
	try("newer than the head", 0, backup(t, 9, Record{"a", nil, 10}))
	try("absent", 0, backup(t, 9, Record{"a", nil, 0}))
	try("too long", 0, backup(t, 9, Record{"a", make([]byte, MaxTxnSize+1), 1}))
}

func TestBackupErrorsPass(t *testing.T) {
	failed := errors.New("failed")
	good := backup(t, 9, Record{"a", nil, 3})
	if _, err := ReadBackup(bytes.NewReader(good), func(Record) error { return failed }); !errors.Is(err, failed) {
		t.Errorf("ReadBackup() = %v, want the error of fn", err)
	}
	r := io.MultiReader(bytes.NewReader(good[:22]), iotest.ErrReader(failed))
	if _, err := ReadBackup(r, func(Record) error { return nil }); !errors.Is(err, failed) || errors.Is(err, ErrBackup) {
		t.Errorf("ReadBackup() = %v, want the error of the reader", err)
	}
}

// FuzzBackup: what reads as a backup is what would be written of it.
func FuzzBackup(f *testing.F) {
	f.Add(backup(f, 0))
	f.Add(backup(f, 9, Record{"a", []byte("one"), 3}, Record{"b", nil, 9}))
	f.Add([]byte(backupMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		var again bytes.Buffer
		var w *BackupWriter
		// The revision stands first, but ReadBackup returns it last.
		if len(b) > len(backupMagic) {
			rev, _ := binary.Uvarint(b[len(backupMagic):])
			w = NewBackupWriter(&again, Revision(rev))
		}
		_, err := ReadBackup(bytes.NewReader(b), func(r Record) error { return w.Put(r) })
		if err != nil {
			return
		}
		if err := w.Close(); err != nil || !bytes.Equal(again.Bytes(), b) {
			t.Errorf("%x is written as %x, %v", b, again.Bytes(), err)
		}
	})
}

// FuzzUvarint: a number has one encoding.
func FuzzUvarint(f *testing.F) {
	for _, b := range [][]byte{nil, {0}, {0x80, 0}, {0x80, 1}, bytes.Repeat([]byte{0xff}, 11), {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if v, n := Uvarint(b); n != 0 && !bytes.Equal(binary.AppendUvarint(nil, v), b[:n]) {
			t.Errorf("Uvarint(%x) = %d, %d", b, v, n)
		}
	})
}
