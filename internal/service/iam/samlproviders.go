package iam

import (
	"context"
	"time"

	api "github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/federation"
	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/service"
)

func (s *Service) samlOperations() []service.Operation {
	return []service.Operation{
		op("CreateSAMLProvider", s.CreateSAMLProvider, actsOnNewSAMLProvider,
			alsoTagging("iam:TagSAMLProvider", func(in *api.CreateSAMLProviderRequest) []api.Tag { return in.Tags })),
		op("GetSAMLProvider", s.GetSAMLProvider, actsOnSAMLProvider(func(in *api.GetSAMLProviderRequest) string { return in.SAMLProviderArn })),
		op("ListSAMLProviders", s.ListSAMLProviders, listed("saml-provider", func(any) string { return "" })),
		op("UpdateSAMLProvider", s.UpdateSAMLProvider, actsOnSAMLProvider(func(in *api.UpdateSAMLProviderRequest) string { return in.SAMLProviderArn })),
		op("DeleteSAMLProvider", s.DeleteSAMLProvider, actsOnSAMLProvider(func(in *api.DeleteSAMLProviderRequest) string { return in.SAMLProviderArn })),
		op("TagSAMLProvider", s.TagSAMLProvider, actsOnSAMLProvider(func(in *api.TagSAMLProviderRequest) string { return in.SAMLProviderArn })),
		op("UntagSAMLProvider", s.UntagSAMLProvider, actsOnSAMLProvider(func(in *api.UntagSAMLProviderRequest) string { return in.SAMLProviderArn })),
		op("ListSAMLProviderTags", s.ListSAMLProviderTags, actsOnSAMLProvider(func(in *api.ListSAMLProviderTagsRequest) string { return in.SAMLProviderArn })),
	}
}

// actsOnSAMLProvider: the resource is the provider of that ARN.
func actsOnSAMLProvider[In any](providerARN func(in *In) string) func(*service.Operation) {
	return func(o *service.Operation) {
		o.Targets = func(c *service.Caller, in any) ([]service.Target, error) {
			t := service.Target{ARN: providerARN(in.(*In))}
			if p, err := c.Snapshot.SAMLProvider(c.Account(), t.ARN); err == nil {
				t.Tags = p.Tags
			}
			return []service.Target{t}, nil
		}
	}
}

// actsOnNewSAMLProvider: the resource is the provider that the request would make.
func actsOnNewSAMLProvider(o *service.Operation) {
	o.Targets = func(c *service.Caller, in any) ([]service.Target, error) {
		return []service.Target{{ARN: directory.SAMLProviderARN(c.Account(), in.(*api.CreateSAMLProviderRequest).Name)}}, nil
	}
}

// parseMetadata reads the metadata document of an identity provider.
func parseMetadata(text string) (*federation.Metadata, error) {
	if len(text) > federation.MaxMetadata {
		return nil, api.InvalidInput.New("The SAML metadata document is larger than %d bytes.", federation.MaxMetadata)
	}
	m, err := federation.ParseMetadata(text)
	if err != nil {
		return nil, api.InvalidInput.New("Could not parse metadata")
	}
	return m, nil
}

// checkSAMLKey refuses what isn't a private key; empty means none.
func checkSAMLKey(key string) error {
	if key == "" {
		return nil
	}
	if _, err := parsePrivateKey(key); err != nil {
		return api.InvalidInput.New("Unable to parse the private key: it must be PEM-encoded and not encrypted.")
	}
	return nil
}

// CreateSAMLProvider makes a provider of its metadata document.
func (s *Service) CreateSAMLProvider(ctx context.Context, c *service.Caller, in *api.CreateSAMLProviderRequest) (*api.CreateSAMLProviderResponse, error) {
	entity, err := parseMetadata(in.SAMLMetadataDocument)
	if err != nil {
		return nil, err
	}
	if err := checkSAMLKey(in.AddPrivateKey); err != nil {
		return nil, err
	}
	var made *directory.SAMLProvider
	err = s.update(ctx, c, func(tx *directory.Tx) (err error) {
		made, err = tx.CreateSAMLProvider(in.Name, in.SAMLMetadataDocument, entity.ValidUntil, tagsIn(in.Tags))
		if err != nil {
			return err
		}
		return changeSAML(tx, made, in.AssertionEncryptionMode, in.AddPrivateKey)
	})
	if err != nil {
		return nil, err
	}
	out := &api.CreateSAMLProviderResponse{SAMLProviderArn: made.ARN()}
	if len(made.Tags) > 0 {
		out.Tags = tagsOut(made.Tags)
	}
	return out, nil
}

// The values of AssertionEncryptionMode.
const (
	encryptionRequired = "Required"
	encryptionAllowed  = "Allowed"
)

// changeSAML sets what is given of a provider's encryption.
func changeSAML(tx *directory.Tx, p *directory.SAMLProvider, mode, key string) error {
	if mode != "" {
		p.MustEncrypt = mode == encryptionRequired
		tx.SaveSAMLProvider(p)
	}
	if key == "" {
		return nil
	}
	return tx.AddSAMLKey(p, seal.NewSecret(key))
}

// samlOf is the provider of that ARN as the request sees it.
func samlOf(c *service.Caller, providerARN string) (*directory.SAMLProvider, error) {
	if err := checkProviderARN(providerARN, samlProvider); err != nil {
		return nil, err
	}
	p, err := c.Snapshot.SAMLProvider(c.Account(), providerARN)
	return p, awsError(err)
}

