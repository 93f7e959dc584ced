import { doing } from "./doing";
import type { Doing } from "./doing";
import { iam } from "./session";
import { absent, all } from "./ui";

// Step is one thing that stands in the way of a deletion.
export interface Step {
  text: string;
  calls: Doing[];
}

// userSteps is all that must go before a user can, in order, and the user.
export async function userSteps(UserName: string): Promise<Step[]> {
  const c = iam();
  const [keys, login, mfa, certs, ssh, services, groups, attached, inline, boundary] = await Promise.all([
    c.listAccessKeys({ UserName }).then((o) => o.AccessKeyMetadata ?? []),
    absent(c.getLoginProfile({ UserName })),
    c.listMFADevices({ UserName }).then((o) => o.MFADevices ?? []),
    c.listSigningCertificates({ UserName }).then((o) => o.Certificates ?? []),
    c.listSSHPublicKeys({ UserName }).then((o) => o.SSHPublicKeys ?? []),
    c.listServiceSpecificCredentials({ UserName }).then((o) => o.ServiceSpecificCredentials ?? []),
    c.listGroupsForUser({ UserName }).then((o) => o.Groups ?? []),
    c.listAttachedUserPolicies({ UserName }).then((o) => o.AttachedPolicies ?? []),
    all(async (Marker?: string) => { const o = await c.listUserPolicies({ UserName, Marker }); return { items: o.PolicyNames, marker: o.Marker }; }),
    c.getUser({ UserName }).then((o) => o.User?.PermissionsBoundary),
  ]);
  const steps: Step[] = [];
  const add = (text: string, ...calls: Doing[]) => steps.push({ text, calls });
  for (const k of keys) add(`Access key ${k.AccessKeyId}`, doing("deleteAccessKey", { UserName, AccessKeyId: k.AccessKeyId }));
  if (login) add("Console password", doing("deleteLoginProfile", { UserName }));
  for (const { SerialNumber } of mfa) {
    const virtual = SerialNumber?.includes(":mfa/") ? [doing("deleteVirtualMFADevice", { SerialNumber })] : [];
    add(`MFA device ${SerialNumber}`, doing("deactivateMFADevice", { UserName, SerialNumber }), ...virtual);
  }
  for (const { CertificateId } of certs) add(`Signing certificate ${CertificateId}`, doing("deleteSigningCertificate", { UserName, CertificateId }));
  for (const { SSHPublicKeyId } of ssh) add(`SSH key ${SSHPublicKeyId}`, doing("deleteSSHPublicKey", { UserName, SSHPublicKeyId }));
  for (const { ServiceName, ServiceSpecificCredentialId } of services) add(`Credential for ${ServiceName}`, doing("deleteServiceSpecificCredential", { UserName, ServiceSpecificCredentialId }));
  for (const { GroupName } of groups) add(`Membership in ${GroupName}`, doing("removeUserFromGroup", { UserName, GroupName }));
  for (const { PolicyArn, PolicyName } of attached) add(`Policy ${PolicyName}`, doing("detachUserPolicy", { UserName, PolicyArn }));
  for (const PolicyName of inline) add(`Inline policy ${PolicyName}`, doing("deleteUserPolicy", { UserName, PolicyName }));
  if (boundary) add("Permissions boundary", doing("deleteUserPermissionsBoundary", { UserName }));
  add(`User ${UserName}`, doing("deleteUser", { UserName }));
  return steps;
}

