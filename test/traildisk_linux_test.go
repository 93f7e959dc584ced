package test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// TestTrailDisk: where the disk of the trail is nearly full, changes are refused
// and reads served, until there is room again.
func TestTrailDisk(t *testing.T) {
	t.Parallel()
	dir := mounted(t, "-t", "tmpfs", "-o", "size=128m,mode=0755", "tmpfs")
	data := filepath.Join(t.TempDir(), "data")
	must(t, os.Mkdir(data, 0o700))
	must(t, os.Symlink(dir, filepath.Join(data, "trail")))
	s := start(t, command{data: data, args: []string{"--admin-listen", "127.0.0.1:0"}})
	root := s.as(s.root())
	change := func() error {
		_, err := root.iam.CreateUser(deadline(t), &iam.CreateUserInput{UserName: aws.String("u" + fmt.Sprint(time.Now().UnixNano()))})
		return err
	}
	must(t, change())
	ballast := filepath.Join(dir, "ballast")
	fill(t, ballast, 4<<20)
	awaitMetric(t, s, "sallyport_trail_refuses 1")
	wantCode(t, "a change", change(), "ServiceUnavailable", "")
	must(t, root.whoami(deadline(t)))
	must(t, os.Remove(ballast))
	awaitMetric(t, s, "sallyport_trail_refuses 0")
	must(t, change())
	s.stop()

	s = s.again(command{args: []string{"--admin-listen", "127.0.0.1:0", "--trail-all"}})
	fill(t, ballast, 4<<20)
	awaitMetric(t, s, "sallyport_trail_refuses 1")
	wantCode(t, "a reading call", s.as(s.root()).whoami(deadline(t)), "ServiceUnavailable", "")
	must(t, os.Remove(ballast))
	s.stop()
	trailDiskFull(t, s, ballast)
}

// trailDiskFull fills the disk of the trail to the last byte, with nothing held
// back: no event is lost of a change that was made.
func trailDiskFull(t *testing.T, s *server, ballast string) {
	s = s.again(command{args: []string{"--admin-listen", "127.0.0.1:0", "--trail-reserve", "0"}})
	root := s.as(s.root())
	made := map[string]bool{}
	change := func() error {
		name := fmt.Sprint("full", len(made))
		_, err := root.iam.CreateUser(deadline(t), &iam.CreateUserInput{UserName: &name})
		made[name] = err == nil
		return err
	}
	must(t, change())
	fill(t, ballast, 0)
	for late := time.Now().Add(patience); change() == nil && time.Now().Before(late); {
	}
	wantCode(t, "a change on a full disk", change(), "ServiceUnavailable", "")
	awaitMetric(t, s, "sallyport_trail_refuses 1")
	must(t, root.whoami(deadline(t)))
	s.events("--name", "CreateUser", "--max", "5")
	must(t, os.Remove(ballast))
	awaitMetric(t, s, "sallyport_trail_refuses 0")
	must(t, change())
	for _, text := range []string{"the disk of the trail is full", "the disk of the trail has room again"} {
		if !strings.Contains(s.stderr.String(), text) {
			t.Errorf("the log doesn't say %q:\n%s", text, s.stderr)
		}
	}
	n := 0
	for _, is := range made {
		if is {
			n++
		}
	}
	for late := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		there := map[string]bool{}
		for _, e := range s.events("--name", "CreateUser") {
			if name := e.RequestParameters["userName"].(string); made[name] && e.ErrorCode == "" {
				there[name] = true
			}
		}
		if len(there) == n {
			break
		}
		if time.Now().After(late) {
			t.Fatalf("%d of %d changes have their event", len(there), n)
		}
	}
	if out := s.must("trail", "verify"); !strings.Contains(out, ", 0 are not signed yet") {
		t.Errorf("trail verify: %s", out)
	}
}

// fill writes a file until so many bytes are left.
func fill(t *testing.T, path string, left uint64) {
	t.Helper()
	f, err := os.Create(path)
	must(t, err)
	defer f.Close()
	for block := make([]byte, 1<<20); room(t, filepath.Dir(path)) > left; {
		if _, err := f.Write(block); err != nil {
			return
		}
	}
}

// room is how many bytes are free where a folder is.
func room(t *testing.T, dir string) uint64 {
	t.Helper()
	var s syscall.Statfs_t
	must(t, syscall.Statfs(dir, &s))
	return s.Bavail * uint64(s.Bsize)
}
