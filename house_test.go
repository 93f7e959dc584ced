// Package sallyport_test holds the tests of the repository as a whole: that
// imports point down the table of parts, and that every package says what it is.
package sallyport_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/sallyport-iam/sallyport/"

// mayImport is the table of parts: the packages of the project that each
// package may import besides the standard library and its dependencies.
// A package that is not named here fails the test: decide where it belongs.
var mayImport = map[string][]string{
	"arn":                             {},
	"sigv4":                           {},
	"policy":                          {"arn"},
	"internal/awsapi":                 {},
	"internal/awsapi/gen":             {"internal/awsapi"},
	"internal/awsapi/iam":             {"internal/awsapi"},
	"internal/awsapi/sts":             {"internal/awsapi"},
	"internal/wire":                   {"internal/awsapi"},
	"internal/store":                  {},
	"internal/store/mem":              {"internal/store"},
	"internal/store/ondisk":           {"internal/store"},
	"internal/store/pebble":           {"internal/store", "internal/store/ondisk"},
	"internal/store/replica":          {"internal/store", "internal/store/ondisk"},
	"internal/store/storetest":        {"internal/store"},
	"internal/store/archive":          {"internal/store"},
	"internal/seal":                   {},
	"internal/notices":                {},
	"internal/scale":                  {"internal/seal"},
	"internal/federation":             {},
	"internal/directory":              {"internal/store", "internal/seal", "policy", "arn"},
	"internal/service":                {"internal/directory", "policy"},
	"internal/service/iam":            {"internal/service", "internal/federation", "internal/directory", "internal/awsapi", "internal/awsapi/iam", "internal/seal", "policy", "arn"},
	"internal/service/sts":            {"internal/service", "internal/federation", "internal/directory", "internal/awsapi", "internal/awsapi/sts", "policy", "arn"},
	"internal/service/ec2":            {"internal/service"},
	"internal/service/s3":             {"internal/service"},
	"internal/gate":                   {"internal/trail", "internal/service", "internal/directory", "internal/wire", "internal/awsapi", "internal/seal", "sigv4", "policy", "arn"},
	"internal/cluster":                {},
	"internal/console":                {"internal/directory", "internal/notices", "internal/seal", "internal/awsapi", "policy"},
	"web":                             {},
	"internal/server":                 {"*"},
	"internal/cli":                    {"internal/server", "internal/notices", "internal/trail", "internal/cluster", "internal/store", "internal/store/archive", "internal/directory", "internal/seal", "internal/awsapi", "policy", "internal/service/accessanalyzer", "internal/delivery"},
	"cmd/sallyport":                   {"internal/cli"},
	"test":                            {"*"},
	"internal/store/etcd":             {"internal/store"},
	"internal/store/etcd/etcdtest":    {},
	"internal/awsapi/cloudtrail":      {"internal/awsapi"},
	"internal/awsapi/organizations":   {"internal/awsapi"},
	"internal/trail":                  {},
	"internal/service/organizations":  {"internal/service", "internal/directory", "internal/awsapi", "internal/awsapi/organizations", "policy"},
	"internal/service/cloudtrail":     {"internal/service", "internal/directory", "internal/trail", "internal/awsapi/cloudtrail", "internal/delivery"},
	"internal/service/accessanalyzer": {"internal/service", "internal/awsapi", "internal/awsapi/accessanalyzer", "policy"},
	"internal/awsapi/accessanalyzer":  {"internal/awsapi"},
	"internal/delivery":               {"internal/directory", "internal/trail", "internal/seal", "sigv4"},
}

type goPackage struct {
	ImportPath, Doc string
	Imports         []string
	GoFiles         []string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Doc,Imports,GoFiles", "./...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var pkgs []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatalf("decode go list: %v", err)
		}
		pkgs = append(pkgs, p)
	}
}

func TestImportsPointDown(t *testing.T) {
	for _, p := range packages(t) {
		name, inside := strings.CutPrefix(p.ImportPath, module)
		if !inside {
			continue // the root holds only this test
		}
		allowed, known := mayImport[name]
		if !known {
			t.Errorf("package %s is not in the table of parts; add it to mayImport where it belongs", name)
			continue
		}
		for _, imp := range p.Imports {
			dep, ours := strings.CutPrefix(imp, module)
			if ours && !slices.Contains(allowed, dep) && !slices.Contains(allowed, "*") {
				t.Errorf("%s imports %s; it may import only %v", name, dep, allowed)
			}
		}
	}
}

func TestEveryPackageIsDocumented(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.GoFiles) > 0 && p.Doc == "" {
			t.Errorf("package %s has no doc comment", p.ImportPath)
		}
	}
}
