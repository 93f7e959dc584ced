package iam

import (
	"context"
	"errors"
	"io"

	api "github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/federation"
	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/service"
)

func (s *Service) issuerOperations() []service.Operation {
	return []service.Operation{
		op("EnableOutboundWebIdentityFederation", s.EnableOutboundWebIdentityFederation),
		op("DisableOutboundWebIdentityFederation", s.DisableOutboundWebIdentityFederation),
		op("GetOutboundWebIdentityFederationInfo", s.GetOutboundWebIdentityFederationInfo),
	}
}

// newIssuerKeys makes a key for each of those algorithms.
func newIssuerKeys(random io.Reader, algorithms []string) ([]directory.NewIssuerKey, error) {
	var keys []directory.NewIssuerKey
	for _, algorithm := range algorithms {
		private, public, err := federation.NewSigningKey(random, algorithm)
		if err != nil {
			return nil, err
		}
		keys = append(keys, directory.NewIssuerKey{Algorithm: algorithm, Public: public, Private: seal.NewSecret(string(private))})
	}
	return keys, nil
}

// EnableOutboundWebIdentityFederation lets the account's principals get tokens
// for services elsewhere.
func (s *Service) EnableOutboundWebIdentityFederation(ctx context.Context, c *service.Caller, _ *api.EnableOutboundWebIdentityFederationRequest) (*api.EnableOutboundWebIdentityFederationResponse, error) {
	keys, err := newIssuerKeys(s.rand, federation.IssuerAlgorithms()) // outside the transaction, which may run again
	if err != nil {
		return nil, err
	}
	err = s.update(ctx, c, func(tx *directory.Tx) error { return tx.EnableIssuer(keys) })
	if errors.Is(err, directory.ErrIssuerEnabled) {
		return nil, api.FeatureEnabled.New("The request failed because outbound identity federation is already enabled for your Amazon Web Services account. You cannot enable the feature multiple times.")
	}
	if err != nil {
		return nil, err
	}
	return &api.EnableOutboundWebIdentityFederationResponse{IssuerIdentifier: s.dir.IssuerURL(c.Account())}, nil
}

func errIssuerDisabled() error {
	return api.FeatureDisabled.New("The request failed because outbound identity federation is already disabled for your Amazon Web Services account. You cannot disable the feature multiple times.")
}

// DisableOutboundWebIdentityFederation ends that. Tokens that were issued stay
// good until they expire.
func (s *Service) DisableOutboundWebIdentityFederation(ctx context.Context, c *service.Caller, _ *api.DisableOutboundWebIdentityFederationRequest) (*nothing, error) {
	err := s.update(ctx, c, func(tx *directory.Tx) error { return tx.DisableIssuer() })
	if errors.Is(err, directory.ErrIssuerDisabled) {
		return nil, errIssuerDisabled()
	}
	return nil, err
}

// GetOutboundWebIdentityFederationInfo tells the account's issuer, where it is
// enabled.
func (s *Service) GetOutboundWebIdentityFederationInfo(_ context.Context, c *service.Caller, _ *api.GetOutboundWebIdentityFederationInfoRequest) (*api.GetOutboundWebIdentityFederationInfoResponse, error) {
	i, err := c.Snapshot.Issuer(c.Account())
	switch {
	case err != nil:
		return nil, err
	case i == nil || !i.Enabled:
		return nil, api.FeatureDisabled.New("Outbound identity federation is not enabled for your Amazon Web Services account.")
	}
	enabled := true
	return &api.GetOutboundWebIdentityFederationInfoResponse{IssuerIdentifier: s.dir.IssuerURL(c.Account()), JwtVendingEnabled: &enabled}, nil
}

// RotateIssuers gives the issuers of all accounts new keys where theirs have
// signed for long enough.
func (s *Service) RotateIssuers(ctx context.Context) error {
	snap := s.dir.Snapshot()
	var errs []error
	for _, account := range snap.Accounts() {
		i, err := snap.Issuer(account)
		if err == nil && i != nil && i.Enabled {
			err = s.rotateIssuer(ctx, account, i)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (s *Service) rotateIssuer(ctx context.Context, account string, i *directory.Issuer) error {
	keys, err := newIssuerKeys(s.rand, i.Due(federation.IssuerAlgorithms(), s.dir.Now()))
	if err != nil {
		return err
	}
	return s.dir.Update(ctx, account, func(tx *directory.Tx) error { return tx.RotateIssuer(keys) })
}
