package pebble

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// The database takes a chunk of its newest log that does not read for the torn
// end that a crash leaves, and drops what follows, unless a chunk of a later
// 32 KiB block says that it had been synced: a flipped bit in the last block
// would silently undo acknowledged changes. What is read here is the log's
// format as github.com/cockroachdb/pebble/v2/record documents it: blocks of
// chunks, which begin with
//
//	checksum (4 bytes), length (2), type (1), log number (4), synced offset (8)
//
// in little endian. Types 9 to 12 are those of whole and partial records. A log
// that was closed ends with a chunk of type 5, without the offset, that is all
// zero but for the number of the log, plus one.
const (
	logBlock       = 32 << 10
	chunkHeader    = 19
	trailerHeader  = 11
	trailerType    = 5
	firstChunkType = 9
	lastChunkType  = 12
)

// checkNewestLog says store.ErrDamaged where the newest log of a folder is
// damaged before what had been synced. Of older logs the database does it.
func checkNewestLog(fsys vfs.FS, dir string) error {
	names, err := fsys.List(dir)
	if err != nil {
		return err
	}
	newest, number := "", uint64(0)
	for _, name := range names {
		if text, ok := strings.CutSuffix(name, ".log"); ok {
			if n, err := strconv.ParseUint(text, 10, 64); err == nil && n >= number {
				newest, number = name, n
			}
		}
	}
	if newest == "" {
		return nil
	}
	b, err := readWhole(fsys, filepath.Join(dir, newest))
	if err != nil {
		return err
	}
	if at, lost := lostAfter(b, uint32(number)); lost {
		return fmt.Errorf("%w: log %s is damaged at byte %d, before acknowledged changes", store.ErrDamaged, newest, at)
	}
	return nil
}

func readWhole(fsys vfs.FS, path string) (_ []byte, err error) {
	f, err := fsys.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return io.ReadAll(f)
}

// lostAfter gives the offset at which a log stops being readable, and whether
// anything after it proves that it was readable once.
func lostAfter(b []byte, number uint32) (at int, lost bool) {
	at = readable(b, number)
	if at < 0 {
		return 0, false
	}
	for i := at + 1; i+trailerHeader <= len(b); i++ {
		if isTrailer(b[i:], number) {
			return at, true
		}
		if n := chunkLen(b[i:], number); n > 0 && binary.LittleEndian.Uint64(b[i+11:]) > uint64(at+chunkHeader) {
			return at, true
		}
	}
	return at, false
}

// readable gives the offset of the first chunk that does not read, or -1 where
// the log reads up to its trailer or the end of the file.
func readable(b []byte, number uint32) int {
	at := 0
	for at < len(b) {
		rest := b[at:min(len(b), at/logBlock*logBlock+logBlock)]
		if isTrailer(rest, number) {
			return -1
		}
		n := chunkLen(rest, number)
		if n == 0 && (len(rest) >= chunkHeader || !zero(rest)) {
			return at
		}
		if n == 0 { // no room for a chunk in this block
			n = len(rest)
		}
		at += n
	}
	return -1
}

func zero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// isTrailer reports whether b begins with the end of a log that was closed.
func isTrailer(b []byte, number uint32) bool {
	return len(b) >= trailerHeader && zero(b[:6]) && b[6] == trailerType && binary.LittleEndian.Uint32(b[7:]) == number+1
}

// chunkLen is the length of the sound chunk of that log with which b begins, or 0.
func chunkLen(b []byte, number uint32) int {
	if len(b) < chunkHeader || b[6] < firstChunkType || b[6] > lastChunkType || binary.LittleEndian.Uint32(b[7:]) != number {
		return 0
	}
	n := chunkHeader + int(binary.LittleEndian.Uint16(b[4:]))
	if n > len(b) || binary.LittleEndian.Uint32(b) != chunkSum(b[6:n]) {
		return 0
	}
	return n
}

// castagnoli is only read.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// chunkSum is CRC-32C, rotated and with a constant added.
func chunkSum(b []byte) uint32 {
	c := crc32.Checksum(b, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}
