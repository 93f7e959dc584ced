package notices

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const head = `Third-party software in Sallyport

Sallyport contains the software below. Each line names a Go module, or an npm
package of the web console, with its version and the numbers of its notices and
licences, which follow. Sources: https://proxy.golang.org and
https://registry.npmjs.org, under these names and versions.

`

// part is a module or a package of others.
type part struct {
	kind, name, version string
	licence             string // its SPDX id, where that is known
	dir                 string
}

func (p part) String() string { return p.kind + " " + p.name + " " + p.version }

// modules are the Go modules in the program, with all its build tags, for Linux.
func modules(t *testing.T) []part {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-tags", "cluster,awskms", "-f",
		"{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}{{end}}", "../../cmd/sallyport")
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=1")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []part
	for line := range strings.Lines(string(out)) {
		if f := strings.Split(strings.TrimSpace(line), "\t"); len(f) == 3 {
			all = append(all, part{kind: "go", name: f[0], version: f[1], dir: f[2]})
		}
	}
	return all
}

// packages are the npm packages that the web app may be built of.
func packages(t *testing.T) []part {
	t.Helper()
	text, err := os.ReadFile("../../web/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	var lock struct {
		Packages map[string]struct {
			Version, License string
			Dev              bool
		}
	}
	if err := json.Unmarshal(text, &lock); err != nil {
		t.Fatal(err)
	}
	var all []part
	for dir, p := range lock.Packages {
		if dir != "" && !p.Dev {
			name := dir[strings.LastIndex(dir, "node_modules/")+len("node_modules/"):]
			all = append(all, part{"npm", name, p.Version, p.License, filepath.Join("../../web", dir)})
		}
	}
	return all
}

// parts are all, each once, in order.
func parts(t *testing.T) []part {
	t.Helper()
	all := append(modules(t), packages(t)...)
	slices.SortFunc(all, func(a, b part) int { return cmp.Compare(a.String(), b.String()) })
	return slices.CompactFunc(all, func(a, b part) bool { return a.String() == b.String() })
}

var (
	legal  = regexp.MustCompile(`(?i)^(licen[sc]e|copying|notice|patents|authors|copyrightnotice|third-party)[\w.-]*$`)
	blanks = regexp.MustCompile(`\s+`)
)

// texts are the notices and licences in a part's folder.
func (p part) texts(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		if e.IsDir() || !legal.MatchString(e.Name()) || strings.HasSuffix(e.Name(), ".go") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(p.dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n")
		for i := range lines {
			lines[i] = strings.TrimRight(lines[i], " \t")
		}
		if body := strings.Trim(strings.Join(lines, "\n"), "\n"); body != "" {
			all = append(all, body)
		}
	}
	return all
}

// made is the text that the parts give. Equal texts stand in it once.
func made(t *testing.T) string {
	t.Helper()
	numbers, byLicence := map[string]int{}, map[string]string{}
	var list, bodies strings.Builder
	var without []part
	number := func(text string) int {
		key := blanks.ReplaceAllString(text, " ")
		if numbers[key] == 0 {
			numbers[key] = len(numbers) + 1
			fmt.Fprintf(&bodies, "\n%s [%d] %s\n\n%s\n", strings.Repeat("-", 30), numbers[key], strings.Repeat("-", 30), text)
		}
		return numbers[key]
	}
	for _, p := range parts(t) {
		texts := p.texts(t)
		if len(texts) == 0 {
			without = append(without, p)
			continue
		}
		if len(texts) == 1 && p.kind == "npm" {
			byLicence[p.licence] = cmp.Or(byLicence[p.licence], texts[0])
		}
		fmt.Fprintf(&list, "%s", p)
		for _, text := range texts {
			fmt.Fprintf(&list, " [%d]", number(text))
		}
		list.WriteByte('\n')
	}
	for _, p := range without { // some say in their description alone what they are under
		text := byLicence[p.licence]
		if text == "" || p.licence != "Apache-2.0" { // which names no holder
			t.Errorf("%s has no licence that is known", p)
		}
		fmt.Fprintf(&list, "%s [%d]\n", p, number(text))
	}
	return head + list.String() + bodies.String()
}

// TestText: the notices are of what the program is built of, no more and no less.
func TestText(t *testing.T) {
	listed := map[string]bool{}
	for line := range strings.Lines(Text) {
		if name, _, ok := strings.Cut(line, " ["); ok && (strings.HasPrefix(line, "go ") || strings.HasPrefix(line, "npm ")) {
			listed[name] = true
		}
	}
	if _, err := os.Stat("../../web/node_modules/react"); err == nil {
		if got := made(t); os.Getenv("UPDATE") != "" {
			if err := os.WriteFile("third-party.txt", []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			return
		} else if got != Text {
			t.Error("third-party.txt is not what the dependencies give: run UPDATE=1 go test ./internal/notices")
		}
	} else {
		t.Log("NOT TESTED: the texts of npm packages, as web/node_modules is missing: run web/build.sh")
	}
	for _, p := range parts(t) {
		if !listed[p.String()] {
			t.Errorf("%s is not listed: run web/build.sh and UPDATE=1 go test ./internal/notices", p)
		}
		delete(listed, p.String())
	}
	for _, name := range slices.Sorted(maps.Keys(listed)) {
		t.Errorf("%s is listed, and not in the program", name)
	}
	for _, part := range []string{"SIL OPEN FONT LICENSE", "Apache License", "Mozilla Public License", "@cloudscape-design/components", "Ajax.org"} {
		if !strings.Contains(Text, part) {
			t.Errorf("the notices lack %q", part)
		}
	}
}