// GetSAMLProvider describes a provider.
func (s *Service) GetSAMLProvider(_ context.Context, c *service.Caller, in *api.GetSAMLProviderRequest) (*api.GetSAMLProviderResponse, error) {
	p, err := samlOf(c, in.SAMLProviderArn)
	if err != nil {
		return nil, err
	}
	document, err := c.Snapshot.SAMLMetadata(p)
	if err != nil {
		return nil, awsError(err)
	}
	out := &api.GetSAMLProviderResponse{
		SAMLProviderUUID: p.UUID, SAMLMetadataDocument: document, CreateDate: p.Created, ValidUntil: p.ValidUntil,
		Tags: tagsOut(p.Tags), AssertionEncryptionMode: encryptionAllowed, PrivateKeyList: []api.SAMLPrivateKey{},
	}
	if p.MustEncrypt {
		out.AssertionEncryptionMode = encryptionRequired
	}
	for _, k := range p.Keys {
		out.PrivateKeyList = append(out.PrivateKeyList, api.SAMLPrivateKey{KeyId: k.ID, Timestamp: k.Added})
	}
	return out, nil
}

// ListSAMLProviders lists the account's providers.
func (s *Service) ListSAMLProviders(_ context.Context, c *service.Caller, _ *api.ListSAMLProvidersRequest) (*api.ListSAMLProvidersResponse, error) {
	all, err := c.Snapshot.SAMLProviders(c.Account())
	if err != nil {
		return nil, err
	}
	list := make([]api.SAMLProviderListEntry, len(all))
	for i, p := range all {
		list[i] = api.SAMLProviderListEntry{Arn: p.ARN(), ValidUntil: p.ValidUntil, CreateDate: p.Created}
	}
	return &api.ListSAMLProvidersResponse{SAMLProviderList: list}, nil
}

// withSAML is update on the provider of that ARN.
func (s *Service) withSAML(ctx context.Context, c *service.Caller, providerARN string, fn func(tx *directory.Tx, p *directory.SAMLProvider) error) error {
	if err := checkProviderARN(providerARN, samlProvider); err != nil {
		return err
	}
	return s.update(ctx, c, func(tx *directory.Tx) error {
		p, err := tx.SAMLProvider(providerARN)
		if err != nil {
			return err
		}
		return fn(tx, p)
	})
}

// UpdateSAMLProvider changes what is given: the metadata document, the mode of
// encryption, the private keys. A key is removed before another is added.
func (s *Service) UpdateSAMLProvider(ctx context.Context, c *service.Caller, in *api.UpdateSAMLProviderRequest) (*api.UpdateSAMLProviderResponse, error) {
	var validUntil time.Time
	if in.SAMLMetadataDocument != "" {
		entity, err := parseMetadata(in.SAMLMetadataDocument)
		if err != nil {
			return nil, err
		}
		validUntil = entity.ValidUntil
	}
	if err := checkSAMLKey(in.AddPrivateKey); err != nil {
		return nil, err
	}
	err := s.withSAML(ctx, c, in.SAMLProviderArn, func(tx *directory.Tx, p *directory.SAMLProvider) error {
		if in.SAMLMetadataDocument != "" {
			tx.SetSAMLMetadata(p, in.SAMLMetadataDocument, validUntil)
		}
		if in.RemovePrivateKey != "" {
			if err := tx.RemoveSAMLKey(p, in.RemovePrivateKey); err != nil {
				return err
			}
		}
		return changeSAML(tx, p, in.AssertionEncryptionMode, in.AddPrivateKey)
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateSAMLProviderResponse{SAMLProviderArn: in.SAMLProviderArn}, nil
}

// DeleteSAMLProvider deletes a provider. Sessions made by it live on.
func (s *Service) DeleteSAMLProvider(ctx context.Context, c *service.Caller, in *api.DeleteSAMLProviderRequest) (*nothing, error) {
	return nil, s.withSAML(ctx, c, in.SAMLProviderArn, func(tx *directory.Tx, p *directory.SAMLProvider) error {
		tx.DeleteSAMLProvider(p)
		return nil
	})
}

// TagSAMLProvider adds or replaces tags of a provider.
func (s *Service) TagSAMLProvider(ctx context.Context, c *service.Caller, in *api.TagSAMLProviderRequest) (*nothing, error) {
	return nil, s.withSAML(ctx, c, in.SAMLProviderArn, func(tx *directory.Tx, p *directory.SAMLProvider) error {
		return tx.TagSAMLProvider(p, tagsIn(in.Tags))
	})
}

// UntagSAMLProvider drops tags of a provider.
func (s *Service) UntagSAMLProvider(ctx context.Context, c *service.Caller, in *api.UntagSAMLProviderRequest) (*nothing, error) {
	return nil, s.withSAML(ctx, c, in.SAMLProviderArn, func(tx *directory.Tx, p *directory.SAMLProvider) error {
		tx.UntagSAMLProvider(p, in.TagKeys)
		return nil
	})
}

// ListSAMLProviderTags lists the tags of a provider.
func (s *Service) ListSAMLProviderTags(_ context.Context, c *service.Caller, in *api.ListSAMLProviderTagsRequest) (*api.ListSAMLProviderTagsResponse, error) {
	provider, err := samlOf(c, in.SAMLProviderArn)
	if err != nil {
		return nil, err
	}
	p, err := tagPage("ListSAMLProviderTags", in.Marker, in.MaxItems, provider.Tags)
	if err != nil {
		return nil, err
	}
	return &api.ListSAMLProviderTagsResponse{Tags: p.items, IsTruncated: &p.more, Marker: p.marker()}, nil
}
