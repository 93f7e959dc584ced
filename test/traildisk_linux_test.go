package test

import (
	"fmt"
	"os"
	"path/filepath"
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
