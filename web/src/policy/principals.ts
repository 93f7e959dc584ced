import type { PolicyUsageType } from "@aws-sdk/client-iam";
import { principal } from "../permissions";
import { iam } from "../session";
import { all } from "../ui";
import { pretty } from "./document";

// principalsOf are the users and roles that a managed policy says something to:
// those that it is attached to, and the members of such groups.
export async function principalsOf(PolicyArn: string): Promise<{ users: string[]; roles: string[]; groups: string[]; bounds: boolean }> {
  const usage = (PolicyUsageFilter: PolicyUsageType) => iam().listEntitiesForPolicy({ PolicyArn, PolicyUsageFilter, MaxItems: 1000 });
  const [on, bounds] = await Promise.all([usage("PermissionsPolicy"), usage("PermissionsBoundary")]);
  const users = new Set((on.PolicyUsers ?? []).map((u) => u.UserName!));
  const groups = (on.PolicyGroups ?? []).map((g) => g.GroupName!);
  for (const GroupName of groups) {
    for (const u of await all(async (Marker?: string) => { const o = await iam().getGroup({ GroupName, Marker }); return { items: o.Users, marker: o.Marker }; })) users.add(u.UserName!);
  }
  return { users: [...users], roles: (on.PolicyRoles ?? []).map((r) => r.RoleName!), groups, bounds: (bounds.PolicyUsers ?? []).length + (bounds.PolicyRoles ?? []).length > 0 };
}

// Held is a policy that says something to a principal.
export interface Held {
  name: string;
  arn?: string;
  via: string;
  text: string; // laid out
  boundary?: boolean;
  place: string; // where it can be changed, in the console
}

// documents keeps the texts of managed policies while a page needs them.
export type Documents = Map<string, Promise<string>>;

export function document(PolicyArn: string, known: Documents): Promise<string> {
  let text = known.get(PolicyArn);
  if (!text) {
    text = iam().getPolicy({ PolicyArn })
      .then((p) => iam().getPolicyVersion({ PolicyArn, VersionId: p.Policy!.DefaultVersionId }))
      .then((v) => pretty(decodeURIComponent(v.PolicyVersion?.Document ?? "")));
    known.set(PolicyArn, text);
  }
  return text;
}

const managedAt = (arn: string) => "#/policies/details/" + encodeURIComponent(arn);

// policiesOf are all policies of a user, group or role: its own, those of its
// groups, and its permissions boundary.
export async function policiesOf(kind: "user" | "group" | "role", name: string, known: Documents = new Map()): Promise<Held[]> {
  const own = principal[kind](name);
  const groups = await own.groups();
  const held: Held[] = [];
  for (const [p, via, at] of [[own, "", `#/${kind}s/details/${encodeURIComponent(name)}`] as const, ...groups.map((g) => [principal.group(g), ` through group ${g}`, `#/groups/details/${encodeURIComponent(g)}`] as const)]) {
    const [attached, inline] = await Promise.all([p.attached(), p.inline()]);
    held.push(...(await Promise.all(attached.map(async (a): Promise<Held> => ({ name: a.PolicyName!, arn: a.PolicyArn, via: "attached" + via, text: await document(a.PolicyArn!, known), place: managedAt(a.PolicyArn!) })))));
    held.push(...(await Promise.all(inline.map(async (n): Promise<Held> => ({ name: n, via: "inline" + via, text: pretty(await p.document(n)), place: at })))));
  }
  const bound = kind === "user" ? (await iam().getUser({ UserName: name })).User?.PermissionsBoundary : kind === "role" ? (await iam().getRole({ RoleName: name })).Role?.PermissionsBoundary : undefined;
  const arn = bound?.PermissionsBoundaryArn;
  if (arn) held.push({ name: arn.replace(/^.*\//, ""), arn, via: "permissions boundary", text: await document(arn, known), boundary: true, place: managedAt(arn) });
  return held;
}
