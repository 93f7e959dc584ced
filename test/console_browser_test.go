package test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// chromium is the browser's program, or skips the test.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	missing(t, "browser (Debian: chromium)")
	return ""
}

// tab is a real browser with one page open. What people do in it is said in
// roles and names, as a screen reader has them.
type tab struct {
	t         *testing.T
	ctx       context.Context
	s         *server
	downloads string

	mu       sync.Mutex
	messages []string // errors and warnings of the page; guarded by mu
	expected []string // parts of messages that are no fault; guarded by mu
}

// finder finds the elements of a role and name in a page.
const finder = `
window.__find = (role, name) => {
  const kinds = {
    button: 'button, [role=button], input[type=submit]', link: 'a[href]', tab: '[role=tab]',
    textbox: 'input:not([type=checkbox]):not([type=radio]):not([type=hidden]), textarea, [role=textbox]',
    checkbox: 'input[type=checkbox]', radio: 'input[type=radio]', menuitem: '[role=menuitem]', option: '[role=option]', heading: 'h1,h2,h3',
  };
  const clean = (s) => (s ?? '').replace(/\s+/g, ' ').trim();
  const named = (e) => {
    const by = e.getAttribute('aria-labelledby');
    const label = by ? by.split(' ').map((id) => document.getElementById(id)?.textContent ?? '').join(' ') : '';
    return [e.getAttribute('aria-label'), label, ...[...(e.labels ?? [])].map((l) => l.textContent), e.textContent, e.value].map(clean);
  };
  const dialogs = [...document.querySelectorAll('[role=dialog]')].filter((d) => d.getClientRects().length);
  const scope = dialogs.length ? dialogs[dialogs.length - 1] : document;
  // The top bar keeps hidden copies of its buttons, to measure them.
  const all = [...scope.querySelectorAll(kinds[role])].filter((e) => e.getClientRects().length && !e.closest('[aria-hidden=true]'));
  return all.find((e) => named(e).includes(name)) ?? all.find((e) => named(e).some((n) => n.startsWith(name)));
};
window.__point = (role, name) => {
  let e = window.__find(role, name);
  if (!e || e.disabled || e.getAttribute('aria-disabled') === 'true') return null;
  if (role === 'checkbox' || role === 'radio') e = e.closest('label') ?? e.labels?.[0] ?? e;
  e.scrollIntoView({ block: 'center' });
  const box = e.getBoundingClientRect();
  const at = [box.left + Math.min(box.width / 2, 60), box.top + box.height / 2];
  const hit = document.elementFromPoint(...at);
  // A table's header stands beneath the copy that stays in sight.
  return hit && (e.contains(hit) || hit.contains(e) || (e.closest('thead') && hit.closest('thead'))) ? at : null;
};
document.addEventListener('securitypolicyviolation', (e) => console.error('CSP violation: ' + e.violatedDirective + ' ' + e.blockedURI));
`

// openTab opens a browser on a page of the server's.
func openTab(t *testing.T, s *server, path string, more ...chromedp.ExecAllocatorOption) *tab {
	t.Helper()
	b := &tab{t: t, s: s, downloads: t.TempDir()}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium(t)), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1440, 1000), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	actx, stopAlloc := chromedp.NewExecAllocator(context.Background(), append(opts, more...)...)
	ctx, stop := chromedp.NewContext(actx)
	t.Cleanup(func() { _ = chromedp.Cancel(ctx); stop(); stopAlloc() })
	b.ctx = ctx
	b.do("start the browser")
	events := true
	_, err := chromedp.CallBrowser(ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: b.downloads, EventsEnabled: &events,
	})
	must(t, err)
	b.do("add the finder", func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: finder})
		return chromedp.Void{}, err
	})
	console := chromedp.Console(ctx)
	go func() {
		for m, err := range console {
			if err != nil {
				return
			}
			if kind := string(m.Type); kind == "error" || kind == "warning" || kind == "exception" {
				b.mu.Lock()
				b.messages = append(b.messages, kind+": "+m.Text)
				b.mu.Unlock()
			}
		}
	}()
	t.Cleanup(b.quiet)
	b.dark(false)
	b.visit(path)
	return b
}

// quiet fails the test for what the page complained of.
func (b *tab) quiet() {
	b.mu.Lock()
	defer b.mu.Unlock()
next:
	for _, m := range b.messages {
		for _, part := range b.expected {
			if strings.Contains(m, part) {
				continue next
			}
		}
		b.t.Errorf("the page said %s", m)
	}
	b.messages = nil
}

// expect names a message of the page's that is no fault.
func (b *tab) expect(part string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expected = append(b.expected, part)
}

func (b *tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx := b.ctx
	if len(steps) > 0 { // the browser itself must start without a deadline
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(b.ctx, patience)
		defer cancel()
	}
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.fail(what, err.Error())
	}
}

// fail ends the test and leaves a picture of the page.
func (b *tab) fail(what, why string) {
	b.t.Helper()
	picture := filepath.Join(os.TempDir(), "sallyport-"+strings.ReplaceAll(b.t.Name(), "/", "-")+".png")
	if png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot()); err == nil {
		_ = os.WriteFile(picture, png, 0o600)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.t.Fatalf("%s: %s; the page is in %s; it said %q", what, why, picture, b.messages)
}

// visit goes to a page; without its origin, of the server.
func (b *tab) visit(path string) {
	b.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = b.s.endpoint + path
	}
	b.do("visit "+path, chromedp.Navigate(path))
}

// route goes to a page of the app.
func (b *tab) route(hash string) {
	b.t.Helper()
	b.eval("location.hash = " + quoted(hash))
}

