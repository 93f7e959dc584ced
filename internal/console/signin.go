package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/seal"
)

// The steps between the password and the session, as SignIn.Step has them.
const (
	stepMFA      = "mfa"
	stepPassword = "password"
)

// What refusals say. Whatever was wrong of what was given, it is the first.
const (
	textWrong   = "Your authentication information is incorrect. Please try again."
	textSlow    = "There were too many attempts. Please wait a minute and try again."
	textExpired = "Your password has expired. Please ask your administrator to reset it."
	textRetype  = "The new passwords are not the same."
)

// signInForm is what the sign-in page shows.
type signInForm struct {
	Root                         bool
	Account, User, Email, Locked string
	Remember                     bool
	Wrong                        string
}

var (
	accountID   = regexp.MustCompile(`^[0-9]{12}$`)
	accountForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`)
)

// signInPage asks who signs in. The path of an account's own address names it.
func (c *Console) signInPage(w http.ResponseWriter, r *http.Request) {
	form := signInForm{Root: r.FormValue("as") == "root"}
	if account := r.PathValue("account"); account != "" {
		if !accountForm.MatchString(account) {
			http.NotFound(w, r)
			return
		}
		form.Account, form.Locked = account, account
	} else if cookie, err := r.Cookie(accountCookie); err == nil && accountForm.MatchString(cookie.Value) {
		form.Account, form.Remember = cookie.Value, true
	}
	c.page(w, http.StatusOK, "signin.html", form)
}

// signIn takes name and password.
func (c *Console) signIn(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "The form can't be read.", http.StatusBadRequest)
		return
	}
	form := signInForm{
		Root: r.PostForm.Get("as") == "root", Email: strings.TrimSpace(r.PostForm.Get("email")),
		Account: strings.ToLower(strings.TrimSpace(r.PostForm.Get("account"))), User: strings.TrimSpace(r.PostForm.Get("username")),
		Locked: r.PostForm.Get("locked"), Remember: r.PostForm.Get("remember") != "",
	}
	account, u, err := c.find(form)
	if err != nil {
		c.fail(w, err)
		return
	}
	// By the account's id, so that its alias gives no attempts of its own.
	who := "user/" + cmp.Or(account, form.Account) + "/" + strings.ToLower(form.User)
	if form.Root {
		who = "root/" + strings.ToLower(form.Email)
	}
	if !c.mayTry(r, c.known(r, u, who)) {
		form.Wrong = textSlow
		c.page(w, http.StatusTooManyRequests, "signin.html", form)
		return
	}
	right, err := c.verify(r.Context(), u, r.PostForm.Get("password"))
	if err != nil {
		c.fail(w, err)
		return
	}
	if !right {
		c.refused(r, account, u, "Failed authentication")
		form.Wrong = textWrong
		c.page(w, http.StatusUnauthorized, "signin.html", form)
		return
	}
	if form.Remember {
		c.setCookie(w, r, accountCookie, form.Account, aYear)
	} else if !form.Root {
		c.setCookie(w, r, accountCookie, "", -1)
	}
	c.next(w, r, u, directory.SignIn{})
}

// known is what the attempts at a user are counted by: who, or the browser, where
// the user was signed in in it before. Others' guesses don't keep that off.
func (c *Console) known(r *http.Request, u *directory.User, who string) string {
	cookie, err := r.Cookie(knownCookie)
	if err != nil || u == nil {
		return who
	}
	if browser, ok := c.opts.Directory.Knows(cookie.Value, u); ok {
		return "browser/" + browser
	}
	return who
}

// mayTry counts an attempt and reports whether it is one too many.
func (c *Console) mayTry(r *http.Request, who string) bool {
	now := c.opts.Now()
	return c.addresses.allow(network(client(r)), now) && c.accounts.allow(who, now)
}

// find finds the account and the user that the form names; nil, where there is none.
func (c *Console) find(form signInForm) (account string, u *directory.User, err error) {
	s := c.opts.Directory.Snapshot()
	if form.Root {
		u, err = s.RootByEmail(form.Email)
	} else {
		if account = form.Account; !accountID.MatchString(account) {
			account = s.AccountByAlias(account)
		}
		if a, err := s.Account(account); a == nil || err != nil {
			return "", nil, err
		}
		u, err = s.User(account, form.User)
	}
	if _, none := errors.AsType[*directory.NotFound](err); none {
		return account, nil, nil
	}
	if err != nil {
		return "", nil, err
	}
	return u.Account(), u, nil
}

// verify reports whether that is the user's password. Where there is no user,
// or no password, it takes as long.
func (c *Console) verify(ctx context.Context, u *directory.User, text string) (bool, error) {
	p := c.opts.Directory.Password(seal.NewSecret(text))
	if u == nil || u.Password == "" {
		_, err := p.Is(ctx, c.decoy())
		return false, err
	}
	return p.Is(ctx, u.Password)
}

// next asks for what is still missing, or signs the user in. done tells what
// was given besides the password.
func (c *Console) next(w http.ResponseWriter, r *http.Request, u *directory.User, done directory.SignIn) {
	life := stepLife
	switch expired, hard, err := c.expired(u); {
	case err != nil:
		c.fail(w, err)
		return
	case len(u.MFA) > 0 && done.MFA.IsZero():
		done.Step = stepMFA
		c.tell(r, Attempt{What: AskedForMFA, Account: u.Account(), User: u})
	case expired && hard:
		c.refused(r, u.Account(), u, "Password expired")
		c.page(w, http.StatusForbidden, "signin.html", signInForm{Account: u.Account(), User: u.Name, Wrong: textExpired})
		return
	case u.MustChange || expired:
		done.Step = stepPassword
	default:
		life = sessionLife
	}
	token, err := c.opts.Directory.SignIn(r.Context(), u, done, life)
	if err != nil {
		c.fail(w, err)
		return
	}
	if old, err := r.Cookie(sessionCookie); err == nil { // never two of one browser
		if err := c.opts.Directory.SignOut(r.Context(), old.Value); err != nil {
			c.opts.Log.Warn("former console session not ended", "error", err)
		}
	}
	if done.Step == "" {
		if err := c.opts.Directory.NotePasswordUse(r.Context(), u.Account(), u.ID); err != nil {
			c.fail(w, err)
			return
		}
		c.setCookie(w, r, knownCookie, c.opts.Directory.KnownBrowser(u), aYear)
		c.tell(r, Attempt{What: SignedIn, Account: u.Account(), User: u, MFA: !done.MFA.IsZero(), Device: done.Device})
	}
	c.setCookie(w, r, sessionCookie, token, int(life/time.Second))
	http.Redirect(w, r, Path, http.StatusSeeOther)
}

// expired reports whether the user's password is too old, and whether only an
// administrator can then change it.
func (c *Console) expired(u *directory.User) (expired, hard bool, err error) {
	s := c.opts.Directory.Snapshot()
	at, ok, err := s.PasswordExpires(u)
	if err != nil || !ok || c.opts.Now().Before(at) {
		return false, false, err
	}
	a, err := s.Account(u.Account())
	if err != nil {
		return false, false, err
	}
	return true, a.Passwords.HardExpiry, nil
}

// stepForm is what the page of a step shows.
type stepForm struct {
	User    string
	Root    bool
	Devices []string // serial numbers of devices that show codes
	Passkey bool     // the user has a passkey for this host
	Hosts   []string // of passkeys that are for other hosts only
	Wrong   string
}

// askStep shows the page of a step.
func (c *Console) askStep(w http.ResponseWriter, r *http.Request, u *directory.User, step, wrong string) {
	form := stepForm{User: u.Name, Root: u.Root(), Devices: withCodes(u), Wrong: wrong}
	keys, err := c.passkeys(u)
	if err != nil {
		c.fail(w, err)
		return
	}
	for _, k := range keys {
		if k.Host == hostOf(r) {
			form.Passkey = true
		} else if !slices.Contains(form.Hosts, k.Host) {
			form.Hosts = append(form.Hosts, k.Host)
		}
	}
	status := http.StatusOK
	if wrong != "" {
		status = http.StatusUnauthorized
	}
	c.page(w, status, step+".html", form)
}

// atStep gives the user whose browser is at that step, or sends it to the start.
func (c *Console) atStep(w http.ResponseWriter, r *http.Request, step string) (*directory.User, *directory.SignIn) {
	u, in := c.browser(r)
	if u == nil || in.Step != step {
		http.Redirect(w, r, Path, http.StatusSeeOther)
		return nil, nil
	}
	if !c.mayTry(r, c.known(r, u, "step/"+u.Account()+"/"+u.ID)) {
		c.askStep(w, r, u, step, textSlow)
		return nil, nil
	}
	return u, in
}

// giveCode takes the code of an MFA device, or the answer of a passkey.
func (c *Console) giveCode(w http.ResponseWriter, r *http.Request) {
	u, in := c.atStep(w, r, stepMFA)
	if u == nil {
		return
	}
	serial, err := c.secondFactor(r, u)
	_, none := errors.AsType[*directory.NotFound](err)
	switch {
	case none || errors.Is(err, directory.ErrMFACode) || errors.Is(err, errNotProven):
		c.tell(r, Attempt{What: SignedIn, Account: u.Account(), User: u, MFA: true, Refused: "Failed authentication"})
		c.askStep(w, r, u, stepMFA, textWrong)
	case err != nil:
		c.fail(w, err)
	default:
		done := *in
		done.Step, done.MFA, done.Device = "", c.opts.Directory.Now().UTC().Truncate(time.Second), serial
		c.next(w, r, u, done)
	}
}

// secondFactor verifies what the form has besides the password, and gives the
// serial number of the device. NotFound, ErrMFACode, errNotProven.
func (c *Console) secondFactor(r *http.Request, u *directory.User) (serial string, err error) {
	if answer := r.PostFormValue("passkey"); answer != "" {
		return c.verifyPasskey(r, u, answer)
	}
	serial = r.PostFormValue("device")
	if serial == "" {
		if codes := withCodes(u); len(codes) > 0 {
			serial = codes[0]
		}
	}
	return serial, c.opts.Directory.VerifyMFA(r.Context(), u.Account(), u.ID, serial, strings.TrimSpace(r.PostFormValue("code")))
}

// withCodes are the serial numbers of the user's devices that show codes.
func withCodes(u *directory.User) []string {
	var serials []string
	for _, d := range u.MFA {
		if !directory.IsPasskey(d.Serial) {
			serials = append(serials, d.Serial)
		}
	}
	return serials
}

// givePassword takes the old password and a new one.
func (c *Console) givePassword(w http.ResponseWriter, r *http.Request) {
	u, in := c.atStep(w, r, stepPassword)
	if u == nil {
		return
	}
	if r.PostFormValue("new") != r.PostFormValue("again") {
		c.askStep(w, r, u, stepPassword, textRetype)
		return
	}
	ctx, d := r.Context(), c.opts.Directory
	old, next := d.Password(seal.NewSecret(r.PostFormValue("old"))), d.Password(seal.NewSecret(r.PostFormValue("new")))
	right, err := old.Is(ctx, u.Password)
	if err == nil && right {
		err = next.Prepare(ctx, d.Snapshot(), u)
	}
	if err != nil {
		c.fail(w, err)
		return
	}
	var changed *directory.User
	update := c.attempt(r, Attempt{What: PasswordUpdated, Account: u.Account(), User: u, Stored: true})
	err = d.Update(ctx, u.Account(), func(tx *directory.Tx) error {
		user, err := tx.UserByID(u.ID)
		if err != nil {
			return err
		}
		changed = user
		if c.opts.Event != nil {
			tx.Remember(update.ID, c.opts.Event(update))
		}
		return tx.ChangePassword(ctx, user, old, next)
	})
	weak, isWeak := errors.AsType[*directory.WeakPassword](err)
	switch {
	case isWeak:
		c.askStep(w, r, u, stepPassword, weakness(weak))
	case errors.Is(err, directory.ErrOldPassword):
		c.refused(r, u.Account(), u, "Failed authentication")
		c.askStep(w, r, u, stepPassword, textWrong)
	case err != nil:
		c.fail(w, err)
	default:
		c.told(update)
		c.next(w, r, changed, directory.SignIn{MFA: in.MFA, Device: in.Device})
	}
}

// weakness says what a new password lacks.
func weakness(e *directory.WeakPassword) string {
	switch {
	case e.Used:
		return "That password was used before. Please choose another one."
	case e.AccountName:
		return "The password must not be the name of the account."
	}
	var lacks []string
	if e.MinimumLength > 0 {
		lacks = append(lacks, fmt.Sprintf("at least %d characters", e.MinimumLength))
	}
	for _, class := range e.Lacks {
		lacks = append(lacks, "at least one "+class)
	}
	return "The new password does not conform to the account's password policy. It needs " + strings.Join(lacks, ", ") + "."
}

// refused tells of an attempt that was refused.
func (c *Console) refused(r *http.Request, account string, u *directory.User, why string) {
	c.tell(r, Attempt{What: SignedIn, Account: account, User: u, Refused: why})
}

func (c *Console) tell(r *http.Request, a Attempt) {
	c.told(c.attempt(r, a))
}

// attempt fills in what the request says of an attempt.
func (c *Console) attempt(r *http.Request, a Attempt) Attempt {
	a.Time, a.Address, a.Agent, a.URL = c.opts.Now(), client(r), r.UserAgent(), scheme(r)+"://"+r.Host+Path
	a.ID = seal.TimeUUID(c.opts.Rand, a.Time)
	return a
}

func (c *Console) told(a Attempt) {
	if c.opts.SignedIn != nil {
		c.opts.SignedIn(a)
	}
}
