package pebble

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// disk is an ext4 file system in a file, whose power can be cut.
type disk struct {
	t      *testing.T
	device string // the loop device
	dir    string // where it is mounted
}

// newDisk makes and mounts one, or skips the test where this may not.
func newDisk(t *testing.T) *disk {
	if os.Getuid() != 0 {
		t.Skip("only root may mount a disk to cut its power")
	}
	d := &disk{t: t, dir: t.TempDir()}
	image := filepath.Join(t.TempDir(), "disk")
	for _, args := range [][]string{
		{"truncate", "-s", "512M", image},
		{"mkfs.ext4", "-q", "-F", image},
		{"losetup", "--find", "--show", image},
	} {
		out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
		if err != nil {
			t.Skipf("no disk to cut the power of: %v: %v: %s", args, err, out)
		}
		d.device = strings.TrimSpace(string(out))
	}
	t.Cleanup(func() { d.run("losetup", "--detach", d.device) })
	if err := unix.Mount(d.device, d.dir, "ext4", 0, ""); err != nil {
		t.Skipf("no disk to cut the power of: mount: %v", err)
	}
	t.Cleanup(func() { d.unmount() })
	return d
}

func (d *disk) run(args ...string) {
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		d.t.Errorf("%v: %v: %s", args, err, out)
	}
}

// unmount waits for processes that are being started meanwhile: until they are,
// they have the files that are open here.
func (d *disk) unmount() {
	err := unix.Unmount(d.dir, 0)
	for end := time.Now().Add(time.Minute); err == unix.EBUSY && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		err = unix.Unmount(d.dir, 0)
	}
	if err != nil {
		d.t.Errorf("unmount: %v", err)
	}
}

// The shutdown of an ext4 file system as it is: nothing more is written, not
// even the journal (Linux: fs/ext4/ext4.h).
const (
	ext4Shutdown           = 0x8004587d // EXT4_IOC_SHUTDOWN
	ext4ShutdownNoLogFlush = 2          // EXT4_GOING_FLAGS_NOLOGFLUSH
)

// cut ends all writing at once.
func (d *disk) cut() error {
	dir, err := os.Open(d.dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	flag := uint32(ext4ShutdownNoLogFlush)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, dir.Fd(), ext4Shutdown, uintptr(unsafe.Pointer(&flag))); errno != 0 {
		return errno
	}
	return nil
}

// on mounts the disk again, which recovers its journal.
func (d *disk) on() {
	d.unmount()
	if err := unix.Mount(d.device, d.dir, "ext4", 0, ""); err != nil {
		d.t.Fatalf("mount after the cut: %v", err)
	}
}

// TestPowerCutOfADisk cuts the power of a real file system under a writing
// process at random moments, on the same store again and again. What was
// acknowledged before the cut is there each time, and the process ends rather
// than go on. What it acknowledges in the moment of the cut does not count: a
// sync that runs then succeeds although nothing reached the disk, for a program
// that does nothing but append and sync too (Linux 6.18, in 24 of 150 cuts);
// where the power really fails, nobody hears of that success.
func TestPowerCutOfADisk(t *testing.T) {
	d := newDisk(t)
	rng := rand.New(rand.NewPCG(3, 4))
	dir := filepath.Join(d.dir, "store")
	acks := 0
	for round := range *rounds {
		before := make(chan map[int]store.Revision, 1)
		runUntil(t, dir, time.Duration(rng.IntN(150))*time.Millisecond, func(w *crashWriting) {
			before <- w.known()
			if err := d.cut(); err != nil {
				t.Errorf("cut the power: %v", err)
				w.process.Kill()
			}
		})
		acked := <-before
		d.on()
		s := open(t, dir, Options{})
		checkCrashed(t, s, acked)
		if err := s.Close(); err != nil {
			t.Fatalf("Close() = %v", err)
		}
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
		acks += len(acked)
	}
	t.Logf("%d writers had acknowledgements in %d rounds", acks, *rounds)
}
