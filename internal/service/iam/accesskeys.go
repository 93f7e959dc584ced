package iam

import (
	"context"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	api "github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/service"
)

func (s *Service) accessKeyOperations() []service.Operation {
	return []service.Operation{
		op("CreateAccessKey", s.CreateAccessKey),
		op("ListAccessKeys", s.ListAccessKeys),
		op("UpdateAccessKey", s.UpdateAccessKey),
		op("DeleteAccessKey", s.DeleteAccessKey),
		op("GetAccessKeyLastUsed", s.GetAccessKeyLastUsed, actsOnKeyOwner),
	}
}

const (
	active   = "Active"
	inactive = "Inactive"
)

// keyStatus is the status of a user's key: one that has expired is inactive.
func (s *Service) keyStatus(snap *directory.Snapshot, u *directory.User, k directory.AccessKey) string {
	return statusOf(!snap.KeyActive(u, k, s.dir.Now()))
}

// userNameOut is the UserName of an answer about a user's keys: root has none.
func userNameOut(u *directory.User) string {
	if u.Root() {
		return ""
	}
	return u.Name
}

// CreateAccessKey makes a key for the named user, or for the caller where
// UserName is absent. Its secret is in this answer and nowhere else after it.
func (s *Service) CreateAccessKey(ctx context.Context, c *service.Caller, in *api.CreateAccessKeyRequest) (*api.CreateAccessKeyResponse, error) {
	secret := seal.SecretKey(s.rand)
	var owner *directory.User
	var key directory.AccessKey
	err := s.withUser(ctx, c, in.UserName, func(tx *directory.Tx, u *directory.User) (err error) {
		owner = u
		key, err = tx.AddAccessKey(u, secret)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateAccessKeyResponse{AccessKey: &api.AccessKey{
		UserName: userNameOut(owner), AccessKeyId: key.ID, Status: active,
		SecretAccessKey: secret.Reveal(), CreateDate: key.Created,
	}}, nil
}

// ListAccessKeys lists the keys of the named user, or of the caller.
func (s *Service) ListAccessKeys(_ context.Context, c *service.Caller, in *api.ListAccessKeysRequest) (*api.ListAccessKeysResponse, error) {
	u, err := user(c, in.UserName)
	if err != nil {
		return nil, awsError(err)
	}
	p, err := pageOf("ListAccessKeys", in.Marker, in.MaxItems, u.Keys,
		func(k directory.AccessKey) string { return k.ID },
		func(k directory.AccessKey) api.AccessKeyMetadata {
			return api.AccessKeyMetadata{UserName: userNameOut(u), AccessKeyId: k.ID, Status: s.keyStatus(c.Snapshot, u, k), CreateDate: k.Created}
		})
	if err != nil {
		return nil, err
	}
	return &api.ListAccessKeysResponse{AccessKeyMetadata: p.items, IsTruncated: &p.more, Marker: p.marker()}, nil
}

// UpdateAccessKey makes a key active or inactive.
func (s *Service) UpdateAccessKey(ctx context.Context, c *service.Caller, in *api.UpdateAccessKeyRequest) (*nothing, error) {
	if err := settable(in.Status); err != nil {
		return nil, err
	}
	return nil, s.withUser(ctx, c, in.UserName, func(tx *directory.Tx, u *directory.User) error {
		return tx.SetKeyStatus(u, in.AccessKeyId, in.Status == active)
	})
}

// DeleteAccessKey deletes a key for good.
func (s *Service) DeleteAccessKey(ctx context.Context, c *service.Caller, in *api.DeleteAccessKeyRequest) (*nothing, error) {
	return nil, s.withUser(ctx, c, in.UserName, func(tx *directory.Tx, u *directory.User) error {
		return tx.DeleteKey(u, in.AccessKeyId)
	})
}

// GetAccessKeyLastUsed tells when a key of the account last signed a request.
func (s *Service) GetAccessKeyLastUsed(_ context.Context, c *service.Caller, in *api.GetAccessKeyLastUsedRequest) (*api.GetAccessKeyLastUsedResponse, error) {
	cred, err := keyOfAccount(c, in.AccessKeyId)
	if err != nil {
		return nil, err
	}
	out := &api.AccessKeyLastUsed{ServiceName: "N/A", Region: "N/A"}
	use, used, err := cred.LastUsed(c.Snapshot)
	if err != nil {
		return nil, err
	}
	if used {
		*out = api.AccessKeyLastUsed{LastUsedDate: use.Time, ServiceName: use.Service, Region: use.Region}
	}
	return &api.GetAccessKeyLastUsedResponse{UserName: userNameOut(cred.Owner), AccessKeyLastUsed: out}, nil
}

// keyOfAccount finds a key of the caller's account. Any other id is denied,
// even to an administrator, in words of its own (docs/facts, 3.1).
func keyOfAccount(c *service.Caller, id string) (directory.Credential, error) {
	cred, ok, err := c.Snapshot.Credential(id)
	if err != nil {
		return cred, err
	}
	if !ok || cred.Owner.Account() != c.Account() {
		return cred, awsapi.AccessDenied.New("User: %s is not authorized to perform iam:GetAccessKeyLastUsed on resource: access key %s", c.ARN(), id)
	}
	return cred, nil
}

// actsOnKeyOwner: the resource is the user whose key the request names.
func actsOnKeyOwner(o *service.Operation) {
	o.Targets = func(c *service.Caller, in any) ([]service.Target, error) {
		cred, err := keyOfAccount(c, in.(*api.GetAccessKeyLastUsedRequest).AccessKeyId)
		if err != nil {
			return nil, err
		}
		return []service.Target{{ARN: cred.Owner.ARN(), Tags: cred.Owner.Tags}}, nil
	}
}
