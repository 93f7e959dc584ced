package directory

import (
	"strings"
	"time"
	"unicode/utf8"
)

// PasswordPolicy are an account's rules for the console passwords of its users.
// They don't bind the root user.
type PasswordPolicy struct {
	MinimumLength int  `json:"min"` // in characters
	Symbols       bool `json:"symbols,omitempty"`
	Numbers       bool `json:"numbers,omitempty"`
	Uppercase     bool `json:"upper,omitempty"`
	Lowercase     bool `json:"lower,omitempty"`
	// UsersMayChange allows every user iam:ChangePassword and
	// iam:GetAccountPasswordPolicy, unless a policy denies it.
	UsersMayChange bool `json:"mayChange,omitempty"`
	MaxAge         int  `json:"maxAge,omitempty"`     // in days; 0 means for ever
	Reuse          int  `json:"reuse,omitempty"`      // how many of the last passwords are refused
	HardExpiry     bool `json:"hardExpiry,omitempty"` // who signs in too late can't change the password
}

// What a password lacks, as WeakPassword says it.
const (
	LacksUppercase = "uppercase letter"
	LacksLowercase = "lowercase letter"
	LacksNumber    = "number"
	LacksSymbol    = "symbol"
)

// WeakPassword: a password breaks the account's rules, or AWS's default ones.
type WeakPassword struct {
	MinimumLength int      // where it is too short, else 0
	Lacks         []string // classes of characters
	Of            int      // how many of Lacks are needed
	AccountName   bool     // it is the account's name or e-mail address
	Used          bool     // it is one of the last ones
}

func (e *WeakPassword) Error() string { return "password breaks the account's password policy" }

// passwordSymbols are what counts as a symbol (docs/facts, 11.4).
const passwordSymbols = "!@#$%^&*()_+-=[]{}|'"

// defaultMinimum and defaultClasses are the rules of an account that has none
// of its own: as many characters, of as many classes.
const (
	defaultMinimum = 8
	defaultClasses = 3
)

// check says in what the password breaks the account's rules, or nil.
func (a *Account) check(password string) *WeakPassword {
	p := a.Passwords
	minimum := defaultMinimum
	if p != nil {
		minimum = p.MinimumLength
	}
	weak := &WeakPassword{}
	if utf8.RuneCountInString(password) < minimum {
		weak.MinimumLength = minimum
	}
	classes := []struct {
		required func(*PasswordPolicy) bool
		lacks    string
		in       func(r rune) bool
	}{
		{func(p *PasswordPolicy) bool { return p.Uppercase }, LacksUppercase, func(r rune) bool { return r >= 'A' && r <= 'Z' }},
		{func(p *PasswordPolicy) bool { return p.Lowercase }, LacksLowercase, func(r rune) bool { return r >= 'a' && r <= 'z' }},
		{func(p *PasswordPolicy) bool { return p.Numbers }, LacksNumber, func(r rune) bool { return r >= '0' && r <= '9' }},
		{func(p *PasswordPolicy) bool { return p.Symbols }, LacksSymbol, func(r rune) bool { return strings.ContainsRune(passwordSymbols, r) }},
	}
	for _, c := range classes {
		if (p == nil || c.required(p)) && !strings.ContainsFunc(password, c.in) {
			weak.Lacks = append(weak.Lacks, c.lacks)
		}
	}
	weak.Of = len(weak.Lacks)
	if p == nil {
		weak.Of = max(0, len(weak.Lacks)-(len(classes)-defaultClasses))
		weak.AccountName = password != "" && (strings.EqualFold(password, a.Alias) || strings.EqualFold(password, a.Email))
	}
	if weak.MinimumLength == 0 && weak.Of == 0 && !weak.AccountName {
		return nil
	}
	return weak
}

// SetPasswordPolicy gives the account those rules in place of what it has; nil
// takes them away, or says NotFound where there are none.
func (tx *Tx) SetPasswordPolicy(p *PasswordPolicy) error {
	a, err := tx.accountRecord()
	if err != nil {
		return err
	}
	if p == nil && a.Passwords == nil {
		return &NotFound{Kind: KindPasswordRules, Name: tx.account}
	}
	a.Passwords = p
	tx.put(accountKey(tx.account), encode(a))
	return nil
}

const day = 24 * time.Hour

// PasswordExpires is when the user's password expires; ok is false where it
// never does. Expiry ends sign-in with the password, not the user's keys.
func (s *Snapshot) PasswordExpires(u *User) (at time.Time, ok bool, err error) {
	a, err := s.Account(u.account)
	if err != nil || a == nil || a.Passwords == nil || a.Passwords.MaxAge == 0 || u.Root() || u.Password == "" {
		return time.Time{}, false, err
	}
	return u.PasswordChanged.Add(time.Duration(a.Passwords.MaxAge) * day), true, nil
}

// ownPasswordPolicy is what AllowUsersToChangePassword grants. ChangePassword
// acts on nobody but its caller.
const ownPasswordPolicy = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["iam:ChangePassword","iam:GetAccountPasswordPolicy"],"Resource":"*"}}`

// mayChangePassword reports whether the account's rules allow that to its users.
func (s *Snapshot) mayChangePassword(u *User) bool {
	if u.Root() {
		return false
	}
	a, err := s.Account(u.account)
	return err == nil && a != nil && a.Passwords != nil && a.Passwords.UsersMayChange
}
