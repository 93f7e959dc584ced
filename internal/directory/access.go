package directory

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// What a user or role has used is known for AccessFor; by other nodes, and
// after a crash, with a delay of up to accessStored.
const (
	AccessFor    = 400 * 24 * time.Hour
	accessStored = 15 * time.Minute
)

// Access is the last use of a service or an action.
type Access struct {
	Minute int64  `json:"m"` // since 1970
	Region string `json:"r,omitempty"`
}

// Time is when it was.
func (a Access) Time() time.Time { return time.Unix(a.Minute*60, 0).UTC() }

// accessRecord is what a user or role has used: services by their prefix, and
// actions as prefix:Name.
type accessRecord struct {
	Format int               `json:"v"`
	Used   map[string]Access `json:"used"`
}

// lastAction is what credentials were used for last, in one word: while that
// stays the same, within a minute, nothing needs to be noted.
type lastAction struct {
	at atomic.Pointer[noted]
}

type noted struct {
	minute                  int64
	service, action, region string
}

// accessNotes is what a user or role, which acts, has used.
type accessNotes struct {
	account, id string

	mu     sync.Mutex // guards the fields below
	used   map[string]Access
	dirty  bool      // something is to be stored
	fresh  bool      // something among it was not used before
	stored time.Time // when it was stored last
	gone   bool      // no longer in the directory's list
}

// NoteAccess notes that a request of the principal is for a service, by its
// prefix in policies, and, unless it is empty, for an action that is tracked
// (its name alone). Both must be of names that are known: they are kept.
func (d *Directory) NoteAccess(p *Principal, c *Credential, now time.Time, service, action, region string) {
	cell := cellOf(p, c)
	id := p.EntityID()
	if cell == nil || id == "" {
		return
	}
	minute := now.Unix() / 60
	if last := cell.at.Load(); last != nil && last.minute == minute && last.action == action && last.service == service && last.region == region {
		return
	}
	cell.at.Store(&noted{minute, service, action, region})
	for {
		v, ok := d.use.acts.Load(id)
		if !ok {
			used, _ := d.Snapshot().storedAccess(p.Account(), id) // what can't be read is noted anew
			v, _ = d.use.acts.LoadOrStore(id, &accessNotes{account: p.Account(), id: id, used: used, stored: now})
		}
		if v.(*accessNotes).note(Access{minute, region}, service, action) {
			return
		}
	}
}

func cellOf(p *Principal, c *Credential) *lastAction {
	if p.Session != nil {
		return &p.Session.did
	}
	if c.key != nil {
		return &c.key.did
	}
	return nil
}

// EntityID is the unique id of the principal's user or role, the account's of
// root, and empty for a federated user.
func (p *Principal) EntityID() string {
	switch {
	case p.User != nil:
		return p.User.ID
	case p.Role != nil:
		return p.Role.ID
	}
	return ""
}

// note reports whether it was noted: false, where the notes are stored and gone.
func (n *accessNotes) note(a Access, service, action string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.gone {
		return false
	}
	n.add(service, a)
	if action != "" {
		n.add(service+":"+action, a)
	}
	return true
}

func (n *accessNotes) add(name string, a Access) {
	was, known := n.used[name]
	n.dirty, n.fresh = true, n.fresh || !known
	if a.Minute >= was.Minute {
		n.used[name] = a
	}
}

// Accesses is what a user or role has used lately, by service prefix and by
// prefix:Action. It is the caller's.
func (s *Snapshot) Accesses(account, id string) (map[string]Access, error) {
	all, err := s.storedAccess(account, id)
	if err != nil {
		return nil, err
	}
	if v, ok := s.d.use.acts.Load(id); ok {
		n := v.(*accessNotes)
		n.mu.Lock()
		merge(all, n.used)
		n.mu.Unlock()
	}
	oldest := s.d.opts.Now().Add(-AccessFor).Unix() / 60
	maps.DeleteFunc(all, func(_ string, a Access) bool { return a.Minute < oldest })
	return all, nil
}

func (s *Snapshot) storedAccess(account, id string) (map[string]Access, error) {
	stored := accessRecord{Used: map[string]Access{}}
	if rec := s.look(recordKey(account, kindAccess, id)); rec != nil {
		if err := json.Unmarshal(rec.Value, &stored); err != nil {
			return map[string]Access{}, err
		}
	}
	return stored.Used, nil
}

// merge takes over from more what is newer there.
func merge(into, more map[string]Access) {
	for name, a := range more {
		if a.Minute >= into[name].Minute {
			into[name] = a
		}
	}
}

