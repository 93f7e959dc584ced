package iam

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/sallyport-iam/sallyport/arn"
	"github.com/sallyport-iam/sallyport/internal/awsapi"
	api "github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
)

func (s *Service) oidcOperations() []service.Operation {
	return []service.Operation{
		op("CreateOpenIDConnectProvider", s.CreateOpenIDConnectProvider, actsOnNewOIDCProvider,
			alsoTagging("iam:TagOpenIDConnectProvider", func(in *api.CreateOpenIDConnectProviderRequest) []api.Tag { return in.Tags })),
		op("GetOpenIDConnectProvider", s.GetOpenIDConnectProvider, actsOnOIDCProvider(func(in *api.GetOpenIDConnectProviderRequest) string { return in.OpenIDConnectProviderArn })),
		op("ListOpenIDConnectProviders", s.ListOpenIDConnectProviders, listed("oidc-provider", func(any) string { return "" })),
		op("DeleteOpenIDConnectProvider", s.DeleteOpenIDConnectProvider, actsOnOIDCProvider(func(in *api.DeleteOpenIDConnectProviderRequest) string { return in.OpenIDConnectProviderArn })),
		op("AddClientIDToOpenIDConnectProvider", s.AddClientIDToOpenIDConnectProvider, actsOnOIDCProvider(func(in *api.AddClientIDToOpenIDConnectProviderRequest) string { return in.OpenIDConnectProviderArn })),
		op("RemoveClientIDFromOpenIDConnectProvider", s.RemoveClientIDFromOpenIDConnectProvider, actsOnOIDCProvider(func(in *api.RemoveClientIDFromOpenIDConnectProviderRequest) string {
			return in.OpenIDConnectProviderArn
		})),
		op("UpdateOpenIDConnectProviderThumbprint", s.UpdateOpenIDConnectProviderThumbprint, actsOnOIDCProvider(func(in *api.UpdateOpenIDConnectProviderThumbprintRequest) string { return in.OpenIDConnectProviderArn })),
		op("TagOpenIDConnectProvider", s.TagOpenIDConnectProvider, actsOnOIDCProvider(func(in *api.TagOpenIDConnectProviderRequest) string { return in.OpenIDConnectProviderArn })),
		op("UntagOpenIDConnectProvider", s.UntagOpenIDConnectProvider, actsOnOIDCProvider(func(in *api.UntagOpenIDConnectProviderRequest) string { return in.OpenIDConnectProviderArn })),
		op("ListOpenIDConnectProviderTags", s.ListOpenIDConnectProviderTags, actsOnOIDCProvider(func(in *api.ListOpenIDConnectProviderTagsRequest) string { return in.OpenIDConnectProviderArn })),
	}
}

// actsOnOIDCProvider: the resource is the provider of that ARN.
func actsOnOIDCProvider[In any](providerARN func(in *In) string) func(*service.Operation) {
	return func(o *service.Operation) {
		o.Targets = func(c *service.Caller, in any) ([]service.Target, error) {
			t := service.Target{ARN: providerARN(in.(*In))}
			if p, err := c.Snapshot.OIDCProvider(c.Account(), t.ARN); err == nil {
				t.Tags = p.Tags
			}
			return []service.Target{t}, nil
		}
	}
}

// actsOnNewOIDCProvider: the resource is the provider that the request would make.
func actsOnNewOIDCProvider(o *service.Operation) {
	o.Targets = func(c *service.Caller, in any) ([]service.Target, error) {
		return []service.Target{{ARN: directory.OIDCProviderARN(c.Account(), in.(*api.CreateOpenIDConnectProviderRequest).Url)}}, nil
	}
}

// checkProviderURL refuses what isn't the https URL of an issuer.
func checkProviderURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || !strings.HasPrefix(text, "https://") || u.Hostname() == "" ||
		u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.ContainsFunc(text, notInURL) {
		return awsapi.ValidationError.New("Invalid Open ID Connect Provider URL")
	}
	return nil
}

// notInURL is what an issuer's URL, of which an ARN is made, can't hold.
func notInURL(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`#\*?"<>`, r) }

