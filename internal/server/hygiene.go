package server

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
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

// DelegationToken is the token of a delegation request that has been sent, for
// the account that made the request.
func DelegationToken(ctx context.Context, cfg Config, id string) (string, error) {
	q := url.Values{"id": {id}}
	return onFolder(ctx, cfg, "/delegation/token?"+q.Encode(), nil, func(d *dataFolder) (string, error) {
		return d.dir.TradeInToken(id)
	})
}

func (s *Server) hygieneControl(mux *http.ServeMux) {
	mux.Handle("POST /account/key-max-age", answerControl(s, "setting the greatest age of access keys", func(r *http.Request) (AccountInfo, error) {
		days, err := strconv.Atoi(r.URL.Query().Get("days"))
		if err != nil {
			return AccountInfo{}, err
		}
		return s.data.setKeyMaxAge(context.WithoutCancel(r.Context()), s.cfg, r.URL.Query().Get("id"), days)
	}))
	mux.Handle("POST /delegation/token", answerControl(s, "giving out a delegation token", func(r *http.Request) (string, error) {
		return s.data.dir.TradeInToken(r.URL.Query().Get("id"))
	}))
}

func (d *dataFolder) setKeyMaxAge(ctx context.Context, cfg Config, id string, days int) (AccountInfo, error) {
	if days < 0 || days > maxKeyAge {
		return AccountInfo{}, fmt.Errorf("an age of %d days is not 0 to %d", days, maxKeyAge)
	}
	if a, err := d.dir.Snapshot().Account(id); err != nil || a == nil {
		return AccountInfo{}, cmp.Or(err, fmt.Errorf("there is no account %s", id))
	}
	if err := d.dir.Update(ctx, id, func(tx *directory.Tx) error { return tx.SetKeyMaxAge(days) }); err != nil {
		return AccountInfo{}, err
	}
	return d.account(cfg, id)
}
