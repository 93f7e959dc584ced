package cli

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// exitcode is a command for scripts: exitcode 2 sallyport … runs the command
// and succeeds if its exit code is 2.
func exitcode() {
	cmd := exec.Command(os.Args[2], os.Args[3:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	_ = cmd.Run()
	if got := strconv.Itoa(cmd.ProcessState.ExitCode()); got != os.Args[1] {
		fmt.Fprintf(os.Stderr, "exit code %s, want %s\n", got, os.Args[1])
		os.Exit(1)
	}
}

// await is a command for scripts: it ends when the file exists.
func await() {
	for range 6000 {
		if _, err := os.Stat(os.Args[1]); err == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	fmt.Fprintf(os.Stderr, "no %s\n", os.Args[1])
	os.Exit(1)
}
