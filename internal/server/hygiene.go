package server

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/sallyport-iam/sallyport/internal/directory"
)

// maxKeyAge is the greatest age of access keys that can be set, in days.
const maxKeyAge = 3650

// SetKeyMaxAge sets after how many days the access keys of an account's users
// expire; 0 means never.
func SetKeyMaxAge(ctx context.Context, cfg Config, id string, days int) (AccountInfo, error) {
	q := url.Values{"id": {id}, "days": {strconv.Itoa(days)}}
	return onFolder(ctx, cfg, "/account/key-max-age?"+q.Encode(), nil, func(d *dataFolder) (AccountInfo, error) {
		return d.setKeyMaxAge(ctx, cfg, id, days)
	})
}

// QuotaInfo is a limit of an account.
type QuotaInfo struct {
	Name    string `json:"name"`
	Limit   int    `json:"limit"`
	Default int    `json:"default"`       // AWS's
	Own     bool   `json:"own,omitempty"` // set for this account
}

// SetQuotas sets quotas of an account by their names, nil to that of the
// deployment, and gives all that the account then has in the order of their
// names. All or none are set.
func SetQuotas(ctx context.Context, cfg Config, id string, quotas map[string]*int) ([]QuotaInfo, error) {
	body, err := json.Marshal(quotas)
	if err != nil {
		return nil, err
	}
	q := url.Values{"id": {id}}
	return onFolder(ctx, cfg, "/account/quota?"+q.Encode(), body, func(d *dataFolder) ([]QuotaInfo, error) {
		return d.setQuotas(ctx, id, quotas)
	})
}

// maxTrailDays is how many days events can be kept.
const maxTrailDays = 36500

// SetTrailDays sets how many days an account's events are kept; 0 means as many
// as the server's configuration says.
func SetTrailDays(ctx context.Context, cfg Config, id string, days int) (AccountInfo, error) {
	q := url.Values{"id": {id}, "days": {strconv.Itoa(days)}}
	return onFolder(ctx, cfg, "/account/trail-days?"+q.Encode(), nil, func(d *dataFolder) (AccountInfo, error) {
		return d.setTrailDays(ctx, cfg, id, days)
	})
}

// DelegationToken is the token of a delegation request that has been sent, for
// the account that made the request.
func DelegationToken(ctx context.Context, cfg Config, id string) (string, error) {
	q := url.Values{"id": {id}}
	return onFolder(ctx, cfg, "/delegation/token?"+q.Encode(), nil, func(d *dataFolder) (string, error) {
		return d.dir.TradeInToken(id)
	})
}

func (s *Server) hygieneControl(mux *http.ServeMux) {
	days := func(set func(ctx context.Context, cfg Config, id string, days int) (AccountInfo, error)) func(r *http.Request) (AccountInfo, error) {
		return func(r *http.Request) (AccountInfo, error) {
			n, err := strconv.Atoi(r.URL.Query().Get("days"))
			if err != nil {
				return AccountInfo{}, err
			}
			return set(context.WithoutCancel(r.Context()), s.cfg, r.URL.Query().Get("id"), n)
		}
	}
	mux.Handle("POST /account/key-max-age", answerControl(s, "setting the greatest age of access keys", days(s.data.setKeyMaxAge)))
	mux.Handle("POST /account/trail-days", answerControl(s, "setting how long events are kept", days(s.setTrailDays)))
	mux.Handle("POST /account/quota", answerControl(s, "setting quotas of an account", func(r *http.Request) ([]QuotaInfo, error) {
		var quotas map[string]*int
		if err := json.NewDecoder(r.Body).Decode(&quotas); err != nil {
			return nil, err
		}
		return s.data.setQuotas(context.WithoutCancel(r.Context()), r.URL.Query().Get("id"), quotas)
	}))
	mux.Handle("POST /delegation/token", answerControl(s, "giving out a delegation token", func(r *http.Request) (string, error) {
		return s.data.dir.TradeInToken(r.URL.Query().Get("id"))
	}))
}

func checkKeyMaxAge(days int) error {
	if days < 0 || days > maxKeyAge {
		return fmt.Errorf("an age of %d days is not 0 to %d", days, maxKeyAge)
	}
	return nil
}

func (d *dataFolder) setKeyMaxAge(ctx context.Context, cfg Config, id string, days int) (AccountInfo, error) {
	if err := checkKeyMaxAge(days); err != nil {
		return AccountInfo{}, err
	}
	return d.changeAccount(ctx, cfg, id, func(tx *directory.Tx) error { return tx.SetKeyMaxAge(days) })
}

func (d *dataFolder) setTrailDays(ctx context.Context, cfg Config, id string, days int) (AccountInfo, error) {
	if days < 0 || days > maxTrailDays {
		return AccountInfo{}, fmt.Errorf("%d days are not 0 to %d", days, maxTrailDays)
	}
	return d.changeAccount(ctx, cfg, id, func(tx *directory.Tx) error { return tx.SetTrailDays(days) })
}

// setTrailDays does so of a running server, which lets go at once what is too old.
func (s *Server) setTrailDays(ctx context.Context, cfg Config, id string, days int) (AccountInfo, error) {
	a, err := s.data.setTrailDays(ctx, cfg, id, days)
	if err != nil {
		return a, err
	}
	return a, s.trail.expire(ctx)
}

func (d *dataFolder) changeAccount(ctx context.Context, cfg Config, id string, fn func(tx *directory.Tx) error) (AccountInfo, error) {
	if a, err := d.dir.Snapshot().Account(id); err != nil || a == nil {
		return AccountInfo{}, cmp.Or(err, fmt.Errorf("there is no account %s", id))
	}
	if err := d.dir.Update(ctx, id, fn); err != nil {
		return AccountInfo{}, err
	}
	return d.account(cfg, id)
}

func (d *dataFolder) setQuotas(ctx context.Context, id string, quotas map[string]*int) ([]QuotaInfo, error) {
	if a, err := d.dir.Snapshot().Account(id); err != nil || a == nil {
		return nil, cmp.Or(err, fmt.Errorf("there is no account %s", id))
	}
	err := d.dir.Update(ctx, id, func(tx *directory.Tx) error {
		for _, name := range slices.Sorted(maps.Keys(quotas)) {
			if err := tx.SetQuota(name, quotas[name]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s, defaults := d.dir.Snapshot(), directory.Quotas()
	a, err := s.Account(id)
	if err != nil || a == nil {
		return nil, cmp.Or(err, fmt.Errorf("account %s is gone", id))
	}
	all := []QuotaInfo{}
	for _, name := range slices.Sorted(maps.Keys(defaults)) {
		_, own := a.Quotas[name]
		all = append(all, QuotaInfo{name, s.Quota(id, name), defaults[name], own})
	}
	return all, nil
}
