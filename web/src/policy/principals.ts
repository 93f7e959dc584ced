import { principal } from "../permissions";
import { iam } from "../session";
import { all } from "../ui";
import { pretty } from "./document";

// Subject is a policy: a managed one, or an inline one of a user, group or role.
export type Subject = { arn: string } | { kind: "user" | "group" | "role"; name: string; inline: string };

const members = async (GroupName: string) => (await all(async (Marker?: string) => { const o = await iam().getGroup({ GroupName, Marker }); return { items: o.Users, marker: o.Marker }; })).map((u) => u.UserName!);

// principalsOf are the users and roles that a policy says something to: those that
// have it, also as their boundary, and the members of such groups.
export async function principalsOf(subject: Subject): Promise<{ users: string[]; roles: string[] }> {
  if (!("arn" in subject)) return { users: subject.kind === "user" ? [subject.name] : subject.kind === "group" ? await members(subject.name) : [], roles: subject.kind === "role" ? [subject.name] : [] };
  const users = new Set<string>();
  const roles = new Set<string>();
  let Marker: string | undefined;
  do {
    const on = await iam().listEntitiesForPolicy({ PolicyArn: subject.arn, Marker, MaxItems: 1000 });
    for (const u of on.PolicyUsers ?? []) users.add(u.UserName!);
    for (const r of on.PolicyRoles ?? []) roles.add(r.RoleName!);
    for (const g of on.PolicyGroups ?? []) for (const u of await members(g.GroupName!)) users.add(u);
    Marker = on.Marker;
  } while (Marker);
  return { users: [...users], roles: [...roles] };
}

// is says whether a policy that a principal holds is that one.
export const is = (h: Held, subject: Subject) => ("arn" in subject ? h.arn === subject.arn : !h.arn && h.name === subject.inline && h.holder === `${subject.kind}/${subject.name}`);

// Held is a policy that says something to a principal.
export interface Held {
  name: string;
  arn?: string;
  holder: string; // as in user/ann
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
    const holder = `${p.kind}/${p.name}`;
    held.push(...(await Promise.all(attached.map(async (a): Promise<Held> => ({ name: a.PolicyName!, holder, arn: a.PolicyArn, via: "attached" + via, text: await document(a.PolicyArn!, known), place: managedAt(a.PolicyArn!) })))));
    held.push(...(await Promise.all(inline.map(async (n): Promise<Held> => ({ name: n, holder, via: "inline" + via, text: pretty(await p.document(n)), place: at })))));
  }
  const bound = kind === "user" ? (await iam().getUser({ UserName: name })).User?.PermissionsBoundary : kind === "role" ? (await iam().getRole({ RoleName: name })).Role?.PermissionsBoundary : undefined;
  const arn = bound?.PermissionsBoundaryArn;
  if (arn) held.push({ name: arn.replace(/^.*\//, ""), arn, holder: `${kind}/${name}`, via: "permissions boundary", text: await document(arn, known), boundary: true, place: managedAt(arn) });
  return held;
}
