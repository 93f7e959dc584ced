package directory

import (
	"context"
	"errors"
	"time"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// roleUse is the last use of a role, noted since the start.
type roleUse struct {
	account, id string
	cell        useCell
}

// Touch notes that a session of a role signs a request now, as
// Credential.Touch does for keys. Of other principals it notes nothing.
func (d *Directory) Touch(p *Principal, now time.Time, service, region string) {
	if p.Role == nil {
		return
	}
	use := p.Session.use.Load()
	if use == nil {
		v, _ := d.use.roles.LoadOrStore(p.Role.ID, &roleUse{account: p.Role.account, id: p.Role.ID})
		use = v.(*roleUse)
		p.Session.use.Store(use)
	}
	d.use.touch(&use.cell, now, service, region)
}

// RoleLastUsed is the last use of a role; ok is false before the first.
func (s *Snapshot) RoleLastUsed(r *Role) (use LastUsed, ok bool, err error) {
	if v, noted := s.d.use.roles.Load(r.ID); noted {
		return s.d.use.unpack(v.(*roleUse).cell.word.Load()), true, nil
	}
	rec := s.look(recordKey(r.account, kindUsed, r.ID))
	if rec == nil {
		return LastUsed{}, false, nil
	}
	stored, err := decode[LastUsed](rec)
	if err != nil {
		return LastUsed{}, false, err
	}
	return *stored, true, nil
}

// flushRoles stores the uses of roles noted since the last call, one after
// another: there are few.
func (d *Directory) flushRoles(ctx context.Context) error {
	var errs []error
	d.use.roles.Range(func(_, v any) bool {
		use := v.(*roleUse)
		w := use.cell.word.Load()
		if w&useDirty == 0 {
			return true
		}
		if err := d.storeRoleUse(ctx, use, w); err != nil {
			errs = append(errs, err)
			return ctx.Err() == nil
		}
		use.cell.word.CompareAndSwap(w, w&^useDirty)
		return true
	})
	return errors.Join(errs...)
}

// storeRoleUse writes the last use of a role that is still there: it relies on
// the record of its name, which stands as long as the role does.
func (d *Directory) storeRoleUse(ctx context.Context, use *roleUse, word uint64) error {
	for range maxAttempts {
		snap := d.Snapshot()
		r, err := snap.RoleByID(use.account, use.id)
		if err != nil {
			d.use.roles.Delete(use.id) // the role is gone
			return nil
		}
		name := snap.get(use.account, kindRoleName, fold(r.Name))
		if name == nil || name.name().id != use.id {
			return nil
		}
		_, err = d.store.Commit(ctx, store.Txn{
			If: []store.Cond{{Key: name.Key, Rev: name.Rev}},
			Do: []store.Op{{Key: recordKey(use.account, kindUsed, use.id), Value: encode(d.use.unpack(word))}},
		})
		conflict, lost := errors.AsType[*store.ConflictError](err)
		if !lost {
			return err
		}
		if err := d.wait(ctx, conflict.Rev); err != nil {
			return err
		}
	}
	return ErrBusy
}