func (b *tab) eval(script string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[any]("(() => {"+script+"; return true })()")); err != nil {
		b.fail(script, err.Error())
	}
}

func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings always encode
	}
	return string(b)
}

// awaits asks the page until the expression gives a value that isn't null or false.
func awaits[T any](b *tab, what, expression string) T {
	b.t.Helper()
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		ctx, cancel := context.WithTimeout(b.ctx, patience)
		v, err := chromedp.Run(ctx, chromedp.Evaluate[*T]("(() => { try { return ("+expression+") || null } catch { return null } })()"))
		cancel()
		if err == nil && v != nil {
			return *v
		}
		select {
		case <-b.ctx.Done():
		case <-time.After(30 * time.Millisecond):
		}
	}
	b.fail(what, "not in time")
	panic("unreachable")
}

// click presses what has the role and name, once it stands still.
func (b *tab) click(role, name string) {
	b.t.Helper()
	what := fmt.Sprintf("click %s %q", role, name)
	find := fmt.Sprintf("window.__point(%s, %s)", quoted(role), quoted(name))
	at := awaits[[2]float64](b, what, find)
	for {
		next := awaits[[2]float64](b, what, find)
		if next == at {
			break
		}
		at = next
	}
	b.do(what, chromedp.MouseClickXY(at[0], at[1]))
}

// fill puts text into a field in place of what is there.
func (b *tab) fill(name, text string) {
	b.t.Helper()
	b.click("textbox", name)
	awaits[bool](b, "focus "+name, fmt.Sprintf("(window.__find('textbox', %s) === document.activeElement) && (document.activeElement.select(), true)", quoted(name)))
	b.do("type into "+name, func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, input.InsertText, input.InsertTextParams{Text: text})
		return chromedp.Void{}, err
	})
}

// see waits until the page shows the text.
func (b *tab) see(text string) {
	b.t.Helper()
	awaits[bool](b, fmt.Sprintf("see %q", text), "document.body.innerText.replace(/\\s+/g, ' ').includes("+quoted(text)+")")
}

// file waits for a download of that name.
func (b *tab) file(name string) string {
	b.t.Helper()
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		if text, err := os.ReadFile(filepath.Join(b.downloads, name)); err == nil && len(text) > 0 {
			return string(text)
		}
		time.Sleep(20 * time.Millisecond) // between two looks for a file of another program's
	}
	b.fail("download "+name, "not in time")
	return ""
}

// download waits for a download whose name is of that form.
func (b *tab) download(name *regexp.Regexp) string {
	b.t.Helper()
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		files, err := os.ReadDir(b.downloads)
		must(b.t, err)
		for _, f := range files {
			if name.MatchString(f.Name()) {
				return b.file(f.Name())
			}
		}
		time.Sleep(20 * time.Millisecond) // between two looks for a file of another program's
	}
	b.fail("download "+name.String(), "not in time")
	return ""
}

// asRoot signs in as root on the sign-in page that is open.
func (b *tab) asRoot() {
	b.t.Helper()
	text, err := os.ReadFile(filepath.Join(b.s.data, "rootpassword.txt"))
	must(b.t, err)
	email, password, ok := strings.Cut(strings.TrimSpace(string(text)), "\nPassword=")
	if !ok {
		b.t.Fatal("rootpassword.txt has another form")
	}
	awaits[bool](b, "the page's script", "!location.hash || [...document.links].some((l) => l.href.endsWith(location.hash))")
	b.click("link", "Sign in using root user email")
	b.fill("Root user email address", strings.TrimPrefix(email, "Email="))
	b.fill("Password", password)
	b.click("button", "Sign in")
}

// axeSource is axe-core's program, which npm ci puts there, or nothing.
var axeSource = sync.OnceValue(func() string {
	text, err := os.ReadFile("../web/node_modules/axe-core/axe.min.js")
	if err != nil {
		return ""
	}
	return string(text)
})

// accessible fails the test for what axe finds on the page.
func (b *tab) accessible(where string) {
	b.t.Helper()
	if axeSource() == "" {
		b.t.Log("NOT TESTED: accessibility, as web/node_modules is missing: run web/build.sh")
		return
	}
	b.eval("window.axe ?? (0, eval)(" + quoted(axeSource()) + ")")
	var found []string
	for range 3 { // a page that is still changing is looked at again
		if found = b.axe(where); len(found) == 0 {
			return
		}
	}
	for _, v := range found {
		b.t.Errorf("axe on %s: %s", where, v)
	}
}

// axe is what axe finds on the page now.
func (b *tab) axe(where string) []string {
	b.t.Helper()
	b.eval("window.__axe = null; axe.run({runOnly: ['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa','best-practice']}).then((r) => { window.__axe = {found: r.violations.map((v) => v.id + ': ' + v.nodes.map((n) => n.html.slice(0, 200)).join(' | '))} })")
	return awaits[struct {
		Found []string `json:"found"`
	}](b, "axe on "+where, "window.__axe").Found
}

// dark sets what the browser says that the person prefers: dark or light, and
// that nothing moves.
func (b *tab) dark(on bool) {
	b.t.Helper()
	value := "light"
	if on {
		value = "dark"
	}
	b.do("set the mode", func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: value}, {Name: "prefers-reduced-motion", Value: "reduce"}},
		})
		return chromedp.Void{}, err
	})
}

// picture keeps a picture of the page for the documents, where they are being made.
func (b *tab) picture(name string) {
	b.t.Helper()
	if os.Getenv("UPDATE") == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	must(b.t, err)
	must(b.t, os.MkdirAll("../docs/pictures", 0o755))
	must(b.t, os.WriteFile("../docs/pictures/"+name+".png", png, 0o644))
}