// roleSteps is the same of a role.
export async function roleSteps(RoleName: string): Promise<Step[]> {
  const c = iam();
  const [attached, inline, profiles] = await Promise.all([
    all(async (Marker?: string) => { const o = await c.listAttachedRolePolicies({ RoleName, Marker }); return { items: o.AttachedPolicies, marker: o.Marker }; }),
    all(async (Marker?: string) => { const o = await c.listRolePolicies({ RoleName, Marker }); return { items: o.PolicyNames, marker: o.Marker }; }),
    all(async (Marker?: string) => { const o = await c.listInstanceProfilesForRole({ RoleName, Marker }); return { items: o.InstanceProfiles, marker: o.Marker }; }),
  ]);
  const steps: Step[] = [];
  const add = (text: string, ...calls: Doing[]) => steps.push({ text, calls });
  for (const { InstanceProfileName } of profiles) add(`Place in instance profile ${InstanceProfileName}`, doing("removeRoleFromInstanceProfile", { RoleName, InstanceProfileName }));
  for (const { PolicyArn, PolicyName } of attached) add(`Policy ${PolicyName}`, doing("detachRolePolicy", { RoleName, PolicyArn }));
  for (const PolicyName of inline) add(`Inline policy ${PolicyName}`, doing("deleteRolePolicy", { RoleName, PolicyName }));
  add(`Role ${RoleName}`, doing("deleteRole", { RoleName }));
  return steps;
}

// policySteps is the same of a customer managed policy. Where it is a permissions
// boundary the API refuses to delete it.
export async function policySteps(PolicyArn: string): Promise<Step[]> {
  const c = iam();
  const [on, versions] = await Promise.all([
    all(async (Marker?: string) => { const o = await c.listEntitiesForPolicy({ PolicyArn, PolicyUsageFilter: "PermissionsPolicy", Marker }); return { items: [o], marker: o.Marker }; }),
    all(async (Marker?: string) => { const o = await c.listPolicyVersions({ PolicyArn, Marker }); return { items: o.Versions, marker: o.Marker }; }),
  ]);
  const steps: Step[] = [];
  const add = (text: string, ...calls: Doing[]) => steps.push({ text, calls });
  for (const { UserName } of on.flatMap((o) => o.PolicyUsers ?? [])) add(`Attachment to user ${UserName}`, doing("detachUserPolicy", { UserName, PolicyArn }));
  for (const { GroupName } of on.flatMap((o) => o.PolicyGroups ?? [])) add(`Attachment to group ${GroupName}`, doing("detachGroupPolicy", { GroupName, PolicyArn }));
  for (const { RoleName } of on.flatMap((o) => o.PolicyRoles ?? [])) add(`Attachment to role ${RoleName}`, doing("detachRolePolicy", { RoleName, PolicyArn }));
  for (const { VersionId } of versions.filter((v) => !v.IsDefaultVersion)) add(`Version ${VersionId}`, doing("deletePolicyVersion", { PolicyArn, VersionId }));
  add("The policy, with its default version", doing("deletePolicy", { PolicyArn }));
  return steps;
}

// groupSteps is the same of a group.
export async function groupSteps(GroupName: string): Promise<Step[]> {
  const c = iam();
  const [members, attached, inline] = await Promise.all([
    all(async (Marker?: string) => { const o = await c.getGroup({ GroupName, Marker }); return { items: o.Users, marker: o.Marker }; }),
    all(async (Marker?: string) => { const o = await c.listAttachedGroupPolicies({ GroupName, Marker }); return { items: o.AttachedPolicies, marker: o.Marker }; }),
    all(async (Marker?: string) => { const o = await c.listGroupPolicies({ GroupName, Marker }); return { items: o.PolicyNames, marker: o.Marker }; }),
  ]);
  const steps: Step[] = [];
  const add = (text: string, ...calls: Doing[]) => steps.push({ text, calls });
  for (const { UserName } of members) add(`Membership of ${UserName}`, doing("removeUserFromGroup", { GroupName, UserName }));
  for (const { PolicyArn, PolicyName } of attached) add(`Policy ${PolicyName}`, doing("detachGroupPolicy", { GroupName, PolicyArn }));
  for (const PolicyName of inline) add(`Inline policy ${PolicyName}`, doing("deleteGroupPolicy", { GroupName, PolicyName }));
  add(`Group ${GroupName}`, doing("deleteGroup", { GroupName }));
  return steps;
}
