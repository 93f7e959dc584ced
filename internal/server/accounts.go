package server

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/seal"
)

// accountsFolder holds, in the data folder, a folder for each account but the
// first with its root user's credentials.
const accountsFolder = "accounts"

// AccountInfo is what is told of an account.
type AccountInfo struct {
	ID           string    `json:"id"`
	Name         string    `json:"name,omitempty"`
	Email        string    `json:"email"`
	Alias        string    `json:"alias,omitempty"`
	Created      time.Time `json:"created"`
	Closed       time.Time `json:"closed,omitzero"`
	First        bool      `json:"first,omitempty"`        // made by the first start
	Organization string    `json:"organization,omitempty"` // id of the organization that it is in
	Users        int       `json:"users"`
	RootKeys     []string  `json:"rootKeys,omitempty"` // ids
	// KeyFile and PasswordFile are the files with the root user's credentials,
	// relative to the data folder; empty where there are none.
	KeyFile      string `json:"keyFile,omitempty"`
	PasswordFile string `json:"passwordFile,omitempty"`
}

// NewAccount says what account to make. Empty members have a default: a random
// id, and an email made of it.
type NewAccount struct{ ID, Name, Email string }

// CreateAccount makes an account with a root user, whose access key and password
// are in files of the data folder. It asks the server that runs on the folder
// or, where none runs, makes it there directly.
func CreateAccount(ctx context.Context, cfg Config, n NewAccount) (AccountInfo, error) {
	q := url.Values{"id": {n.ID}, "name": {n.Name}, "email": {n.Email}}
	return onFolder(ctx, cfg, "/account/create?"+q.Encode(), nil, func(d *dataFolder) (AccountInfo, error) {
		return d.createAccount(ctx, cfg, n)
	})
}

// Accounts tells of all accounts, in the order of their ids.
func Accounts(ctx context.Context, cfg Config) ([]AccountInfo, error) {
	return onFolder(ctx, cfg, "/account/list", nil, func(d *dataFolder) ([]AccountInfo, error) { return d.accounts(cfg) })
}

// DeleteAccount deletes an account with all that it has.
func DeleteAccount(ctx context.Context, cfg Config, id string) (AccountInfo, error) {
	q := url.Values{"id": {id}}
	return onFolder(ctx, cfg, "/account/delete?"+q.Encode(), nil, func(d *dataFolder) (AccountInfo, error) {
		return d.deleteAccount(ctx, cfg, id)
	})
}

// ResetRoot gives an account's root user a new access key, in place of all that
// it has, and a new password.
func ResetRoot(ctx context.Context, cfg Config, id string) (AccountInfo, error) {
	q := url.Values{"id": {id}}
	return onFolder(ctx, cfg, "/account/reset-root?"+q.Encode(), nil, func(d *dataFolder) (AccountInfo, error) {
		return d.resetRoot(ctx, cfg, id)
	})
}

// onFolder has a command carried out by the server that runs on the data folder
// or, where none runs, by fn on the folder itself.
func onFolder[T any](ctx context.Context, cfg Config, command string, body []byte, fn func(*dataFolder) (T, error)) (out T, err error) {
	answer, err := sendServer(ctx, cfg.Data, command, bytes.NewReader(body))
	if err == nil {
		defer answer.Close()
		return out, json.NewDecoder(answer).Decode(&out)
	}
	if !errors.Is(err, errNotRunning) {
		return out, err
	}
	if err := needStore(cfg.Data); err != nil {
		return out, err
	}
	d, err := openData(ctx, cfg)
	if err != nil {
		return out, err
	}
	out, err = fn(d)
	return out, errors.Join(err, d.close(ctx))
}

// answerControl answers a command with what fn gives, or one line of text.
func answerControl[T any](s *Server, what string, fn func(r *http.Request) (T, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		out, err := fn(r)
		if err != nil {
			s.cfg.Log.Error(what+" was refused", "error", err)
			http.Error(w, strings.ReplaceAll(err.Error(), "\n", "; "), http.StatusConflict)
			return
		}
		text, err := asWritten(out, "")
		if err == nil {
			_, err = w.Write(text)
		}
		if err != nil {
			s.cfg.Log.Error(what+": the answer was not sent", "error", err)
		}
	}
}

