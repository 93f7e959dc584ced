package test

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"html"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// TestIAMFacts plays testdata/facts: calls of IAM, byte by byte, with the whole
// answers that the facts about AWS ask for. Each file has a server of its own.
//
//	== SECTION SUBJECT     the calls below hold this section of the facts
//	let NAME = TEXT        $NAME stands for TEXT from here on
//	keep NAME ELEMENT      $NAME stands for that element of the last answer
//	as ID SECRET, as root  who calls from here on, by names that were kept
//	Operation Name=value   a call; the line below it is its answer
//	200 XML                what the result holds, without white space; or ok
//	200~ XML               the same, members in any order
//	404 Code Message       a refusal
//
// In values, quotes keep spaces together, $(a*9) is nine times a, and +tags=9
// gives nine tags. What differs from run to run is cut from answers: ids to
// their prefixes, times, secrets and markers to one word.
func TestIAMFacts(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/facts/*.txt")
	must(t, err)
	if len(files) == 0 {
		t.Fatal("no facts")
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			must(t, err)
			newFactPlayer(t).play(t, strings.Split(string(text), "\n"))
		})
	}
}

// factPlayer plays one file of facts against one server.
type factPlayer struct {
	s      *server
	caller keys
	names  map[string]string
	last   string // the body of the last answer
}

func newFactPlayer(t *testing.T) *factPlayer {
	s := serve(t)
	p := &factPlayer{s: s, caller: s.root(), names: map[string]string{"ACC": s.account}}
	for i := range 3 {
		n := fmt.Sprint(i + 1)
		cert, key := selfSigned(t, "fact "+n)
		p.names["CERT"+n], p.names["KEY"+n] = strings.TrimSpace(cert), strings.TrimSpace(key)
	}
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	public, err := ssh.NewPublicKey(k.Public())
	must(t, err)
	p.names["RSA"] = strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public)))
	return p
}

// play plays the lines: a section is a subtest, and needs those before it.
func (p *factPlayer) play(t *testing.T, lines []string) {
	t.Helper()
	for len(lines) > 0 {
		n := 1 + slices.IndexFunc(lines[1:], func(l string) bool { return strings.HasPrefix(l, "== ") })
		if n == 0 {
			n = len(lines)
		}
		if name, ok := strings.CutPrefix(lines[0], "== "); ok {
			t.Run(name, func(t *testing.T) { p.section(t, lines[1:n]) })
		} else {
			p.section(t, lines[:n])
		}
		lines = lines[n:]
	}
}

func (p *factPlayer) section(t *testing.T, lines []string) {
	t.Helper()
	for i := 0; i < len(lines); i++ {
		word, rest, _ := strings.Cut(lines[i], " ")
		switch word {
		case "":
		case "let":
			name, text, _ := strings.Cut(rest, " = ")
			p.names[name] = p.expand(text)
		case "keep":
			name, element, _ := strings.Cut(rest, " ")
			p.names[name] = group(regexp.MustCompile("<"+element+">([^<]*)<"), p.last)
		case "as":
			id, secret, _ := strings.Cut(rest, " ")
			p.caller = keys{ID: p.names[id], Secret: p.names[secret]}
			if rest == "root" {
				p.caller = p.s.root()
			}
		default:
			got, want := p.call(t, lines[i]), lines[i+1]
			if !sameFact(got, want) {
				t.Errorf("%s\n got %s\nwant %s", lines[i], got, want)
			}
			i++
		}
	}
}

func sameFact(got, want string) bool {
	list, anyOrder := strings.CutPrefix(want, "200~ ")
	if !anyOrder {
		return got == want
	}
	got = strings.TrimPrefix(got, "200 ")
	g, w := factMember.FindAllString(got, -1), factMember.FindAllString(list, -1)
	slices.Sort(g)
	slices.Sort(w)
	return slices.Equal(g, w) && factMember.ReplaceAllString(got, "") == factMember.ReplaceAllString(list, "")
}

var (
	factMember = regexp.MustCompile(`<member>.*?</member>`)
	factWord   = regexp.MustCompile("(?:[^\\s'`]|'[^']*'|`[^`]*`)+")
	factQuote  = regexp.MustCompile("'([^']*)'|`([^`]*)`")
	factRepeat = regexp.MustCompile(`\$\((.)\*(\d+)\)`)
)

// call makes the call of a line and gives its answer in the facts' form.
func (p *factPlayer) call(t *testing.T, line string) string {
	t.Helper()
	words := factWord.FindAllString(line, -1)
	form := url.Values{"Action": {words[0]}}
	for _, w := range words[1:] {
		name, value, _ := strings.Cut(w, "=")
		if name == "+tags" {
			addTags(form, value)
			continue
		}
		form.Set(name, p.expand(factQuote.ReplaceAllString(value, "$1$2")))
	}
	a := send(t, p.s, formRequest(p.s, p.caller, "iam", form).sign().wire())
	p.last = a.body
	return p.normal(a)
}

func addTags(form url.Values, count string) {
	var n int
	_, _ = fmt.Sscan(count, &n)
	for i := range n {
		form.Set(fmt.Sprintf("Tags.member.%d.Key", i+1), fmt.Sprintf("k%02d", i))
		form.Set(fmt.Sprintf("Tags.member.%d.Value", i+1), "v")
	}
}

// expand puts in what names stand for, the longest first.
func (p *factPlayer) expand(text string) string {
	text = factRepeat.ReplaceAllStringFunc(text, func(m string) string {
		var n int
		parts := factRepeat.FindStringSubmatch(m)
		_, _ = fmt.Sscan(parts[2], &n)
		return strings.Repeat(parts[1], n)
	})
	for _, name := range p.byLength(func(name string) int { return len(name) }) {
		text = strings.ReplaceAll(text, "$"+name, p.names[name])
	}
	return text
}

func (p *factPlayer) byLength(length func(name string) int) []string {
	var names []string
	for name := range p.names {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if d := length(b) - length(a); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return names
}

var (
	factSpace  = regexp.MustCompile(`>\s+<`)
	factResult = regexp.MustCompile(`(?s)<\w+Result>(.*)</\w+Result>`)
	factTime   = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)
	factID     = regexp.MustCompile(`(AIDA|AROA|AGPA|AIPA|ANPA|ASCA|ACCA)[A-Z2-7]{17}|(AKIA|APKA)[A-Z2-7]{16}`)
	factSecret = regexp.MustCompile(`<(SecretAccessKey|Marker|ServicePassword|Fingerprint|CertificateId|Base32StringSeed|QRCodePNG)>[^<]+<`)
	factTask   = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
)

// shortestName is how long what a kept name stands for must be to be known again
// in an answer.
const shortestName = 12

// normal is an answer in the facts' form.
func (p *factPlayer) normal(a answer) string {
	text := fmt.Sprintf("%d %s %s", a.status, a.code, html.UnescapeString(a.message))
	if a.status == 200 {
		text = "200 ok"
		if m := factResult.FindStringSubmatch(factSpace.ReplaceAllString(a.body, "><")); m != nil {
			text = "200 " + m[1]
		}
	}
	for _, name := range p.byLength(func(name string) int { return len(p.names[name]) }) {
		if len(p.names[name]) >= shortestName {
			text = strings.ReplaceAll(text, p.names[name], "$"+name)
		}
	}
	text = factTime.ReplaceAllString(text, "DATE")
	text = factID.ReplaceAllString(text, "$1$2*")
	text = factTask.ReplaceAllString(text, "UUID")
	return factSecret.ReplaceAllString(text, "<$1>*<")
}
