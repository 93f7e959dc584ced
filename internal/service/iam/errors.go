package iam

import (
	"errors"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	api "github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/policy"
)

// awsError puts what the directory and the policy language refuse into IAM's
// codes and texts (docs/facts, 6). What it doesn't know passes on.
func awsError(err error) error {
	switch e := err.(type) {
	case nil:
		return nil
	case *directory.NotFound:
		return notFound(e)
	case *directory.Exists:
		return exists(e)
	case *directory.InUse:
		return inUse(e)
	case *directory.LimitExceeded:
		return limitExceeded(e)
	case *directory.DuplicateTags:
		if e.FoldCase {
			return api.InvalidInput.New("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		return api.InvalidInput.New("Duplicate tag keys found.")
	case *directory.ReservedTag:
		return api.InvalidInput.New("Tag keys and values that begin with aws: are reserved: %s", e.Text)
	case *directory.InvalidPrincipal:
		return api.MalformedPolicyDocument.New("Invalid principal in policy: %q:%q", e.Type, e.Value)
	case *directory.NotAttachable:
		return api.PolicyNotAttachable.New("Cannot attach a Service Role Policy to a Customer Role.")
	case *policy.Error:
		return &awsapi.Error{Code: awsapi.Code(e.Code), Message: e.Message, Err: errors.New(e.Detail)}
	}
	if refusal := credentialError(err); refusal != nil {
		return refusal
	}
	if errors.Is(err, directory.ErrBusy) {
		return &awsapi.Error{
			Code:    api.ConcurrentModification,
			Message: "The request was rejected because multiple requests to change this object were submitted simultaneously. Wait a few minutes and submit your request again.",
			Err:     err,
		}
	}
	return err
}

// credentialError puts what is wrong with a password or a code into IAM's words;
// nil where it is something else.
func credentialError(err error) error {
	if e, ok := errors.AsType[*directory.WeakPassword](err); ok {
		return api.PasswordPolicyViolation.New("%s", weakness(e))
	}
	switch {
	case errors.Is(err, directory.ErrMFACode):
		return api.InvalidAuthenticationCode.New("Authentication code for device is not valid.")
	case errors.Is(err, directory.ErrOldPassword):
		return awsapi.AccessDenied.New("The old password was incorrect.")
	}
	return nil
}

func notFound(e *directory.NotFound) error {
	switch e.Kind {
	case directory.KindUser:
		return api.NoSuchEntity.New("The user with name %s cannot be found.", e.Name)
	case directory.KindGroup:
		return api.NoSuchEntity.New("The group with name %s cannot be found.", e.Name)
	case directory.KindRole:
		return api.NoSuchEntity.New("The role with name %s cannot be found.", e.Name)
	case directory.KindInstanceProfile:
		return api.NoSuchEntity.New("Instance Profile %s cannot be found.", e.Name)
	case directory.KindRoleInProfile:
		return api.NoSuchEntity.New("Role %s in Instance Profile %s cannot be found.", e.Name, e.Version)
	case directory.KindRolePolicy:
		return api.NoSuchEntity.New("The role policy with name %s cannot be found.", e.Name)
	case directory.KindUserPolicy:
		return api.NoSuchEntity.New("The user policy with name %s cannot be found.", e.Name)
	case directory.KindGroupPolicy:
		return api.NoSuchEntity.New("The group policy with name %s cannot be found.", e.Name)
	case directory.KindAccessKey:
		return api.NoSuchEntity.New("The Access Key with id %s cannot be found.", e.Name)
	case directory.KindPolicy:
		return api.NoSuchEntity.New("Policy %s was not found.", e.Name)
	case directory.KindAttachable:
		return api.NoSuchEntity.New("Policy %s does not exist or is not attachable.", e.Name)
	case directory.KindPolicyVersion:
		return api.NoSuchEntity.New("Policy %s version %s does not exist or is not attachable.", e.Name, e.Version)
	case directory.KindBoundary:
		return api.NoSuchEntity.New("Scope ARN: %s does not exist or is not attachable.", e.Name)
	case directory.KindAlias:
		return api.NoSuchEntity.New("The Account Alias %s cannot be found.", e.Name)
	case directory.KindLogin:
		return api.NoSuchEntity.New("Login Profile for User %s cannot be found.", e.Name)
	case directory.KindMFA:
		return api.NoSuchEntity.New("MFA Device with serial number %s does not exist.", e.Name)
	case directory.KindSSHKey:
		return api.NoSuchEntity.New("The Public Key with id %s cannot be found.", e.Name)
	case directory.KindSigningCert:
		return api.NoSuchEntity.New("The Certificate with id %s cannot be found.", e.Name)
	case directory.KindServerCert:
		return api.NoSuchEntity.New("The Server Certificate with name %s cannot be found.", e.Name)
	case directory.KindServiceCred:
		return api.NoSuchEntity.New("No such credential %s exists", e.Name)
	case directory.KindOIDC:
		return api.NoSuchEntity.New("OpenIDConnect Provider not found for arn %s", e.Name)
	case directory.KindSAML:
		return api.NoSuchEntity.New("Manifest not found for arn %s", e.Name)
	case directory.KindSAMLKey:
		return api.NoSuchEntity.New("The Private Key with id %s cannot be found.", e.Name)
	case directory.KindDelegation:
		return api.NoSuchEntity.New("The delegation request with id %s cannot be found.", e.Name)
	case directory.KindReport:
		return api.NoSuchEntity.New("The job with id %s cannot be found.", e.Name)
	case directory.KindCredService:
		return api.NoSuchEntity.New("No such service %s is supported for Service Specific Credentials", e.Name)
	}
	return e
}

func exists(e *directory.Exists) error {
	switch e.Kind {
	case directory.KindUser:
		return api.EntityAlreadyExists.New("User with name %s already exists.", e.Name)
	case directory.KindGroup:
		return api.EntityAlreadyExists.New("Group with name %s already exists.", e.Name)
	case directory.KindRole:
		return api.EntityAlreadyExists.New("Role with name %s already exists.", e.Name)
	case directory.KindInstanceProfile:
		return api.EntityAlreadyExists.New("Instance Profile %s already exists.", e.Name)
	case directory.KindPolicy:
		return api.EntityAlreadyExists.New("A policy called %s already exists. Duplicate names are not allowed.", e.Name)
	case directory.KindAlias:
		return api.EntityAlreadyExists.New("The account alias %s already exists.", e.Name)
	case directory.KindLogin:
		return api.EntityAlreadyExists.New("Login Profile for user %s already exists.", e.Name)
	case directory.KindMFA:
		return api.EntityAlreadyExists.New("MFA device already exists.")
	case directory.KindEnabledMFA:
		return api.EntityAlreadyExists.New("MFA Device is already in use.")
	case directory.KindSSHKey:
		return api.DuplicateSSHPublicKey.New("The SSH public key is already associated with the user %s.", e.Name)
	case directory.KindSigningCert:
		return api.DuplicateCertificate.New("The certificate is already associated with a user of this account.")
	case directory.KindOIDC:
		return api.EntityAlreadyExists.New("Provider with url %s already exists.", e.Name)
	case directory.KindSAML:
		return api.EntityAlreadyExists.New("SAMLProvider with name %s already exists.", e.Name)
	case directory.KindServerCert:
		return api.EntityAlreadyExists.New("The Server Certificate with name %s already exists.", e.Name)
	}
	return e
}

func inUse(e *directory.InUse) error {
	switch e.By {
	case directory.UseGroups, directory.UseMembers:
		return api.DeleteConflict.New("Cannot delete entity, must remove users from group first.")
	case directory.UseAccessKeys:
		return api.DeleteConflict.New("Cannot delete entity, must delete access keys first.")
	case directory.UseInlinePolicies:
		return api.DeleteConflict.New("Cannot delete entity, must delete policies first.")
	case directory.UseAttached:
		return api.DeleteConflict.New("Cannot delete entity, must detach all policies first.")
	case directory.UseProfiles:
		return api.DeleteConflict.New("Cannot delete entity, must remove roles from instance profile first.")
	case directory.UseAttachments:
		return api.DeleteConflict.New("Cannot delete a policy attached to entities.")
	case directory.UseDefaultVersion:
		return api.DeleteConflict.New("Cannot delete the default version of a policy.")
	case directory.UseLogin:
		return api.DeleteConflict.New("Cannot delete entity, must delete login profile first.")
	case directory.UseMFA:
		return api.DeleteConflict.New("Cannot delete entity, must delete MFA device first.")
	case directory.UseReferences:
		return api.DeleteConflict.New("Cannot delete entity, must remove referenced objects first.")
	case directory.UseCertificates:
		return api.DeleteConflict.New("Cannot delete entity, must delete signing certificates first.")
	case directory.UseUser:
		return api.DeleteConflict.New("MFA VirtualDevice in use. Must deactivate first.")
	case directory.UseVersions:
		return api.DeleteConflict.New("This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")
	}
	return e
}

func limitExceeded(e *directory.LimitExceeded) error {
	switch e.Quota {
	case directory.QuotaPolicyVersions:
		return api.LimitExceeded.New("A managed policy can have up to %d versions. Before you create a new version, you must delete an existing version.", e.Limit)
	case directory.QuotaUserPolicySize:
		return api.LimitExceeded.New("Maximum policy size of %d bytes exceeded for user %s", e.Limit, e.Name)
	case directory.QuotaGroupPolicySize:
		return api.LimitExceeded.New("Maximum policy size of %d bytes exceeded for group %s", e.Limit, e.Name)
	case directory.QuotaRolePolicySize:
		return api.LimitExceeded.New("Maximum policy size of %d bytes exceeded for role %s", e.Limit, e.Name)
	case directory.QuotaTags:
		return api.LimitExceeded.New("The number of tags has reached the maximum limit.")
	}
	return api.LimitExceeded.New("Cannot exceed quota for %s: %d", e.Quota, e.Limit)
}
