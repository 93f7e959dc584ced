package server

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/seal"
)

// ImportKeys gives users access keys that exist elsewhere. The file has a line
// for each: the user's name, the access key id and the secret, with commas
// between them. All or none are imported of one user; an access key that is
// there with this secret stays.
func ImportKeys(ctx context.Context, cfg Config, file []byte, account string) (Imported, error) {
	q := url.Values{"account": {account}}
	return onFolder(ctx, cfg, "/import-keys?"+q.Encode(), file, func(d *dataFolder) (Imported, error) {
		return d.importKeys(ctx, account, file)
	})
}

// givenAccessKey is a line of the file.
type givenAccessKey struct {
	user, id string
	secret   seal.Secret
}

// readKeys reads the file. What it says of a line that is wrong repeats no secret.
func readKeys(file []byte) ([]givenAccessKey, error) {
	r := csv.NewReader(bytes.NewReader(file))
	r.FieldsPerRecord, r.Comment, r.TrimLeadingSpace = -1, '#', true
	lines, err := r.ReadAll()
	if err != nil {
		return nil, errors.New("the file of access keys is not of lines NAME,ACCESS KEY ID,SECRET")
	}
	var keys []givenAccessKey
	for n, f := range lines {
		switch {
		case n == 0 && len(f) == 3 && strings.EqualFold(strings.ReplaceAll(f[1], " ", ""), "AccessKeyId"):
			continue // the names of the columns
		case len(f) != 3 || f[0] == "" || !givenKeyID.MatchString(f[1]) || len(f[2]) < 16 || len(f[2]) > 128:
			return nil, fmt.Errorf("access key %d of the file: want NAME,ACCESS KEY ID,SECRET with an id of 16 to 128 letters, digits and underscores and a secret of 16 to 128 characters", n+1)
		}
		keys = append(keys, givenAccessKey{f[0], f[1], seal.NewSecret(f[2])})
	}
	return keys, nil
}

func (d *dataFolder) importKeys(ctx context.Context, account string, file []byte) (Imported, error) {
	a, err := d.accountNamed(account)
	if err != nil {
		return Imported{}, err
	}
	keys, err := readKeys(file)
	if err != nil {
		return Imported{}, err
	}
	i := importer{dir: d.dir, account: a.ID, done: Imported{Account: a.ID}}
	for _, k := range keys {
		i.entity(ctx, "access key "+k.id+" of user "+k.user, func(tx *directory.Tx) (bool, error) {
			u, err := tx.User(k.user)
			if err != nil {
				return false, err
			}
			return tx.GiveKey(u, k.id, k.secret)
		})
	}
	return i.done, nil
}