// checkProviderARN refuses what isn't the ARN of a provider of that resource type.
func checkProviderARN(text, kind string) error {
	a, err := arn.Parse(text)
	switch {
	case err != nil:
		return awsapi.ValidationError.New("Invalid ARN: %s", text)
	case a.Service != "iam":
		return awsapi.ValidationError.New("Invalid service in ARN")
	case !strings.HasPrefix(a.Resource, kind+"/"):
		return awsapi.ValidationError.New("Invalid resource type in ARN")
	}
	return nil
}

// checkOIDCProvider is checkProviderARN for a provider that must be of the caller's
// account (docs/facts, 3.1).
func checkOIDCProvider(c *service.Caller, text string) error {
	if err := checkProviderARN(text, oidcProvider); err != nil {
		return err
	}
	if a, err := arn.Parse(text); err != nil || a.Account != c.Account() {
		return awsapi.AccessDenied.New("User: %s is not authorized to perform this action on resource: %s", c.ARN(), text)
	}
	return nil
}

const (
	oidcProvider = "oidc-provider"
	samlProvider = "saml-provider"

	maxThumbprints = 5
)

func checkThumbprints(list []string) error {
	if len(list) > maxThumbprints {
		return api.InvalidInput.New("Thumbprint list must contain fewer than %d entries.", maxThumbprints)
	}
	return nil
}

// CreateOpenIDConnectProvider makes a provider that the account trusts. Where no
// thumbprint is given, the certificate authorities of the system are trusted.
func (s *Service) CreateOpenIDConnectProvider(ctx context.Context, c *service.Caller, in *api.CreateOpenIDConnectProviderRequest) (*api.CreateOpenIDConnectProviderResponse, error) {
	if err := checkProviderURL(in.Url); err != nil {
		return nil, err
	}
	if err := checkThumbprints(in.ThumbprintList); err != nil {
		return nil, err
	}
	var made *directory.OIDCProvider
	err := s.update(ctx, c, func(tx *directory.Tx) (err error) {
		made, err = tx.CreateOIDCProvider(in.Url, in.ClientIDList, in.ThumbprintList, tagsIn(in.Tags))
		return err
	})
	if err != nil {
		return nil, err
	}
	out := &api.CreateOpenIDConnectProviderResponse{OpenIDConnectProviderArn: made.ARN()}
	if len(made.Tags) > 0 {
		out.Tags = tagsOut(made.Tags)
	}
	return out, nil
}

// GetOpenIDConnectProvider describes a provider.
func (s *Service) GetOpenIDConnectProvider(_ context.Context, c *service.Caller, in *api.GetOpenIDConnectProviderRequest) (*api.GetOpenIDConnectProviderResponse, error) {
	p, err := oidcOf(c, in.OpenIDConnectProviderArn)
	if err != nil {
		return nil, err
	}
	return &api.GetOpenIDConnectProviderResponse{
		Url: p.URL, ClientIDList: listOut(p.ClientIDs), ThumbprintList: listOut(p.Thumbprints), CreateDate: p.Created, Tags: tagsOut(p.Tags),
	}, nil
}