// accountControl are the commands on accounts. One that has begun goes on,
// whether or not anyone waits for it.
func (s *Server) accountControl(mux *http.ServeMux) {
	arg := func(r *http.Request, name string) string { return r.URL.Query().Get(name) }
	mux.Handle("POST /account/create", answerControl(s, "making an account", func(r *http.Request) (AccountInfo, error) {
		return s.data.createAccount(context.WithoutCancel(r.Context()), s.cfg, NewAccount{arg(r, "id"), arg(r, "name"), arg(r, "email")})
	}))
	mux.Handle("POST /account/list", answerControl(s, "listing accounts", func(*http.Request) ([]AccountInfo, error) {
		return s.data.accounts(s.cfg)
	}))
	mux.Handle("POST /account/delete", answerControl(s, "deleting an account", func(r *http.Request) (AccountInfo, error) {
		return s.data.deleteAccount(context.WithoutCancel(r.Context()), s.cfg, arg(r, "id"))
	}))
	mux.Handle("POST /account/reset-root", answerControl(s, "resetting a root user", func(r *http.Request) (AccountInfo, error) {
		return s.data.resetRoot(context.WithoutCancel(r.Context()), s.cfg, arg(r, "id"))
	}))
}

func (d *dataFolder) createAccount(ctx context.Context, cfg Config, n NewAccount) (AccountInfo, error) {
	switch {
	case n.ID != "" && !accountID.MatchString(n.ID):
		return AccountInfo{}, fmt.Errorf("account id %q is not 12 digits", n.ID)
	case n.Name == "" || len(n.Name) > 50:
		return AccountInfo{}, fmt.Errorf("account name %q is not 1 to 50 characters", n.Name)
	case d.dir.Snapshot().FirstAccount() == "":
		return AccountInfo{}, errors.New("the first account is made by the first start: run sallyport serve once")
	}
	d.making.Lock()
	defer d.making.Unlock()
	id := n.ID
	if id == "" {
		id = seal.AccountID(cfg.Rand)
	}
	if a, err := d.dir.Snapshot().Account(id); err != nil || a != nil {
		return AccountInfo{}, cmp.Or(err, fmt.Errorf("account %s exists already", id))
	}
	root, hash, err := newRoot(cfg, id, cmp.Or(n.Email, "root+"+id+"@localhost"))
	if err != nil {
		return AccountInfo{}, err
	}
	err = d.dir.Update(ctx, id, func(tx *directory.Tx) error {
		if err := tx.AddAccount(id, n.Name, root.Email, hash); err != nil {
			return err
		}
		return tx.AddRootKey(root.KeyID, root.Secret)
	})
	if err != nil {
		os.RemoveAll(filepath.Join(cfg.Data, accountsFolder, id))
		return AccountInfo{}, fmt.Errorf("make the account: %w", err)
	}
	cfg.Log.Info("an account was made", "account", id)
	return d.account(cfg, id)
}

// newRoot makes credentials of a root user and writes their files, before they
// are in force: what is cut short has harmed nothing.
func newRoot(cfg Config, id, email string) (RootCredentials, string, error) {
	dir := filepath.Join(cfg.Data, accountsFolder, id)
	root := RootCredentials{
		Email: email, Password: seal.Password(cfg.Rand), PasswordFile: filepath.Join(dir, rootPasswordFile),
		KeyID: seal.AccessKeyID(cfg.Rand, "AKIA", id), Secret: seal.SecretKey(cfg.Rand), KeyFile: filepath.Join(dir, rootKeyFile),
	}
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		err = writePrivate(root.KeyFile, "AWSAccessKeyId="+root.KeyID+"\nAWSSecretKey="+root.Secret.Reveal()+"\n")
	}
	if err == nil {
		err = writePrivate(root.PasswordFile, "Email="+email+"\nPassword="+root.Password.Reveal()+"\n")
	}
	if err != nil {
		return RootCredentials{}, "", fmt.Errorf("write the root user's credentials: %w", err)
	}
	return root, seal.HashGenerated(cfg.Rand, root.Password), nil
}

