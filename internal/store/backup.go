package store

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
)

// backupMagic begins every backup. The number is the version of the format.
const backupMagic = "sallyport backup 1\n"

// BackupWriter writes a backup, the same for all engines:
//
//	the line "sallyport backup 1"
//	the revision of the backup
//	for each record, in the byte order of keys, which are never empty:
//	    length of the key, key, modification revision, length of the value, value
//	0, and the number of records
//	SHA-256 of everything before it, 32 bytes
//
// where numbers are unsigned varints as in protocol buffers, without padding.
type BackupWriter struct {
	w     *bufio.Writer
	sum   hash.Hash
	count uint64
	buf   []byte
	err   error // the first one, which stays
}

// NewBackupWriter begins a backup of the revision rev.
func NewBackupWriter(w io.Writer, rev Revision) *BackupWriter {
	b := &BackupWriter{sum: sha256.New()}
	b.w = bufio.NewWriterSize(io.MultiWriter(w, b.sum), 64<<10)
	b.write(binary.AppendUvarint([]byte(backupMagic), uint64(rev)))
	return b
}

func (b *BackupWriter) write(p []byte) {
	if b.err == nil {
		_, b.err = b.w.Write(p)
	}
}

// Put appends a record. Its key must be higher than the one before.
func (b *BackupWriter) Put(r Record) error {
	b.buf = binary.AppendUvarint(b.buf[:0], uint64(len(r.Key)))
	b.buf = append(b.buf, r.Key...)
	b.buf = binary.AppendUvarint(b.buf, uint64(r.Rev))
	b.buf = binary.AppendUvarint(b.buf, uint64(len(r.Value)))
	b.write(b.buf)
	b.write(r.Value)
	b.count++
	return b.err
}

// Close ends the backup; without it there is none. It does not close what the
// backup is written to.
func (b *BackupWriter) Close() error {
	b.write(binary.AppendUvarint([]byte{0}, b.count))
	if b.err == nil {
		b.err = b.w.Flush()
	}
	if b.err != nil {
		return b.err
	}
	b.write(b.sum.Sum(nil))
	if b.err == nil {
		b.err = b.w.Flush()
	}
	return b.err
}

// ReadBackup calls fn with each record of a backup and returns its revision.
// What fn has seen counts only if ReadBackup returns no error: ErrFormat if it
// is not a backup, or of another version, ErrBackup if it is damaged.
func ReadBackup(r io.Reader, fn func(Record) error) (Revision, error) {
	b := &backupReader{r: bufio.NewReaderSize(r, 64<<10), sum: sha256.New()}
	rev, err := b.read(fn)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return 0, fmt.Errorf("%w: it ends too early", ErrBackup)
	}
	return rev, err
}

type backupReader struct {
	r   *bufio.Reader
	sum hash.Hash
	buf [binary.MaxVarintLen64]byte
}

func (b *backupReader) read(fn func(Record) error) (Revision, error) {
	magic, err := b.bytes(uint64(len(backupMagic)))
	if err != nil || string(magic) != backupMagic {
		return 0, fmt.Errorf("%w: not a backup of version 1", ErrFormat)
	}
	head, err := b.uvarint()
	if err != nil {
		return 0, err
	}
	count, err := b.records(Revision(head), fn)
	if err != nil {
		return 0, err
	}
	if n, err := b.uvarint(); err != nil {
		return 0, err
	} else if n != count {
		return 0, fmt.Errorf("%w: %d records of %d", ErrBackup, count, n)
	}
	return Revision(head), b.end()
}

// records reads up to the empty key and returns how many there were.
func (b *backupReader) records(head Revision, fn func(Record) error) (uint64, error) {
	last := ""
	for count := uint64(0); ; count++ {
		key, err := b.sized()
		if err != nil || len(key) == 0 {
			return count, err
		}
		rev, err := b.uvarint()
		if err != nil {
			return count, err
		}
		value, err := b.sized()
		if err != nil {
			return count, err
		}
		rec := Record{Key: string(key), Value: value, Rev: Revision(rev)}
		if rec.Key <= last || rec.Rev == 0 || rec.Rev > head {
			return count, fmt.Errorf("%w: record %d is out of order", ErrBackup, count)
		}
		last = rec.Key
		if err := fn(rec); err != nil {
			return count, err
		}
	}
}

// end reads the checksum, after which nothing may follow.
func (b *backupReader) end() error {
	want := b.sum.Sum(nil)
	got, err := b.bytes(sha256.Size)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%w: wrong checksum", ErrBackup)
	}
	switch _, err := b.r.ReadByte(); {
	case err == nil:
		return fmt.Errorf("%w: bytes after its end", ErrBackup)
	case !errors.Is(err, io.EOF):
		return err
	}
	return nil
}

// sized reads a length and that many bytes.
func (b *backupReader) sized() ([]byte, error) {
	n, err := b.uvarint()
	if err != nil {
		return nil, err
	}
	if n > MaxTxnSize { // larger than any engine takes, so don't even try
		return nil, fmt.Errorf("%w: a length of %d bytes", ErrBackup, n)
	}
	return b.bytes(n)
}

func (b *backupReader) bytes(n uint64) ([]byte, error) {
	p := make([]byte, n)
	if _, err := io.ReadFull(b.r, p); err != nil {
		return nil, err
	}
	b.sum.Write(p)
	return p, nil
}

func (b *backupReader) uvarint() (uint64, error) {
	p := b.buf[:0]
	for {
		c, err := b.r.ReadByte()
		if err != nil {
			return 0, err
		}
		p = append(p, c)
		if c < 0x80 || len(p) == cap(p) {
			break
		}
	}
	b.sum.Write(p)
	n, size := Uvarint(p)
	if size != len(p) {
		return 0, fmt.Errorf("%w: not a number", ErrBackup)
	}
	return n, nil
}

// Uvarint reads a number from the front of p and says how many bytes it took.
// Unlike encoding/binary's it refuses, with 0 bytes, padded numbers too, so
// that every number has one encoding.
func Uvarint(p []byte) (uint64, int) {
	n, size := binary.Uvarint(p)
	if size <= 0 || size > 1 && p[size-1] == 0 {
		return 0, 0
	}
	return n, size
}
