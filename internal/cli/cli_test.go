package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the scripts and tests run this program as sallyport.
func TestMain(m *testing.M) {
	if os.Getenv(program) != "" {
		runMain()
	}
	_ = os.Setenv("GORACE", raceOptions)
	testscript.Main(m, map[string]func(){
		"sallyport": runMain,
		"exitcode":  exitcode,
		"await":     await,
	})
}

// raceOptions has a program with the race detector end at once: by default it
// waits a second, for goroutines that may still race.
const raceOptions = "atexit_sleep_ms=0"

// runMain is the program itself.
func runMain() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(Main(ctx, os.Args[1:], IO{Out: os.Stdout, Err: os.Stderr, Env: os.LookupEnv, PassphraseWork: 8}))
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata", RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("GORACE", raceOptions)
			return nil
		},
	})
}
