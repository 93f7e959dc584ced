package test

import (
	"os/exec"
	"regexp"
	"testing"
)

// TestBoto3 runs testdata/surface.py, which covers the whole surface, with
// every version of boto3 that is installed.
func TestBoto3(t *testing.T) {
	t.Parallel()
	if len(pythons()) == 0 {
		missing(t, "python3 with boto3 (Debian: python3-boto3)")
	}
	for version, python := range pythons() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			s := serve(t)
			root := s.root()
			h := newHome(t, "SALLYPORT_ENDPOINT="+s.endpoint, "AWS_ACCESS_KEY_ID="+root.ID, "AWS_SECRET_ACCESS_KEY="+root.Secret)
			cmd := exec.CommandContext(deadline(t), python, "testdata/surface.py")
			cmd.Env = h.environ()
			out, err := cmd.CombinedOutput()
			passed := regexp.MustCompile(`(?m)^ok test_\w+\n`)
			if err != nil {
				t.Errorf("surface.py = %v\n%s", err, passed.ReplaceAll(out, nil))
			}
			if len(passed.FindAll(out, -1)) == 0 {
				t.Errorf("surface.py passed no test:\n%s", out)
			}
		})
	}
}
