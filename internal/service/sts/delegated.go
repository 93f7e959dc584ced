package sts

import (
	"context"
	"time"

	api "github.com/sallyport-iam/sallyport/internal/awsapi/sts"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
)

// GetDelegatedAccessToken trades the token of a delegation request in for
// credentials: those of whoever accepted it, narrowed by the request's policy.
// They last until the time that was asked for has passed since it was sent.
func (s *Service) GetDelegatedAccessToken(_ context.Context, c *service.Caller, in *api.GetDelegatedAccessTokenRequest) (*api.GetDelegatedAccessTokenResponse, error) {
	g, err := s.dir.TradedIn(c.Snapshot, in.TradeInToken)
	if err != nil || g.Requestor != c.Account() {
		return nil, api.ExpiredTradeInTokenException.New("The trade-in token is not valid.")
	}
	life := g.Until().Sub(s.dir.Now()).Truncate(time.Second)
	if life <= 0 {
		return nil, api.ExpiredTradeInTokenException.New("The trade-in token has expired.")
	}
	session := &directory.Session{
		Account: g.Account, Entity: g.AsUser, Policy: g.Policy, Issuer: c.ARN(), Delegated: g.ID,
	}
	if g.AsRole != "" {
		session.Kind, session.Entity, session.Name = directory.RoleSession, g.AsRole, g.AsName
	}
	as, err := c.Snapshot.PrincipalOf(session)
	if err != nil {
		return nil, api.ExpiredTradeInTokenException.New("The trade-in token is not valid: who accepted the request is gone.")
	}
	packed, err := packedSize(session)
	if err != nil {
		return nil, err
	}
	creds, err := s.credentials(c, session, life)
	if err != nil {
		return nil, err
	}
	return &api.GetDelegatedAccessTokenResponse{Credentials: creds, PackedPolicySize: packed, AssumedPrincipal: as.ARN()}, nil
}
