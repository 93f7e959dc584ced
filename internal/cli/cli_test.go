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
	testscript.Main(m, map[string]func(){
		"sallyport": runMain,
		"exitcode":  exitcode,
		"await":     await,
	})
}

// runMain is the program itself.
func runMain() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(Main(ctx, os.Args[1:], IO{Out: os.Stdout, Err: os.Stderr, Env: os.LookupEnv, PassphraseWork: 8}))
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata", RequireExplicitExec: true, RequireUniqueNames: true})
}