func (d *dataFolder) resetRoot(ctx context.Context, cfg Config, id string) (AccountInfo, error) {
	a, err := d.dir.Snapshot().Account(id)
	if err != nil || a == nil {
		return AccountInfo{}, cmp.Or(err, fmt.Errorf("there is no account %s", id))
	}
	d.making.Lock()
	defer d.making.Unlock()
	root, hash, err := newRoot(cfg, id, a.Email)
	if err != nil {
		return AccountInfo{}, err
	}
	err = d.dir.Update(ctx, id, func(tx *directory.Tx) error {
		if err := tx.ResetRootKeys(); err != nil {
			return err
		}
		if err := tx.SetRootPassword(hash); err != nil {
			return err
		}
		return tx.AddRootKey(root.KeyID, root.Secret)
	})
	if err != nil {
		return AccountInfo{}, err
	}
	for _, old := range []string{rootKeyFile, rootPasswordFile} {
		if d.dir.Snapshot().FirstAccount() == id { // what it says is no longer so
			os.Remove(filepath.Join(cfg.Data, old))
		}
	}
	cfg.Log.Info("a root user has new credentials", "account", id)
	return d.account(cfg, id)
}

func (d *dataFolder) deleteAccount(ctx context.Context, cfg Config, id string) (AccountInfo, error) {
	d.making.Lock()
	defer d.making.Unlock()
	a, err := d.account(cfg, id)
	if err != nil {
		return a, err
	}
	if err := d.dir.DeleteAccount(ctx, id); err != nil {
		return a, fmt.Errorf("account %s can't be deleted: %w", id, err)
	}
	if err := os.RemoveAll(filepath.Join(cfg.Data, accountsFolder, id)); err != nil {
		return a, cause(err)
	}
	cfg.Log.Info("an account was deleted", "account", id)
	return a, nil
}

func (d *dataFolder) accounts(cfg Config) ([]AccountInfo, error) {
	all := []AccountInfo{}
	for _, id := range d.dir.Snapshot().Accounts() {
		a, err := d.account(cfg, id)
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, nil
}

func (d *dataFolder) account(cfg Config, id string) (AccountInfo, error) {
	s := d.dir.Snapshot()
	a, err := s.Account(id)
	if err != nil || a == nil {
		return AccountInfo{}, cmp.Or(err, fmt.Errorf("there is no account %s", id))
	}
	info := AccountInfo{
		ID: id, Name: a.Name, Email: a.Email, Alias: a.Alias, Created: a.Created, Closed: a.Closed, First: s.FirstAccount() == id,
	}
	o, err := s.Organization(id)
	if err != nil {
		return info, err
	}
	if o != nil {
		info.Organization = o.ID
	}
	n, err := s.Counts(id)
	if err != nil {
		return info, err
	}
	info.Users = n.Users
	root, err := s.UserByID(id, id)
	if err != nil {
		return info, err
	}
	for _, k := range root.Keys {
		info.RootKeys = append(info.RootKeys, k.ID)
	}
	info.KeyFile, info.PasswordFile = rootFile(cfg, info, rootKeyFile), rootFile(cfg, info, rootPasswordFile)
	return info, nil
}

// rootFile is where an account's file stands in the data folder, or "".
func rootFile(cfg Config, a AccountInfo, name string) string {
	path := filepath.Join(accountsFolder, a.ID, name)
	if existing(filepath.Join(cfg.Data, path)) != "" {
		return path
	}
	if a.First && existing(filepath.Join(cfg.Data, name)) != "" {
		return name
	}
	return ""
}

// limited reads all of a command's body, up to a bound.
func limited(r io.Reader, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("more than %d bytes", limit)
	}
	return b, err
}
