// Sallyport serves AWS-compatible identity and access: IAM and STS.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/sallyport-iam/sallyport/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Main(ctx, os.Args[1:], cli.IO{Out: os.Stdout, Err: os.Stderr, Env: os.LookupEnv})
	stop()
	os.Exit(code)
}