// listOut is a list that is shown even if it is empty.
func listOut(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// oidcOf is the provider of that ARN as the request sees it.
func oidcOf(c *service.Caller, providerARN string) (*directory.OIDCProvider, error) {
	if err := checkOIDCProvider(c, providerARN); err != nil {
		return nil, err
	}
	p, err := c.Snapshot.OIDCProvider(c.Account(), providerARN)
	return p, awsError(err)
}

// withOIDC is update on the provider of that ARN.
func (s *Service) withOIDC(ctx context.Context, c *service.Caller, providerARN string, fn func(tx *directory.Tx, p *directory.OIDCProvider) error) error {
	if err := checkOIDCProvider(c, providerARN); err != nil {
		return err
	}
	return s.update(ctx, c, func(tx *directory.Tx) error {
		p, err := tx.OIDCProvider(providerARN)
		if err != nil {
			return err
		}
		return fn(tx, p)
	})
}

// ListOpenIDConnectProviders lists the account's providers.
func (s *Service) ListOpenIDConnectProviders(_ context.Context, c *service.Caller, _ *api.ListOpenIDConnectProvidersRequest) (*api.ListOpenIDConnectProvidersResponse, error) {
	all, err := c.Snapshot.OIDCProviders(c.Account())
	if err != nil {
		return nil, err
	}
	list := make([]api.OpenIDConnectProviderListEntry, len(all))
	for i, p := range all {
		list[i].Arn = p.ARN()
	}
	return &api.ListOpenIDConnectProvidersResponse{OpenIDConnectProviderList: list}, nil
}

// DeleteOpenIDConnectProvider deletes a provider. Sessions made by it live on.
func (s *Service) DeleteOpenIDConnectProvider(ctx context.Context, c *service.Caller, in *api.DeleteOpenIDConnectProviderRequest) (*nothing, error) {
	err := s.withOIDC(ctx, c, in.OpenIDConnectProviderArn, func(tx *directory.Tx, p *directory.OIDCProvider) error {
		tx.DeleteOIDCProvider(p)
		return nil
	})
	if errors.Is(err, api.NoSuchEntity) {
		// This operation alone says it so (docs/facts, 6.1).
		return nil, api.NoSuchEntity.New("OpenId connect Provider %s cannot be found.", in.OpenIDConnectProviderArn)
	}
	return nil, err
}

// AddClientIDToOpenIDConnectProvider lets in tokens that are for that client.
func (s *Service) AddClientIDToOpenIDConnectProvider(ctx context.Context, c *service.Caller, in *api.AddClientIDToOpenIDConnectProviderRequest) (*nothing, error) {
	return nil, s.withOIDC(ctx, c, in.OpenIDConnectProviderArn, func(tx *directory.Tx, p *directory.OIDCProvider) error {
		return tx.AddClientID(p, in.ClientID)
	})
}

// RemoveClientIDFromOpenIDConnectProvider shuts them out again.
func (s *Service) RemoveClientIDFromOpenIDConnectProvider(ctx context.Context, c *service.Caller, in *api.RemoveClientIDFromOpenIDConnectProviderRequest) (*nothing, error) {
	return nil, s.withOIDC(ctx, c, in.OpenIDConnectProviderArn, func(tx *directory.Tx, p *directory.OIDCProvider) error {
		tx.RemoveClientID(p, in.ClientID)
		return nil
	})
}

// UpdateOpenIDConnectProviderThumbprint replaces a provider's thumbprints.
func (s *Service) UpdateOpenIDConnectProviderThumbprint(ctx context.Context, c *service.Caller, in *api.UpdateOpenIDConnectProviderThumbprintRequest) (*nothing, error) {
	if len(in.ThumbprintList) == 0 {
		return nil, api.InvalidInput.New("Thumbprint list must contain at least one entry.")
	}
	if err := checkThumbprints(in.ThumbprintList); err != nil {
		return nil, err
	}
	return nil, s.withOIDC(ctx, c, in.OpenIDConnectProviderArn, func(tx *directory.Tx, p *directory.OIDCProvider) error {
		tx.SetThumbprints(p, in.ThumbprintList)
		return nil
	})
}

// TagOpenIDConnectProvider adds or replaces tags of a provider.
func (s *Service) TagOpenIDConnectProvider(ctx context.Context, c *service.Caller, in *api.TagOpenIDConnectProviderRequest) (*nothing, error) {
	return nil, s.withOIDC(ctx, c, in.OpenIDConnectProviderArn, func(tx *directory.Tx, p *directory.OIDCProvider) error {
		return tx.TagOIDCProvider(p, tagsIn(in.Tags))
	})
}

// UntagOpenIDConnectProvider drops tags of a provider.
func (s *Service) UntagOpenIDConnectProvider(ctx context.Context, c *service.Caller, in *api.UntagOpenIDConnectProviderRequest) (*nothing, error) {
	return nil, s.withOIDC(ctx, c, in.OpenIDConnectProviderArn, func(tx *directory.Tx, p *directory.OIDCProvider) error {
		tx.UntagOIDCProvider(p, in.TagKeys)
		return nil
	})
}

// ListOpenIDConnectProviderTags lists the tags of a provider.
func (s *Service) ListOpenIDConnectProviderTags(_ context.Context, c *service.Caller, in *api.ListOpenIDConnectProviderTagsRequest) (*api.ListOpenIDConnectProviderTagsResponse, error) {
	provider, err := oidcOf(c, in.OpenIDConnectProviderArn)
	if err != nil {
		return nil, err
	}
	p, err := tagPage("ListOpenIDConnectProviderTags", in.Marker, in.MaxItems, provider.Tags)
	if err != nil {
		return nil, err
	}
	return &api.ListOpenIDConnectProviderTagsResponse{Tags: p.items, IsTruncated: &p.more, Marker: p.marker()}, nil
}
