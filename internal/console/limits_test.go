package console

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestAttemptsAreLimited: guessing is slowed down, and nobody is kept off for good.
func TestAttemptsAreLimited(t *testing.T) {
	f := serve(t)
	b := f.browser()
	at := []string{account, "acme"} // by whichever name of the account
	for i := range perAccount.burst {
		form := url.Values{"as": {"user"}, "account": {at[i%2]}, "username": {"Ann"}, "password": {"wrong"}}
		if status, _ := b.do("POST", own+"signin", form); status != http.StatusUnauthorized {
			t.Fatalf("attempt = %d, want 401", status)
		}
	}
	if status, body := b.asAnn(password); status != http.StatusTooManyRequests || !strings.Contains(body, textSlow) {
		t.Errorf("one attempt too many = %d %s", status, body)
	}
	if status, _ := b.do("POST", own+"signin", url.Values{"as": {"root"}, "email": {rootMail}, "password": {password}}); status != http.StatusOK {
		t.Errorf("another user of the account = %d, want 200", status)
	}
	f.clock.add(perAccount.every)
	if status, _ := b.asAnn(password); status != http.StatusOK {
		t.Errorf("after a while = %d, want 200", status)
	}
}

// TestKnownBrowser: whom others keep off by guessing signs in all the same in the
// browser in which they were signed in before.
func TestKnownBrowser(t *testing.T) {
	f := serve(t)
	own := f.browser()
	if status, _ := own.asAnn(password); status != http.StatusOK {
		t.Fatalf("sign in = %d", status)
	}
	own.do("POST", Path+"-/signout", nil)
	guesser := f.browser()
	for range perAccount.burst {
		guesser.asAnn("wrong")
	}
	if status, _ := guesser.asAnn(password); status != http.StatusTooManyRequests {
		t.Errorf("the guesser = %d, want 429", status)
	}
	if status, _ := own.asAnn(password); status != http.StatusOK {
		t.Errorf("the known browser = %d, want 200", status)
	}
	for range perAccount.burst {
		own.asAnn("wrong")
	}
	if status, _ := own.asAnn(password); status != http.StatusTooManyRequests {
		t.Errorf("guesses in the known browser = %d, want 429", status)
	}
}

func TestAttemptsOfAnAddressAreLimited(t *testing.T) {
	f := serve(t)
	b := f.browser()
	guess := func(i int) int {
		status, _ := b.do("POST", own+"signin", url.Values{"as": {"user"}, "account": {account}, "username": {fmt.Sprint("user", i)}, "password": {"wrong"}})
		return status
	}
	for i := range perAddress.burst {
		if status := guess(i); status != http.StatusUnauthorized {
			t.Fatalf("attempt %d = %d, want 401", i, status)
		}
	}
	if status := guess(perAddress.burst); status != http.StatusTooManyRequests {
		t.Errorf("one attempt too many = %d, want 429", status)
	}
	f.clock.add(perAddress.every)
	if status, _ := b.asAnn(password); status != http.StatusOK {
		t.Errorf("after a while = %d, want 200", status)
	}
	for _, tt := range []struct{ address, want string }{
		{"192.0.2.1", "192.0.2.1"}, {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"}, {"::ffff:192.0.2.1", "::ffff:192.0.2.1"}, {"fe80::1%eth0", "fe80::/64"}, {"x", "x"},
	} {
		if got := network(tt.address); got != tt.want {
			t.Errorf("network(%q) = %q, want %q", tt.address, got, tt.want)
		}
	}
}
