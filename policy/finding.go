package policy

// FindingType is how much a finding matters.
type FindingType string

// The types of findings, as Access Analyzer names them.
const (
	FindingError           FindingType = "ERROR"            // a part of the policy doesn't work
	FindingSecurityWarning FindingType = "SECURITY_WARNING" // it allows more than is meant
	FindingWarning         FindingType = "WARNING"          // against the rules of good policies
	FindingSuggestion      FindingType = "SUGGESTION"       // it would be better in another form
)

// Finding is one thing that Validate says of a document.
type Finding struct {
	Type      FindingType
	Code      string // Access Analyzer's issue code
	Details   string // Access Analyzer's text
	Locations []Location
}

// Location is a part of a document.
type Location struct {
	Path       []PathElement // from the whole document down
	Start, End Place
}

// PathElement is one step down into a document: to the value of a member, to
// its name, or to an item of a list.
type PathElement struct {
	Member string // empty where the step is to an item
	Name   bool   // the member's name is meant, not its value
	Index  int    // of the item, from 0
}

// Place is a place in a document.
type Place struct {
	Line   int // from 1
	Column int // from 0, in characters
	Offset int // from 0, in characters
}

// Reference is what is known of a service, from AWS's service authorization
// reference.
type Reference struct {
	Actions []string                     // names, as in GetObject
	Keys    map[string]string            // types of condition keys by name; a name may hold ${TagKey} or <key>
	ARNs    []string                     // of its resources, as in arn:${Partition}:s3:::${BucketName}
	KeysOf  func(action string) []string // the condition keys of an action and of its resources
	// Renamed gives, as prefix:Name, the action that allows an operation of
	// another name, or "".
	Renamed func(operation string) string
}

// Catalog gives what is known of the service whose actions have that prefix, in
// lower case, or nil if there is no such service.
type Catalog func(prefix string) *Reference

// issue is a kind of finding. The codes and texts are AWS's (IAM user guide, "IAM policy validation check
// reference").
type issue struct {
	kind FindingType
	text string
}

const (
	textSLR      = "can allow creation of unintended service-linked roles"
	textPassed   = "can be overly permissive because it"
	useARNs      = "We recommend that you specify resource ARNs instead."
	useARNsOrKey = "We recommend that you specify resource ARNs or add the iam:PassedToService condition key to your statement."
	privateIPs   = "aws:SourceIp works only for public IP address ranges."
	vpcSource    = privateIPs + " To define permissions for private IP ranges, use aws:VpcSourceIp."
	useNull      = "matches only if the key %s is missing from the request context. To determine if the request context is empty, we recommend that you use the Null condition operator with the value of true instead."
	granular     = "We recommend that you use multiple granular policies."
)

