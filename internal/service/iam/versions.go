package iam

import (
	"context"
	"errors"
	"slices"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	api "github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
	"github.com/sallyport-iam/sallyport/policy"
)

func (s *Service) versionOperations() []service.Operation {
	return []service.Operation{
		op("CreatePolicyVersion", s.CreatePolicyVersion),
		op("GetPolicyVersion", s.GetPolicyVersion),
		op("ListPolicyVersions", s.ListPolicyVersions),
		op("SetDefaultPolicyVersion", s.SetDefaultPolicyVersion),
		op("DeletePolicyVersion", s.DeletePolicyVersion),
	}
}

// withPolicy runs fn as a transaction on a managed policy. One of AWS's own is
// refused with the text given.
func (s *Service) withPolicy(ctx context.Context, c *service.Caller, arn, foreign string, fn func(tx *directory.Tx, p *directory.ManagedPolicy) error) error {
	err := s.update(ctx, c, func(tx *directory.Tx) error {
		p, err := tx.Policy(arn)
		if err != nil {
			return err
		}
		return fn(tx, p)
	})
	if _, ok := errors.AsType[*directory.NotOwned](err); ok {
		return awsapi.AccessDenied.New("%s", foreign)
	}
	return err
}

func versionOut(p *directory.ManagedPolicy, v directory.PolicyVersion) api.PolicyVersion {
	return api.PolicyVersion{VersionId: v.ID, IsDefaultVersion: ptr(v.ID == p.Default), CreateDate: v.Created}
}

// CreatePolicyVersion adds a version, which becomes the default one on request.
func (s *Service) CreatePolicyVersion(ctx context.Context, c *service.Caller, in *api.CreatePolicyVersionRequest) (*api.CreatePolicyVersionResponse, error) {
	if err := parse(in.PolicyDocument, policy.Managed); err != nil {
		return nil, err
	}
	var out api.PolicyVersion
	err := s.withPolicy(ctx, c, in.PolicyArn, "Cannot create policy versions for policies outside your own account.", func(tx *directory.Tx, p *directory.ManagedPolicy) error {
		v, err := tx.AddPolicyVersion(p, in.PolicyDocument, in.SetAsDefault != nil && *in.SetAsDefault)
		if err != nil {
			return err
		}
		out = versionOut(p, v)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.CreatePolicyVersionResponse{PolicyVersion: &out}, nil
}

// noVersion is how a version is not found, also where the policy is missing.
func noVersion(arn, version string) error {
	return awsError(&directory.NotFound{Kind: directory.KindPolicyVersion, Name: arn, Version: version})
}

// GetPolicyVersion gives a version with its document.
func (s *Service) GetPolicyVersion(_ context.Context, c *service.Caller, in *api.GetPolicyVersionRequest) (*api.GetPolicyVersionResponse, error) {
	p, err := c.Snapshot.Policy(c.Account(), in.PolicyArn)
	if err != nil {
		return nil, noVersion(in.PolicyArn, in.VersionId)
	}
	i := slices.IndexFunc(p.Versions, func(v directory.PolicyVersion) bool { return v.ID == in.VersionId })
	if i < 0 {
		return nil, noVersion(in.PolicyArn, in.VersionId)
	}
	document, err := c.Snapshot.PolicyDocument(p, in.VersionId)
	if err != nil {
		return nil, err
	}
	out := versionOut(p, p.Versions[i])
	out.Document = documentOut(document)
	return &api.GetPolicyVersionResponse{PolicyVersion: &out}, nil
}

// ListPolicyVersions lists versions, the newest first.
func (s *Service) ListPolicyVersions(_ context.Context, c *service.Caller, in *api.ListPolicyVersionsRequest) (*api.ListPolicyVersionsResponse, error) {
	pol, err := c.Snapshot.Policy(c.Account(), in.PolicyArn)
	if err != nil {
		return nil, awsError(err)
	}
	newest := slices.Clone(pol.Versions)
	slices.Reverse(newest)
	p, err := pageOf("ListPolicyVersions", in.Marker, in.MaxItems, newest,
		func(v directory.PolicyVersion) string { return v.ID },
		func(v directory.PolicyVersion) api.PolicyVersion { return versionOut(pol, v) })
	if err != nil {
		return nil, err
	}
	return &api.ListPolicyVersionsResponse{Versions: p.items, IsTruncated: &p.more, Marker: p.marker()}, nil
}

// SetDefaultPolicyVersion makes another version the one in force.
func (s *Service) SetDefaultPolicyVersion(ctx context.Context, c *service.Caller, in *api.SetDefaultPolicyVersionRequest) (*nothing, error) {
	return nil, s.withVersion(ctx, c, in.PolicyArn, in.VersionId, "Cannot update policies outside your own account.", (*directory.Tx).SetDefaultVersion)
}

// DeletePolicyVersion deletes a version that isn't the default one.
func (s *Service) DeletePolicyVersion(ctx context.Context, c *service.Caller, in *api.DeletePolicyVersionRequest) (*nothing, error) {
	return nil, s.withVersion(ctx, c, in.PolicyArn, in.VersionId, "Cannot delete policy versions for policies outside your own account.", (*directory.Tx).DeleteVersion)
}

// withVersion is withPolicy for a version of it.
func (s *Service) withVersion(ctx context.Context, c *service.Caller, arn, version, foreign string, fn func(*directory.Tx, *directory.ManagedPolicy, string) error) error {
	err := s.withPolicy(ctx, c, arn, foreign, func(tx *directory.Tx, p *directory.ManagedPolicy) error {
		return fn(tx, p, version)
	})
	if errors.Is(err, api.NoSuchEntity) {
		return noVersion(arn, version)
	}
	return err
}
