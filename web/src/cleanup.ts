import { iam } from "./session";
import { absent, all } from "./ui";

// Step is one thing that stands in the way of a deletion.
export interface Step {
  text: string;
  run: () => Promise<unknown>;
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
    c.listUserPolicies({ UserName }).then((o) => o.PolicyNames ?? []),
    c.getUser({ UserName }).then((o) => o.User?.PermissionsBoundary),
  ]);
  const steps: Step[] = [];
  const add = (text: string, run: () => Promise<unknown>) => steps.push({ text, run });
  for (const k of keys) add(`Access key ${k.AccessKeyId}`, () => c.deleteAccessKey({ UserName, AccessKeyId: k.AccessKeyId }));
  if (login) add("Console password", () => c.deleteLoginProfile({ UserName }));
  for (const d of mfa) {
    add(`MFA device ${d.SerialNumber}`, async () => {
      await c.deactivateMFADevice({ UserName, SerialNumber: d.SerialNumber });
      if (d.SerialNumber?.includes(":mfa/")) await c.deleteVirtualMFADevice({ SerialNumber: d.SerialNumber });
    });
  }
  for (const s of certs) add(`Signing certificate ${s.CertificateId}`, () => c.deleteSigningCertificate({ UserName, CertificateId: s.CertificateId }));
  for (const s of ssh) add(`SSH key ${s.SSHPublicKeyId}`, () => c.deleteSSHPublicKey({ UserName, SSHPublicKeyId: s.SSHPublicKeyId }));
  for (const s of services) add(`Credential for ${s.ServiceName}`, () => c.deleteServiceSpecificCredential({ UserName, ServiceSpecificCredentialId: s.ServiceSpecificCredentialId }));
  for (const g of groups) add(`Membership in ${g.GroupName}`, () => c.removeUserFromGroup({ UserName, GroupName: g.GroupName }));
  for (const p of attached) add(`Policy ${p.PolicyName}`, () => c.detachUserPolicy({ UserName, PolicyArn: p.PolicyArn }));
  for (const PolicyName of inline) add(`Inline policy ${PolicyName}`, () => c.deleteUserPolicy({ UserName, PolicyName }));
  if (boundary) add("Permissions boundary", () => c.deleteUserPermissionsBoundary({ UserName }));
  add(`User ${UserName}`, () => c.deleteUser({ UserName }));
  return steps;
}

// roleSteps is the same of a role.
export async function roleSteps(RoleName: string): Promise<Step[]> {
  const c = iam();
  const [attached, inline, profiles] = await Promise.all([
    all(async (Marker?: string) => {
      const o = await c.listAttachedRolePolicies({ RoleName, Marker });
      return { items: o.AttachedPolicies, marker: o.Marker };
    }),
    c.listRolePolicies({ RoleName }).then((o) => o.PolicyNames ?? []),
    c.listInstanceProfilesForRole({ RoleName }).then((o) => o.InstanceProfiles ?? []),
  ]);
  const steps: Step[] = [];
  const add = (text: string, run: () => Promise<unknown>) => steps.push({ text, run });
  for (const p of profiles) add(`Place in instance profile ${p.InstanceProfileName}`, () => c.removeRoleFromInstanceProfile({ RoleName, InstanceProfileName: p.InstanceProfileName }));
  for (const p of attached) add(`Policy ${p.PolicyName}`, () => c.detachRolePolicy({ RoleName, PolicyArn: p.PolicyArn }));
  for (const PolicyName of inline) add(`Inline policy ${PolicyName}`, () => c.deleteRolePolicy({ RoleName, PolicyName }));
  add(`Role ${RoleName}`, () => c.deleteRole({ RoleName }));
  return steps;
}

// groupSteps is the same of a group.
export async function groupSteps(GroupName: string): Promise<Step[]> {
  const c = iam();
  const [members, attached, inline] = await Promise.all([
    all(async (Marker?: string) => {
      const o = await c.getGroup({ GroupName, Marker });
      return { items: o.Users, marker: o.Marker };
    }),
    c.listAttachedGroupPolicies({ GroupName }).then((o) => o.AttachedPolicies ?? []),
    c.listGroupPolicies({ GroupName }).then((o) => o.PolicyNames ?? []),
  ]);
  const steps: Step[] = [];
  const add = (text: string, run: () => Promise<unknown>) => steps.push({ text, run });
  for (const u of members) add(`Membership of ${u.UserName}`, () => c.removeUserFromGroup({ GroupName, UserName: u.UserName }));
  for (const p of attached) add(`Policy ${p.PolicyName}`, () => c.detachGroupPolicy({ GroupName, PolicyArn: p.PolicyArn }));
  for (const PolicyName of inline) add(`Inline policy ${PolicyName}`, () => c.deleteGroupPolicy({ GroupName, PolicyName }));
  add(`Group ${GroupName}`, () => c.deleteGroup({ GroupName }));
  return steps;
}
