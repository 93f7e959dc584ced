package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// rotateMasterKey has the server of a data folder rotate its master key.
func rotateMasterKey(t *testing.T, s *server) {
	t.Helper()
	if out, err := exec.CommandContext(deadline(t), binary, "rotate-master-key", "--data", s.data).CombinedOutput(); err != nil {
		t.Fatalf("rotate-master-key: %v\n%s", err, out)
	}
}

// TestRotateMasterKeyOnNodes: a master key that one node rotates is copied to
// the other, which takes it over while it runs, and can then rotate it itself.
func TestRotateMasterKeyOnNodes(t *testing.T) {
	t.Parallel()
	c, all := nodes(t, 2)
	one, two := all[0], all[1]
	key := one.as(one.root()).user(t, one, "u", allow("sts:*")).keys
	file := func(s *server) string { return filepath.Join(s.data, "master.key") }
	says := func(s *server, text string) {
		t.Helper()
		if !s.stderr.await(func(said string) bool { return strings.Contains(said, text) }) {
			t.Fatalf("a node does not say %q:\n%s", text, s.stderr)
		}
	}

	rotateMasterKey(t, one)
	says(two, "under a master key that this node does not have")
	must(t, two.as(key).whoami(deadline(t)))
	if out, err := exec.Command(binary, "rotate-master-key", "--data", two.data).CombinedOutput(); err == nil || !strings.Contains(string(out), "another node has rotated the master key: copy its master.key here first") {
		t.Errorf("rotate-master-key with the old master key = %v: %s", err, out)
	}
	must(t, os.WriteFile(file(two), []byte("nonsense\n"), 0o600))
	says(two, "is not in use: the node goes on with the one that it has")
	must(t, two.as(key).whoami(deadline(t)))

	hand := func(from, to *server) {
		t.Helper()
		b, err := os.ReadFile(file(from))
		must(t, err)
		must(t, os.WriteFile(file(to)+".copied", b, 0o600))
		must(t, os.Rename(file(to)+".copied", file(to)))
		says(to, "the new master key is in use")
	}
	hand(one, two)
	rotateMasterKey(t, two)
	must(t, one.as(key).whoami(deadline(t)))
	hand(two, one)
	one.stop()
	two.stop()
	again := start(t, command{data: one.data, args: node(t, c, nil).args})
	must(t, again.as(key).whoami(deadline(t)))
}