var issues = map[string]issue{
	"ARN_ACCOUNT_NOT_ALLOWED":                                 {FindingError, "The service %s does not support specifying an account ID in the resource ARN."},
	"ARN_REGION_NOT_ALLOWED":                                  {FindingError, "The service %s does not support specifying a Region in the resource ARN."},
	"DATA_TYPE_MISMATCH":                                      {FindingError, "The text does not match the expected JSON data type %s."},
	"DUPLICATE_KEYS_WITH_DIFFERENT_CASE":                      {FindingError, "The condition key %s appears more than once with different capitalization in the same condition block. Remove the duplicate condition keys."},
	"EMPTY_VARIABLE":                                          {FindingError, "Empty policy variable. Remove the ${ } variable structure or provide a variable within the structure."},
	"INVALID_ACTION":                                          {FindingError, "The action %s does not exist.%s"},
	"INVALID_ARN_ACCOUNT":                                     {FindingError, "The resource ARN account ID %s is not valid. Provide a 12-digit account ID."},
	"INVALID_ARN_PREFIX":                                      {FindingError, "Add the required prefix (arn) to the resource ARN."},
	"INVALID_ARN_RESOURCE":                                    {FindingError, "Resource ARN does not match the expected ARN format. Update the resource portion of the ARN."},
	"INVALID_ARN_SERVICE_CASE":                                {FindingError, "Update the service name %s in the resource ARN to use all lowercase letters."},
	"INVALID_CONDITION_DATA_TYPE":                             {FindingError, "The condition value data types do not match. Use condition values of the same JSON data type."},
	"INVALID_CONDITION_KEY_FORMAT":                            {FindingError, "The condition key format is not valid. Use the format service:keyname."},
	"INVALID_CONDITION_MULTIPLE_BOOLEAN":                      {FindingError, "The condition key does not support multiple Boolean values. Use a single Boolean value."},
	"INVALID_CONDITION_OPERATOR":                              {FindingError, "The condition operator %s is not valid. Use a valid condition operator."},
	"INVALID_EFFECT":                                          {FindingError, "The effect %s is not valid. Use Allow or Deny."},
	"INVALID_GLOBAL_CONDITION_KEY":                            {FindingError, "The condition key %s does not exist. Use a valid condition key."},
	"INVALID_PARTITION":                                       {FindingError, "The resource ARN for the service %s does not support the partition %s. Use the supported values: %s"},
	"INVALID_POLICY_ELEMENT":                                  {FindingError, "The policy element %s is not valid."},
	"INVALID_PRINCIPAL_FORMAT":                                {FindingError, "The Principal element contents are not valid. Specify a key-value pair in the Principal element."},
	"INVALID_PRINCIPAL_KEY":                                   {FindingError, "The principal key %s is not valid."},
	"INVALID_SERVICE":                                         {FindingError, "The service %s does not exist. Use a valid service name."},
	"INVALID_SERVICE_CONDITION_KEY":                           {FindingError, "The condition key %s does not exist in the service %s. Use a valid condition key."},
	"INVALID_SERVICE_IN_ACTION":                               {FindingError, "The service %s specified in the action does not exist."},
	"INVALID_SERVICE_PRINCIPAL_FORMAT":                        {FindingError, "The service principal does not match the expected format. Use the format %s."},
	"INVALID_VARIABLE_FOR_OPERATOR":                           {FindingError, "Policy variables can only be used with String and ARN operators."},
	"INVALID_VERSION":                                         {FindingError, "The version %s is not valid. Use one of the following versions: 2012-10-17, 2008-10-17"},
	"INVALID_VPC_FORMAT":                                      {FindingError, "The VPC identifier in the condition key value is not valid. Use the prefix 'vpc-' followed by 8 or 17 alphanumeric characters."},
	"INVALID_VPCE_FORMAT":                                     {FindingError, "The VPCE identifier in the condition key value is not valid.  Use the prefix 'vpce-' followed by 8 or 17 alphanumeric characters."},
	"JSON_SYNTAX_ERROR":                                       {FindingError, "Fix the JSON syntax error at index %d line %d column %d."},
	"MISMATCHED_ACTION_FOR_PRINCIPAL":                         {FindingError, "The %s action is invalid with the following principal(s): %s. Use a SAML provider principal with the sts:AssumeRoleWithSAML action or use an OIDC provider principal with the sts:AssumeRoleWithWebIdentity action. Ensure the provider is Federated if you use either of the two options."},
	"MISSING_ACTION":                                          {FindingError, "Add an Action or NotAction element to the policy statement."},
	"MISSING_ARN_FIELD":                                       {FindingError, "Resource ARNs must include at least %d fields in the following structure: arn:partition:service:region:account:resource"},
	"MISSING_ARN_REGION":                                      {FindingError, "Add a Region to the %s resource ARN."},
	"MISSING_BRACE_IN_VARIABLE":                               {FindingError, "The policy variable is missing a closing curly brace. Add } after the variable text."},
	"MISSING_EFFECT":                                          {FindingError, "Add an Effect element to the policy statement with a value of Allow or Deny."},
	"MISSING_PRINCIPAL":                                       {FindingError, "Add a Principal element to the policy statement."},
	"MISSING_QUALIFIER":                                       {FindingError, "The request context key %s has multiple values. Use the ForAllValues or ForAnyValue condition key qualifiers in your policy."},
	"MISSING_QUOTE_IN_VARIABLE":                               {FindingError, "The policy variable default value must begin and end with a single quote. Add the missing quote."},
	"MISSING_RESOURCE":                                        {FindingError, "Add a Resource or NotResource element to the policy statement."},
	"MISSING_STATEMENT":                                       {FindingError, "Add a statement to the policy"},
	"MISSING_TAG_KEY_IN_CONDITION":                            {FindingError, "The condition key %[1]s must include a tag key to control access based on tags. Use the format %[1]stag-key and specify a key name for tag-key."},
	"NULL_WITH_IF_EXISTS":                                     {FindingError, "The Null condition operator cannot be used with the IfExists suffix. Update the operator or the suffix."},
	"POLICY_SIZE_EXCEEDS_RCP_QUOTA":                           {FindingError, "The %d characters in the resource control policy (RCP) exceed the %d character maximum for RCPs. " + granular},
	"POLICY_SIZE_EXCEEDS_SCP_QUOTA":                           {FindingError, "The %d characters in the service control policy (SCP) exceed the %d character maximum for SCPs. " + granular},
	"PRIVATE_IP_ADDRESS":                                      {FindingError, privateIPs + " The values for condition key aws:SourceIp include only private IP addresses and will not have the desired effect. Update the value to include only public IP addresses."},
	"PRIVATE_NOT_IP_ADDRESS":                                  {FindingError, "The values for condition key aws:SourceIp include only private IP addresses and has no effect. " + privateIPs + " Update the value to include only public IP addresses."},
	"RCP_SYNTAX_ERROR_ALLOW":                                  {FindingError, `RCPs only support specifying all principals ("*") in the Principal element, all resources ("*") in the Resource element, and no Condition element with an effect of Allow.`},
	"RCP_SYNTAX_ERROR_NOTACTION":                              {FindingError, "RCPs do not support the NotAction element. Update to use the Action element."},
	"RCP_SYNTAX_ERROR_PRINCIPAL":                              {FindingError, `The Principal element contents are not valid. RCPs only support specifying all principals ("*") in the Principal element. The NotPrincipal element is not supported for RCPs.`},
	"SCP_SYNTAX_ERROR_ACTION_WILDCARD":                        {FindingError, "SCP actions can include wildcards (*) only at the end of a string. Update %s."},
	"SCP_SYNTAX_ERROR_PRINCIPAL":                              {FindingError, "SCPs do not support specifying principals. Remove the Principal or NotPrincipal element."},
	"TYPE_MISMATCH_IP_RANGE":                                  {FindingError, "The condition operator %s is used with an invalid IP range value. Specify the IP range in standard CIDR format."},
	"UNIQUE_SIDS_REQUIRED":                                    {FindingError, "Duplicate statement IDs are not supported for this policy type. Update the Sid value."},
	"UNSUPPORTED_ACTION_FOR_CONDITION_KEY":                    {FindingError, "The following actions: %s are not supported by the condition key %s. The condition will not be evaluated for these actions. We recommend that you move these actions to a different statement without this condition key."},
	"UNSUPPORTED_ELEMENT_COMBINATION":                         {FindingError, "The policy elements %s and %s can not be used in the same statement. Remove one of these elements."},
	"UNSUPPORTED_GLOBAL_CONDITION_KEY":                        {FindingError, "The condition key aws:ARN is not supported. Use aws:PrincipalArn or aws:SourceArn instead."},
	"UNSUPPORTED_PRINCIPAL":                                   {FindingError, "The policy type %s does not support the Principal element. Remove the Principal element."},
	"UNSUPPORTED_SID":                                         {FindingError, "Update the characters in the Sid element to use one of the following character types: [a-z, A-Z, 0-9]"},
	"UNSUPPORTED_SPACE_IN_VARIABLE":                           {FindingError, "A space is not supported within the policy variable text. Remove the space."},
	"UNSUPPORTED_WILDCARD_IN_PRINCIPAL":                       {FindingError, "Wildcards (*, ?) are not supported with the principal key %s. Replace the wildcard with a valid principal value."},
	"VARIABLE_UNSUPPORTED_IN_ELEMENT":                         {FindingError, "Policy variables are supported in the Resource and Condition elements. Remove the policy variable %s from this element."},
	"VARIABLE_UNSUPPORTED_IN_VERSION":                         {FindingError, "To include variables in your policy, use the policy version 2012-10-17 or later."},
	"ROLE_TRUST_POLICY_SYNTAX_ERROR_NOTPRINCIPAL":             {FindingError, "Role trust policies do not support NotPrincipal. Update the policy to use a Principal element instead."},
	"ROLE_TRUST_POLICY_SYNTAX_ERROR_RESOURCE":                 {FindingError, "Role trust policies apply to the role that they are attached to. You cannot specify a resource. Remove the Resource or NotResource element."},
	"ROLE_TRUST_POLICY_UNSUPPORTED_WILDCARD_IN_PRINCIPAL":     {FindingError, `"Principal:" "*" is not supported in the principal element of a role trust policy. Replace the wildcard with a valid principal value.`},
	"INVALID_FEDERATED_PRINCIPAL_SYNTAX_IN_ROLE_TRUST_POLICY": {FindingError, "The principal value specifies a federated principal that does not match the expected format. Update the federated principal to a domain name or a SAML metadata ARN."},

	"CREATE_SLR_WITH_NOT_ACTION_AND_NOT_RESOURCE":     {FindingWarning, "Using NotAction with NotResource " + textSLR + " because it allows iam:CreateServiceLinkedRole permissions on multiple resources. " + useARNs},
	"CREATE_SLR_WITH_NOT_RESOURCE":                    {FindingWarning, "Using the iam:CreateServiceLinkedRole action with NotResource " + textSLR + " for multiple resources. " + useARNs},
	"CREATE_SLR_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE": {FindingWarning, "Using an action with a wildcard(*) and NotResource " + textSLR + " because it can allow iam:CreateServiceLinkedRole permissions on multiple resources. " + useARNs},
	"CREATE_SLR_WITH_STAR_IN_ACTION_AND_RESOURCE":     {FindingWarning, "Using wildcards (*) in the action and the resource " + textSLR + " because it allows iam:CreateServiceLinkedRole permissions on all resources. " + useARNs},
	"CREATE_SLR_WITH_STAR_IN_RESOURCE":                {FindingWarning, "Using the iam:CreateServiceLinkedRole action with wildcards (*) in the resource " + textSLR + ". " + useARNs},
	"CREATE_SLR_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION": {FindingWarning, "Using a resource with wildcards (*) and NotAction " + textSLR + " because it allows iam:CreateServiceLinkedRole permissions on all resources. " + useARNs},
	"INVALID_DATE_VALUE":                              {FindingWarning, "The date %s might not resolve as expected. We recommend that you use the YYYY-MM-DD format."},
	"INVALID_ROLE_REFERENCE":                          {FindingWarning, "The Principal element includes the IAM role ID %s. We recommend that you use a role ARN instead."},
	"INVALID_USER_REFERENCE":                          {FindingWarning, "The Principal element includes the IAM user ID %s. We recommend that you use a user ARN instead."},
	"MISSING_VERSION":                                 {FindingWarning, "We recommend that you specify the Version element to help you with debugging permission issues."},
	"POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA":       {FindingWarning, "The %d characters in the identity policy, excluding whitespace, exceed the %d character maximum for inline and managed policies. " + granular},
	"POLICY_SIZE_EXCEEDS_RESOURCE_POLICY_QUOTA":       {FindingWarning, "The %d characters in the resource policy exceed the %d character maximum for resource policies. " + granular},
	"POLICY_SIZE_EXCEEDS_ROLE_TRUST_POLICY_QUOTA":     {FindingWarning, "The characters in the role trust policy, excluding whitespace, exceed the character maximum. We recommend that you request a role trust policy length quota increase using Service Quotas and AWS Support Center. If the quotas have already been increased, then you can ignore this warning."},
	"TYPE_MISMATCH":                                   {FindingWarning, "Use the operator type %s instead of operator %s for the condition key %s."},
	"TYPE_MISMATCH_BOOLEAN":                           {FindingWarning, "Add a valid Boolean value (true or false) for the condition operator %s."},
	"TYPE_MISMATCH_DATE":                              {FindingWarning, "The date condition operator is used with an invalid value. Specify a valid date using YYYY-MM-DD or other ISO 8601 date/time format."},
	"TYPE_MISMATCH_NUMBER":                            {FindingWarning, "Add a valid numeric value for the condition operator %s."},
	"TYPE_MISMATCH_STRING":                            {FindingWarning, "Add a valid base64-encoded string value for the condition operator %s."},
	"UNIQUE_SIDS_RECOMMENDED":                         {FindingWarning, "We recommend that you use statement IDs that are unique to your policy. Update the Sid value."},
	"WILDCARD_WITHOUT_LIKE_OPERATOR":                  {FindingWarning, "Your condition value includes a * or ? character. If you meant to use a wildcard (*, ?), update the condition operator to include Like."},

	"ALLOW_WITH_NOT_PRINCIPAL":                       {FindingSecurityWarning, "Using Allow with NotPrincipal can be overly permissive. We recommend that you use Principal instead."},
	"FORALLVALUES_WITH_SINGLE_VALUED_KEY":            {FindingSecurityWarning, "Using ForAllValues qualifier with the single-valued condition key %s can be overly permissive. We recommend that you remove ForAllValues:."},
	"MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL":       {FindingSecurityWarning, "Using an Open ID Connect principal without a condition can be overly permissive. Add condition keys with a prefix that matches your federated OIDC principals to ensure that only the intended identity provider assumes the role."},
	"MISSING_GITHUB_REPO_CONDITION_KEY":              {FindingSecurityWarning, "Granting a federated GitHub principal permissions without a condition key can allow more sources to assume the role than you intended. Add the token.actions.githubusercontent.com:sub condition key and specify the branch and repository name in the value."},
	"PASS_ROLE_WITH_NOT_ACTION_AND_NOT_RESOURCE":     {FindingSecurityWarning, "Using NotAction with NotResource " + textPassed + " can allow iam:PassRole permissions on multiple resources.. " + useARNs},
	"PASS_ROLE_WITH_NOT_RESOURCE":                    {FindingSecurityWarning, "Using the iam:PassRole action with NotResource " + textPassed + " can allow iam:PassRole permissions on multiple resources. " + useARNs},
	"PASS_ROLE_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE": {FindingSecurityWarning, "Using an action with a wildcard (*) and NotResource " + textPassed + " can allow iam:PassRole permissions on multiple resources. " + useARNs},
	"PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE":     {FindingSecurityWarning, "Using wildcards (*) in the action and the resource " + textPassed + " allows iam:PassRole permissions on all resources. " + useARNsOrKey},
	"PASS_ROLE_WITH_STAR_IN_RESOURCE":                {FindingSecurityWarning, "Using the iam:PassRole action with wildcards (*) in the resource " + textPassed + " allows iam:PassRole permissions on multiple resources. " + useARNsOrKey},
	"PASS_ROLE_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION": {FindingSecurityWarning, "Using a resource with wildcards (*) and NotAction " + textPassed + " allows iam:PassRole permissions on all resources. " + useARNsOrKey},
	"STRING_LIKE_OPERATOR_WITH_ARN_CONDITION_KEYS":   {FindingSecurityWarning, "Use the operator type %s instead of operator %s for the condition key %s."},

	"EMPTY_ARRAY_ACTION":                 {FindingSuggestion, "This statement includes no actions and does not affect the policy. Specify actions."},
	"EMPTY_ARRAY_CONDITION":              {FindingSuggestion, "There are no values for the condition key %s and it does not affect the policy. Specify conditions."},
	"EMPTY_ARRAY_CONDITION_FORALLVALUES": {FindingSuggestion, "The ForAllValues prefix with an empty condition key " + useNull},
	"EMPTY_ARRAY_CONDITION_FORANYVALUE":  {FindingSuggestion, "The ForAnyValue prefix with an empty condition key %s never matches the request context and it does not affect the policy. Specify conditions."},
	"EMPTY_ARRAY_CONDITION_IFEXISTS":     {FindingSuggestion, "The IfExists suffix with an empty condition key " + useNull},
	"EMPTY_ARRAY_PRINCIPAL":              {FindingSuggestion, "This statement includes no principals and does not affect the policy. Specify principals."},
	"EMPTY_ARRAY_RESOURCE":               {FindingSuggestion, "This statement includes no resources and does not affect the policy. Specify resources."},
	"EMPTY_OBJECT_CONDITION":             {FindingSuggestion, "This condition block is empty and it does not affect the policy. Specify conditions."},
	"EMPTY_OBJECT_PRINCIPAL":             {FindingSuggestion, "This statement includes no principals and does not affect the policy. Specify principals."},
	"EMPTY_SID_VALUE":                    {FindingSuggestion, "Add a value to the empty string in the Sid element."},
	"IMPROVE_IP_RANGE":                   {FindingSuggestion, "The non-zero bits in the IP address after the masked bits are ignored. Replace address with %s."},
	"NULL_WITH_QUALIFIER":                {FindingSuggestion, "Avoid using the Null condition operator with the ForAllValues or ForAnyValue qualifiers because they always return a true or false respectively."},
	"PRIVATE_IP_ADDRESS_SUBSET":          {FindingSuggestion, "The values for condition key aws:SourceIp include a mix of private and public IP addresses. The private addresses will not have the desired effect. " + vpcSource},
	"PRIVATE_NOT_IP_ADDRESS_SUBSET":      {FindingSuggestion, "The values for condition key aws:SourceIp include a mix of private and public IP addresses. The private addresses have no effect. " + vpcSource},
	"REDUNDANT_ACTION":                   {FindingSuggestion, "The %d action(s) are redundant because they provide similar permissions. Update the policy to remove the redundant action such as: %s."},
	"REDUNDANT_CONDITION_VALUE_NUM":      {FindingSuggestion, "Multiple values in %s are redundant. Replace with the %s single value for %s."},
	"REDUNDANT_RESOURCE":                 {FindingSuggestion, "The %d resource ARN(s) are redundant because they reference the same resource. Review the use of wildcards (*)"},
	"REDUNDANT_STATEMENT":                {FindingSuggestion, "The statements are redundant because they provide identical permissions. Update the policy to remove the redundant statement."},
	"WILDCARD_IN_SERVICE_NAME":           {FindingSuggestion, "Avoid using wildcards (*, ?) in the service name because it might grant unintended access to other AWS services with similar names."},
}
