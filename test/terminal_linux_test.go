package test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestTerminal: the first start shows the root secrets on a terminal, once.
func TestTerminal(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	first := onTerminal(t, data)
	s := &server{t: t, data: data}
	k := s.root()
	password, err := os.ReadFile(filepath.Join(data, "rootpassword.txt"))
	must(t, err)
	_, word, _ := strings.Cut(strings.TrimSpace(string(password)), "Password=")
	for _, secret := range []string{k.ID, k.Secret, word} {
		if n := strings.Count(first, secret); n != 1 {
			t.Errorf("the first start on a terminal shows a credential %d times, want once", n)
		}
	}
	second := onTerminal(t, data)
	if strings.Contains(second, k.Secret) || strings.Contains(second, word) {
		t.Error("the second start on a terminal shows a secret")
	}
}

// onTerminal starts the server on a terminal of its own, stops it when it is
// ready, and gives what the terminal showed.
func onTerminal(t *testing.T, data string) string {
	t.Helper()
	keyboard, screen := openTerminal(t)
	defer keyboard.Close()
	cmd := exec.Command(binary, "serve", "--data", data, "--listen", "127.0.0.1:0")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = screen, screen, screen
	must(t, cmd.Start())
	screen.Close()
	shown := newOutput()
	go func() { _, _ = io.Copy(shown, keyboard) }()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer func() { _ = cmd.Process.Kill() }()
	for late := time.After(patience); !strings.Contains(shown.String(), "get-caller-identity"); {
		select {
		case <-shown.more:
		case err := <-ended:
			t.Fatalf("the server ended with %v:\n%s", err, shown)
		case <-late:
			t.Fatalf("not ready:\n%s", shown)
		}
	}
	must(t, cmd.Process.Signal(syscall.SIGTERM))
	if err := <-ended; err != nil {
		t.Errorf("the server ended with %v after SIGTERM", err)
	}
	return shown.String()
}

// openTerminal opens the two ends of a pseudo-terminal.
func openTerminal(t *testing.T) (keyboard, screen *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	must(t, err)
	must(t, unix.IoctlSetPointerInt(int(keyboard.Fd()), unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetUint32(int(keyboard.Fd()), unix.TIOCGPTN)
	must(t, err)
	screen, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	must(t, err)
	return keyboard, screen
}
