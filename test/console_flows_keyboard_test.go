package test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// press presses keys, one after another, each as a keyboard does: a page that
// takes the key for itself is not clicked as well.
func (b *tab) press(keys ...string) {
	b.t.Helper()
	for _, k := range keys {
		key := kb.Keys[[]rune(k)[0]]
		e := input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Key: key.Key, Code: key.Code, Text: key.Text, WindowsVirtualKeyCode: key.Windows}
		b.do("press "+key.Code, func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
			_, err := cdp.Call(ctx, t, input.DispatchKeyEvent, e)
			e.Type, e.Text = input.DispatchKeyEventTypeKeyUp, ""
			if err == nil {
				_, err = cdp.Call(ctx, t, input.DispatchKeyEvent, e)
			}
			return chromedp.Void{}, err
		})
	}
}

// write types text to what has the focus.
func (b *tab) write(text string) {
	b.t.Helper()
	b.do("type", func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, input.InsertText, input.InsertTextParams{Text: text})
		return chromedp.Void{}, err
	})
}

// focus is what is known of the element with the focus.
type focus struct {
	Is    bool   `json:"is"`    // the one that was asked for
	Lost  bool   `json:"lost"`  // no element has it
	Shown bool   `json:"shown"` // it is in sight, and the browser shows that it has the focus
	Name  string `json:"name"`
}

func (b *tab) focus(role, name string) focus {
	b.t.Helper()
	return awaits[focus](b, "the focus", fmt.Sprintf(`(() => {
		const e = document.activeElement, box = e.getBoundingClientRect();
		return {
			is: e !== document.body && window.__find(%s, %s) === e, lost: e === document.body,
			shown: e.matches(':focus-visible') && box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
			name: e.tagName + ' ' + (e.getAttribute('aria-label') || e.textContent || '').slice(0, 60),
		};
	})()`, quoted(role), quoted(name)))
}

// tabTo goes to an element by Tab alone. On the way the focus is always to be seen.
func (b *tab) tabTo(role, name string) {
	b.t.Helper()
	awaits[bool](b, fmt.Sprintf("find %s %q", role, name), fmt.Sprintf("Boolean(window.__find(%s, %s))", quoted(role), quoted(name)))
	for i := range 150 {
		f := b.focus(role, name)
		if f.Is {
			return
		}
		if i > 0 && !f.Lost && !f.Shown {
			b.t.Errorf("on the way to %s %q the focus is on %s, and not to be seen", role, name, f.Name)
		}
		b.press(kb.Tab)
	}
	b.fail(fmt.Sprintf("go to %s %q by Tab", role, name), "it isn't reached")
}

// has waits until the element has the focus.
func (b *tab) has(role, name string) {
	b.t.Helper()
	awaits[bool](b, fmt.Sprintf("have the focus on %s %q", role, name), fmt.Sprintf("window.__find(%s, %s) === document.activeElement", quoted(role), quoted(name)))
}

// kept waits until some element has the focus.
func (b *tab) kept(after string) {
	b.t.Helper()
	awaits[bool](b, "keep the focus after "+after, "document.activeElement !== document.body")
}