// flushAccess stores what was used since it was stored last: what is new at
// once, what is only newer now and then, and all when the directory is closed.
func (d *Directory) flushAccess(ctx context.Context) error {
	var errs []error
	d.use.acts.Range(func(_, v any) bool {
		if err := d.flushNotes(ctx, v.(*accessNotes)); err != nil {
			errs = append(errs, err)
		}
		return ctx.Err() == nil
	})
	return errors.Join(errs...)
}

func (d *Directory) flushNotes(ctx context.Context, n *accessNotes) error {
	now := d.opts.Now()
	n.mu.Lock()
	late := now.Sub(n.stored) >= accessStored
	due := n.dirty && (n.fresh || late || d.closing.Load())
	if n.gone = late && !n.dirty; n.gone {
		// What comes next begins notes of its own.
		d.use.acts.Delete(n.id)
	}
	used := maps.Clone(n.used)
	n.mu.Unlock()
	if !due {
		return nil
	}
	if err := d.storeAccess(ctx, n.account, n.id, used); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stored, n.fresh, n.dirty = now, len(used) != len(n.used), !maps.Equal(used, n.used)
	return nil
}

// storeAccess adds to what is stored of a user or role that is still there.
func (d *Directory) storeAccess(ctx context.Context, account, id string, used map[string]Access) error {
	for range maxAttempts {
		snap := d.Snapshot()
		kind := kindUser
		if id != account && id[:4] == "AROA" {
			kind = kindRole
		}
		owner := snap.look(recordKey(account, kind, id))
		if owner == nil {
			return nil
		}
		key := recordKey(account, kindAccess, id)
		txn := store.Txn{If: []store.Cond{{Key: owner.Key, Rev: owner.Rev}, {Key: key}}}
		if rec := snap.look(key); rec != nil {
			txn.If[1].Rev = rec.Rev
		}
		all, err := snap.Accesses(account, id)
		if err != nil {
			return err
		}
		merge(all, used)
		txn.Do = []store.Op{{Key: key, Value: encode(&accessRecord{Format: recordFormat, Used: all})}}
		rev, err := d.store.Commit(ctx, txn)
		conflict, lost := errors.AsType[*store.ConflictError](err)
		switch {
		case lost:
			rev = conflict.Rev
		case err != nil:
			return err
		}
		if err := d.seen(ctx, rev); err != nil || !lost {
			return err
		}
	}
	return ErrBusy
}

// look gives the record of a key, or nil, for one who doesn't keep it.
func (s *Snapshot) look(key string) *Record {
	var buf [96]byte
	if e := s.records.find(packKey(buf[:0], []byte(key))); e != nil {
		return e.look()
	}
	return nil
}

// glance decodes the record of a key for one who doesn't keep it; NotFound.
func glance[T any](s *Snapshot, key string) (*T, error) {
	r := s.look(key)
	if r == nil {
		return nil, &NotFound{Kind: "record", Name: key}
	}
	return decode[T](r)
}

// WalkUsers calls fn for all of the account's users, in the order of their
// names, without keeping them in memory.
func (s *Snapshot) WalkUsers(account string, fn func(*User) error) error {
	return walk(s, account, kindUserName, kindUser, fn)
}

// WalkRoles is WalkUsers for roles.
func (s *Snapshot) WalkRoles(account string, fn func(*Role) error) error {
	return walk(s, account, kindRoleName, kindRole, fn)
}

func walk[T any](s *Snapshot, account, nameKind, kind string, fn func(*T) error) error {
	var failed error
	err := named(s, account, nameKind, kind, "", "", func(v *T) bool {
		failed = fn(v)
		return failed == nil
	})
	return cmp.Or(failed, err)
}

// KeyLastUsed is the last use of a user's access key; ok is false before the first.
func (s *Snapshot) KeyLastUsed(account, keyID string) (use LastUsed, ok bool, err error) {
	if r := s.look(recordKey(account, kindKey, keyID)); r != nil {
		if key, warm := r.decoded.Load().(*keyRecord); warm {
			if w := key.used.word.Load(); w != 0 {
				return s.d.use.unpack(w), true, nil
			}
		}
	}
	r := s.look(recordKey(account, kindUsed, keyID))
	if r == nil {
		return LastUsed{}, false, nil
	}
	err = json.Unmarshal(r.Value, &use)
	return use, err == nil, err
}

func (c *Checker) checkAccess(rec *Record, account, id string) {
	c.readable(rec, new(accessRecord))
	if c.records[recordKey(account, kindUser, id)] == nil && c.records[recordKey(account, kindRole, id)] == nil {
		c.wrong(rec.Key, "there is no user or role %s", id)
	}
}
