package test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// mounted mounts a file system of its own for a test, which needs root.
func mounted(t *testing.T, args ...string) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("NOT TESTED: only root can mount a disk that fails")
	}
	dir := t.TempDir()
	if out, err := exec.Command("mount", append(args, dir)...).CombinedOutput(); err != nil {
		t.Skipf("NOT TESTED: mount %v: %v %s", args, err, out)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
	return dir
}

// image is a file with an ext4 file system.
func image(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk")
	must(t, os.WriteFile(path, nil, 0o600))
	must(t, os.Truncate(path, 64<<20))
	if out, err := exec.Command("mkfs.ext4", "-q", path).CombinedOutput(); err != nil {
		t.Skipf("NOT TESTED: mkfs.ext4: %v %s", err, out)
	}
	return path
}

// failUnderLoad makes the disk fail while clients write. The server must end,
// and say why. It gives what was acknowledged, before cut was set where that is given.
func failUnderLoad(t *testing.T, s *server, cut *atomic.Bool, fail func(), texts ...string) *acknowledged {
	t.Helper()
	const writers = 4
	root := s.root()
	known, all := make([]*acknowledged, writers), newAcknowledged()
	ctx, cancel := context.WithCancel(deadline(t))
	defer cancel()
	var wg sync.WaitGroup
	for i := range known {
		known[i] = newAcknowledged()
		w := writer{s.as(root), known[i], fmt.Sprintf("w%d", i), cut}
		wg.Go(func() { w.run(ctx) })
	}
	time.Sleep(200 * time.Millisecond) // of load; nothing is judged by it
	fail()
	s.awaitEnd()
	cancel()
	wg.Wait()
	said := s.stderr.String()
	if s.code != 1 || strings.Count(said, "sallyport: the disk failed, nothing more can be stored") != 1 {
		t.Errorf("exit code %d, want 1 and to hear that the disk failed; stderr:\n%s", s.code, said)
	}
	for _, text := range texts {
		if !strings.Contains(said, text) {
			t.Errorf("stderr:\n%s\nwant %q in it", said, text)
		}
	}
	for _, k := range known {
		k.moveTo(all)
	}
	if all.len() == 0 {
		t.Error("nothing was acknowledged: the test tests nothing")
	}
	return all
}

// TestDiskFull: where the disk is full the server ends. With room again it
// starts, and has all that it acknowledged.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	dir := mounted(t, "-t", "tmpfs", "-o", "size=64m,mode=0755", "tmpfs")
	s := start(t, command{data: filepath.Join(dir, "data"), args: []string{"--trail-reserve", "0"}})
	ballast := filepath.Join(dir, "ballast")
	known := failUnderLoad(t, s, nil, func() { fillUp(t, ballast) }, "no space left on device")
	fillUp(t, ballast) // what the end of the process has freed
	wantRefused(t, "a full disk", command{data: s.data}, "no space left on device")
	must(t, os.Remove(ballast))
	s = s.again(command{})
	known.check(t, s, s.as(s.root()))
	t.Logf("%d facts found again", known.len())
}

// fillUp adds to a file until its disk is full, up to the last byte.
func fillUp(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	must(t, err)
	defer f.Close()
	for block := make([]byte, 64<<10); err == nil; {
		_, err = f.Write(block)
	}
}

// TestDiskTurnsReadOnly: a kernel that meets an error on the disk makes it
// read-only. The server ends, and has all that it acknowledged when it can be
// written to again; until then a start is refused.
func TestDiskTurnsReadOnly(t *testing.T) {
	t.Parallel()
	disk := image(t)
	dir := mounted(t, "-o", "loop,errors=remount-ro", disk)
	trigger := errorTrigger(t, dir)
	s := start(t, command{data: filepath.Join(dir, "data")})
	known := failUnderLoad(t, s, nil, func() { must(t, os.WriteFile(trigger, []byte("a test"), 0o200)) })
	wantRefused(t, "a read-only disk", command{data: s.data}, "read-only file system")
	must(t, syscall.Unmount(dir, 0))
	if out, err := exec.Command("mount", "-o", "loop", disk, dir).CombinedOutput(); err != nil {
		t.Fatalf("mount again: %v %s", err, out)
	}
	s = s.again(command{})
	known.check(t, s, s.as(s.root()))
	t.Logf("%d facts found again", known.len())
	s.stop()
}

// errorTrigger is the file by which a mounted ext4 is told that it met an error.
func errorTrigger(t *testing.T, dir string) string {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mounts")
	must(t, err)
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); f[1] == dir {
			path := filepath.Join("/sys/fs/ext4", filepath.Base(f[0]), "trigger_fs_error")
			if _, err := os.Stat(path); err != nil {
				t.Skipf("NOT TESTED: %v", err)
			}
			return path
		}
	}
	t.Fatalf("%s is not mounted", dir)
	return ""
}

// TestPowerCut cuts a disk off in the middle of a write storm, without what the
// file system had not written yet. All that was acknowledged before is there. What
// is acknowledged in the moment of the cut does not count: a sync that runs then
// succeeds although nothing reached the disk, for a program that does nothing but
// append and sync too; where the power really fails, nobody hears of that success.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	disk := image(t)
	dir := mounted(t, "-o", "loop", disk)
	s := start(t, command{data: filepath.Join(dir, "data")})
	var cut atomic.Bool
	known := failUnderLoad(t, s, &cut, func() {
		d, err := os.Open(dir)
		must(t, err)
		defer d.Close()
		const shutdown, noFlush = 0x8004587d, 2 // EXT4_IOC_SHUTDOWN
		flags := uint32(noFlush)
		cut.Store(true)
		must(t, ioctl(d.Fd(), shutdown, &flags))
	})
	must(t, syscall.Unmount(dir, 0))
	if out, err := exec.Command("mount", "-o", "loop", disk, dir).CombinedOutput(); err != nil {
		t.Fatalf("mount again: %v %s", err, out)
	}
	s = s.again(command{})
	known.check(t, s, s.as(s.root()))
	t.Logf("%d facts found again", known.len())
	s.stop()
}
