// Command gen makes what awsapi embeds, data/*.bin, and the Go types of the
// services that we serve, such as iam/*_gen.go, from models/. It runs in awsapi's
// folder: go generate ./internal/awsapi.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// typed are the services that get Go types.
var typed = []string{"accessanalyzer", "cloudtrail", "iam", "organizations", "sts"}

func main() {
	files, err := generate(os.DirFS("models"))
	if err == nil {
		err = write(files)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func write(files map[string][]byte) error {
	for name, data := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}
