type Input = Record<string, unknown>;

// laidOut is a document, JSON with a line for each member.
function laidOut(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

// hcl writes a value as Terraform reads it: what policies write as ${aws:username}
// is no template of Terraform's.
function hcl(value: unknown, indent = "  "): string {
  if (typeof value === "string") {
    const document = /^\s*[{<-]/.test(value) ? laidOut(value) : "";
    const plain = (document || value).replace(/([$%])\{/g, "$1$1{");
    return document.includes("\n") ? `<<-EOT\n${plain.trimEnd().split("\n").map((l) => `${indent}  ${l}`).join("\n")}\n${indent}EOT` : JSON.stringify(plain);
  }
  if (Array.isArray(value)) return `[${value.map((v) => hcl(v, indent)).join(", ")}]`;
  if (value !== null && typeof value === "object") {
    return `{\n${Object.entries(value).map(([k, v]) => `${indent}  ${JSON.stringify(k)} = ${hcl(v, indent + "  ")}\n`).join("")}${indent}}`;
  }
  return String(value);
}

const nameOf = (arn: unknown) => String(arn).replace(/^.*[/:]/, "");

// label is a name that Terraform takes for a resource.
const label = (...of: unknown[]) => of.map((o) => nameOf(o).replace(/[^\w-]/g, "_")).join("_").replace(/^(?![A-Za-z_])/, "_");

const tags = (i: Input) => (Array.isArray(i.Tags) && i.Tags.length ? Object.fromEntries((i.Tags as { Key: string; Value: string }[]).map((t) => [t.Key, t.Value])) : undefined);

type Resource = [type: string, label: string, args: Input];

// resources are the operations that bring about what a resource of the AWS
// provider says in full. An operation that takes something away, or changes a part
// of what a resource says, is none of these.
const resources: Record<string, (i: Input) => Resource | undefined> = {
  CreateUser: (i) => ["user", label(i.UserName), { name: i.UserName, path: i.Path, permissions_boundary: i.PermissionsBoundary, tags: tags(i) }],
  CreateGroup: (i) => ["group", label(i.GroupName), { name: i.GroupName, path: i.Path }],
  CreateRole: (i) => ["role", label(i.RoleName), { name: i.RoleName, path: i.Path, description: i.Description, max_session_duration: i.MaxSessionDuration, permissions_boundary: i.PermissionsBoundary, assume_role_policy: i.AssumeRolePolicyDocument, tags: tags(i) }],
  CreatePolicy: (i) => ["policy", label(i.PolicyName), { name: i.PolicyName, path: i.Path, description: i.Description, policy: i.PolicyDocument, tags: tags(i) }],
  // Of the caller's own keys the name isn't known.
  CreateAccessKey: (i) => (i.UserName ? ["access_key", label(i.UserName), { user: i.UserName }] : undefined),
  CreateLoginProfile: (i) => ["user_login_profile", label(i.UserName), { user: i.UserName, password_reset_required: i.PasswordResetRequired }],
  CreateAccountAlias: (i) => ["account_alias", "alias", { account_alias: i.AccountAlias }],
  CreateVirtualMFADevice: (i) => ["virtual_mfa_device", label(i.VirtualMFADeviceName), { virtual_mfa_device_name: i.VirtualMFADeviceName, path: i.Path, tags: tags(i) }],
  CreateOpenIDConnectProvider: (i) => ["openid_connect_provider", label(i.Url), { url: i.Url, client_id_list: i.ClientIDList ?? [], thumbprint_list: i.ThumbprintList, tags: tags(i) }],
  CreateSAMLProvider: (i) => ["saml_provider", label(i.Name), { name: i.Name, saml_metadata_document: i.SAMLMetadataDocument, tags: tags(i) }],
  CreateServiceSpecificCredential: (i) => (i.UserName && !i.CredentialAgeDays ? ["service_specific_credential", label(i.UserName), { service_name: i.ServiceName, user_name: i.UserName }] : undefined),
  UploadSSHPublicKey: (i) => (i.UserName ? ["user_ssh_key", label(i.UserName), { username: i.UserName, encoding: "SSH", public_key: i.SSHPublicKeyBody }] : undefined),
  UploadSigningCertificate: (i) => (i.UserName ? ["signing_certificate", label(i.UserName), { user_name: i.UserName, certificate_body: i.CertificateBody }] : undefined),
  AddUserToGroup: (i) => ["user_group_membership", label(i.UserName, i.GroupName), { user: i.UserName, groups: [i.GroupName] }],
  AttachUserPolicy: (i) => ["user_policy_attachment", label(i.UserName, i.PolicyArn), { user: i.UserName, policy_arn: i.PolicyArn }],
  AttachGroupPolicy: (i) => ["group_policy_attachment", label(i.GroupName, i.PolicyArn), { group: i.GroupName, policy_arn: i.PolicyArn }],
  AttachRolePolicy: (i) => ["role_policy_attachment", label(i.RoleName, i.PolicyArn), { role: i.RoleName, policy_arn: i.PolicyArn }],
  PutUserPolicy: (i) => ["user_policy", label(i.UserName, i.PolicyName), { user: i.UserName, name: i.PolicyName, policy: i.PolicyDocument }],
  PutGroupPolicy: (i) => ["group_policy", label(i.GroupName, i.PolicyName), { group: i.GroupName, name: i.PolicyName, policy: i.PolicyDocument }],
  PutRolePolicy: (i) => ["role_policy", label(i.RoleName, i.PolicyName), { role: i.RoleName, name: i.PolicyName, policy: i.PolicyDocument }],
  UpdateAccountPasswordPolicy: (i) => ["account_password_policy", "policy", {
    minimum_password_length: i.MinimumPasswordLength, require_symbols: i.RequireSymbols, require_numbers: i.RequireNumbers, require_uppercase_characters: i.RequireUppercaseCharacters, require_lowercase_characters: i.RequireLowercaseCharacters,
    allow_users_to_change_password: i.AllowUsersToChangePassword, max_password_age: i.MaxPasswordAge, password_reuse_prevention: i.PasswordReusePrevention, hard_expiry: i.HardExpiry,
  }],
  SetSecurityTokenServicePreferences: (i) => ["security_token_service_preferences", "sts", { global_endpoint_token_version: i.GlobalEndpointTokenVersion }],
};

// terraformOf is the resource of Terraform's AWS provider for an operation of IAM's,
// where one fits.
export function terraformOf(operation: string, input: object): string | undefined {
  const resource = resources[operation]?.(input as Input);
  if (!resource) return undefined;
  const [type, name, given] = resource;
  const args = Object.entries(given).filter(([, value]) => value !== undefined && value !== null);
  const widest = Math.max(...args.map(([key]) => key.length));
  return `resource "aws_iam_${type}" "${name}" {\n${args.map(([key, value]) => `  ${key.padEnd(widest)} = ${hcl(value)}\n`).join("")}}`;
}
