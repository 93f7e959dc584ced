package organizations

import (
	"errors"
	"strings"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	api "github.com/sallyport-iam/sallyport/internal/awsapi/organizations"
	"github.com/sallyport-iam/sallyport/internal/directory"
)

// awsError puts what the directory refuses into the service's codes and texts.
// What it doesn't know passes on. Errors whose code depends on which member of
// the request is wrong are made where that is known.
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
		return invalid("DUPLICATE_TAG_KEY", "You provided a tag key more than once.")
	case *directory.ReservedTag:
		return invalid("INVALID_SYSTEM_TAGS_PARAMETER", "You specified a tag key that is a system tag. You can't add, edit, or delete system tag keys because they're reserved for AWS use.")
	case *directory.NotOwned:
		return invalid("IMMUTABLE_POLICY", "You specified a policy that is managed by AWS and can't be modified.")
	case *directory.Closed:
		return api.AccountAlreadyClosedException.New("You attempted to close an account that is already closed.")
	case *directory.InState:
		if e.State == directory.HandshakeExpired {
			return api.InvalidHandshakeTransitionException.New("You can't perform the operation on the handshake in its current state.")
		}
		return api.HandshakeAlreadyInStateException.New("The specified handshake is already in the requested state.")
	}
	if errors.Is(err, directory.ErrBusy) {
		return &awsapi.Error{Code: api.ConcurrentModificationException, Message: "The target of the operation is currently being modified by a different request. Try again later.", Err: err}
	}
	return err
}

func notFound(e *directory.NotFound) error {
	switch e.Kind {
	case directory.KindOrganization:
		return api.AWSOrganizationsNotInUseException.New("Your account is not a member of an organization.")
	case directory.KindOrgNode:
		return api.TargetNotFoundException.New("You specified a target that doesn't exist.")
	case directory.KindAccount:
		return api.AccountNotFoundException.New("You specified an account that doesn't exist.")
	case directory.KindOrgPolicy:
		return api.PolicyNotFoundException.New("You specified a policy that doesn't exist.")
	case directory.KindOrgPolicyType:
		return api.PolicyTypeNotEnabledException.New("This operation can be performed only for enabled policy types.")
	case directory.KindOrgAttachment:
		return api.PolicyNotAttachedException.New("The policy isn't attached to the specified target in the specified root.")
	case directory.KindHandshake:
		return api.HandshakeNotFoundException.New("We can't find a handshake with the HandshakeId that you specified.")
	case directory.KindAccountRequest:
		return api.CreateAccountStatusNotFoundException.New("You specified a create account request that doesn't exist.")
	}
	return e
}

func exists(e *directory.Exists) error {
	switch e.Kind {
	case directory.KindOrganization:
		return api.AlreadyInOrganizationException.New("The AWS account is already a member of an organization.")
	case directory.KindOrgUnit:
		return api.DuplicateOrganizationalUnitException.New("An OU with the same name already exists.")
	case directory.KindOrgPolicy:
		return api.DuplicatePolicyException.New("A policy with the same name already exists.")
	case directory.KindOrgPolicyType:
		return api.PolicyTypeAlreadyEnabledException.New("The specified policy type is already enabled.")
	case directory.KindOrgAttachment:
		return api.DuplicatePolicyAttachmentException.New("The selected policy is already attached to the specified target.")
	case directory.KindHandshake:
		return api.DuplicateHandshakeException.New("A handshake with the same action and target already exists.")
	}
	return e
}

func inUse(e *directory.InUse) error {
	switch e.By {
	case directory.UseManagement:
		return api.MasterCannotLeaveOrganizationException.New("You can't remove a management account from an organization.")
	case directory.UseAccounts, directory.UseUnits, directory.UsePolicies:
		return api.OrganizationNotEmptyException.New("To delete an organization you must first remove all member accounts (except the management account), organizational units and policies: there are %s left.", e.By)
	case directory.UseChildren:
		return api.OrganizationalUnitNotEmptyException.New("The specified OU is not empty. Move all accounts to another root or to other OUs, remove all child OUs, and try the operation again.")
	case directory.UseAttachments:
		return api.PolicyInUseException.New("The policy is attached to one or more entities. You must detach it from all roots, OUs, and accounts before performing this operation.")
	case directory.UseLastPolicy:
		return constraint("MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", "You cannot remove the last policy attached to the specified target. You must have at least one attached at all times.")
	}
	return e
}

func limitExceeded(e *directory.LimitExceeded) error {
	switch e.Quota {
	case directory.QuotaOrgAccounts:
		return constraint("ACCOUNT_NUMBER_LIMIT_EXCEEDED", "You have exceeded the allowed number of AWS accounts.")
	case directory.QuotaOrgUnits:
		return constraint("OU_NUMBER_LIMIT_EXCEEDED", "You have attained the maximum number of OUs in your organization.")
	case directory.QuotaOrgDepth:
		return constraint("OU_DEPTH_LIMIT_EXCEEDED", "You have attained the maximum depth for OUs in your organization.")
	case directory.QuotaOrgPolicies:
		return constraint("POLICY_NUMBER_LIMIT_EXCEEDED", "You have attained the maximum number of policies in your organization.")
	case directory.QuotaOrgAttached:
		return constraint("MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", "You have attained the maximum number of policies of this type that can be attached to the specified target.")
	case directory.QuotaTags:
		return constraint("MAX_TAG_LIMIT_EXCEEDED", "You have exceeded the number of tags allowed on this resource.")
	}
	return e
}

func constraint(reason, message string) error {
	return &awsapi.Error{Code: api.ConstraintViolationException, Message: message, Reason: reason}
}

func invalid(reason, message string) error {
	return &awsapi.Error{Code: api.InvalidInputException, Message: message, Reason: reason}
}

// invalidInput says what a request's validation found in this service's words.
func invalidInput(err error) error {
	e, ok := errors.AsType[*awsapi.Error](err)
	if !ok || e.Code != awsapi.ValidationException {
		return err
	}
	var worded error
	switch text := e.Message; {
	case strings.Contains(text, "regular expression"):
		worded = invalid("INVALID_PATTERN", "You provided a value that does not match the required pattern.")
	case strings.Contains(text, "enum value set"):
		worded = invalid("INVALID_ENUM", "You specified an invalid value.")
	case strings.Contains(text, "length less than or equal"):
		worded = invalid("MAX_LENGTH_EXCEEDED", "You provided a string parameter that is longer than allowed.")
	case strings.Contains(text, "length greater than or equal"):
		worded = invalid("MIN_LENGTH_EXCEEDED", "You provided a string parameter that is shorter than allowed.")
	case strings.Contains(text, "value less than or equal"):
		worded = invalid("MAX_VALUE_EXCEEDED", "You provided a numeric parameter that has a larger value than allowed.")
	case strings.Contains(text, "value greater than or equal"):
		worded = invalid("MIN_VALUE_EXCEEDED", "You provided a numeric parameter that has a smaller value than allowed.")
	case strings.Contains(text, "must not be null"):
		worded = invalid("INPUT_REQUIRED", "You must include a value for all required parameters.")
	default:
		return err
	}
	return worded
}

// alreadyIn: the account of an invitation is in an organization.
func alreadyIn() error {
	return &awsapi.Error{
		Code: api.HandshakeConstraintViolationException, Reason: "ALREADY_IN_AN_ORGANIZATION",
		Message: "You can't invite or add an account that is already a member of an organization.",
	}
}