// TestConsoleKeyboard goes the way of an administrator's first key by Tab, Enter,
// Space, arrows and Escape alone: the focus is always to be seen, and dialogs give
// it back.
func TestConsoleKeyboard(t *testing.T) {
	t.Parallel()
	s := serve(t)
	c := s.as(s.root())
	b := openTab(t, s, "/console/#/users")
	b.expect("status of 404")
	text, err := os.ReadFile(filepath.Join(s.data, "rootpassword.txt"))
	must(t, err)
	email, password, _ := strings.Cut(strings.TrimSpace(string(text)), "\nPassword=")
	b.see("IAM user sign in")
	b.tabTo("link", "Sign in using root user email")
	b.press(kb.Enter)
	b.tabTo("textbox", "Root user email address")
	b.write(strings.TrimPrefix(email, "Email="))
	b.tabTo("textbox", "Password")
	b.write(password)
	b.press(kb.Enter)

	b.see("Users (0)")
	b.tabTo("button", "Create user")
	b.press(kb.Enter)
	b.has("textbox", "User name")
	b.write("iam-admin")
	b.tabTo("button", "Next")
	b.press(kb.Enter)
	b.see("How the user gets its permissions")
	b.tabTo("radio", "Add user to group")
	b.press(kb.ArrowDown, kb.ArrowDown)
	b.tabTo("textbox", "Search permissions policies")
	b.write("IAMFullAccess")
	b.see("1 match")
	b.press(kb.Tab) // clears the text
	b.tabTo("checkbox", "Select all")
	b.press(kb.ArrowDown, " ")
	b.see("1 chosen")
	b.tabTo("button", "Next")
	b.press(kb.Enter)
	b.see("Permissions summary")
	b.tabTo("button", "Create user")
	b.press(kb.Enter)
	b.see("User iam-admin created.")
	b.kept("the wizard")

	b.tabTo("checkbox", "Select all")
	b.press(kb.ArrowDown, kb.ArrowRight, kb.Enter)
	b.see("arn:aws:iam::" + s.account + ":user/iam-admin")
	b.tabTo("tab", "Permissions")
	b.press(kb.ArrowRight, kb.ArrowRight, kb.ArrowRight)
	b.see("Access keys (0)")
	b.tabTo("button", "Create access key")
	b.press(kb.Enter)
	b.see("What is the key for?")
	b.tabTo("radio", "Command Line Interface (CLI)")
	b.press(" ")
	b.tabTo("checkbox", "I understand the above recommendation")
	b.press(" ")
	b.tabTo("button", "Next")
	b.press(kb.Enter)
	b.tabTo("textbox", "Description tag value")
	b.write("by keyboard")
	b.tabTo("button", "Create access key")
	b.press(kb.Enter)
	b.see("This is the only time")
	b.tabTo("button", "Done")
	b.press(kb.Enter)
	b.see("by keyboard")

	made, err := c.iam.ListAccessKeys(deadline(t), &iam.ListAccessKeysInput{UserName: new("iam-admin")})
	must(t, err)
	id := *made.AccessKeyMetadata[0].AccessKeyId
	actions := "Actions for " + id
	b.tabTo("button", actions)
	b.press(kb.Enter)
	b.has("menuitem", "Deactivate")
	b.press(kb.Enter)
	b.see("Deactivate " + id + "?")
	b.press(kb.Escape)
	b.closed()
	b.has("button", actions)
	b.press(kb.Enter, kb.Enter)
	b.tabTo("button", "Deactivate")
	b.press(kb.Enter)
	b.see("deactivated.")
	b.has("button", actions)
	b.press(kb.Enter)
	b.has("menuitem", "Activate")
	b.press(kb.ArrowDown, kb.Enter)
	b.has("textbox", "Confirmation")
	b.write(id)
	b.press(kb.Enter)
	b.see("Access keys (0)")
	b.kept("the deletion")

	// The palette goes anywhere.
	b.do("press Ctrl+K", chromedp.KeyEvent("k", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	b.has("textbox", "Search or go to")
	b.write("account sett")
	b.press(kb.Enter)
	b.see("Password policy")
	b.kept("the palette")
	b.do("press Ctrl+K", chromedp.KeyEvent("k", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	b.has("textbox", "Search or go to")
	b.write("iam-admin")
	awaits[bool](b, "offer iam-admin", "[...document.querySelectorAll('[role=option]')].some((o) => o.innerText.trim() === 'iam-admin')")
	b.press(kb.Enter)
	b.see("arn:aws:iam::" + s.account + ":user/iam-admin")

	b.tabTo("button", "Delete")
	b.press(kb.Enter)
	b.see("These go, in this order")
	b.has("textbox", "Confirmation")
	b.write("iam-admin")
	b.press(kb.Enter)
	b.see("The user iam-admin is deleted.")
	b.kept("the deletion of the user")
}
