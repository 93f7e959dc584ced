import { Box, Link } from "@cloudscape-design/components";
import type { Group, Policy, User } from "@aws-sdk/client-iam";
import { useMemo } from "react";
import { at } from "./router";
import { iam } from "./session";
import { all, Listing, useLoad, usePages, when } from "./ui";

// PickGroups lets groups be chosen.
export function PickGroups({ selected, onChange }: { selected: string[]; onChange: (names: string[]) => void }) {
  const pages = usePages(async (Marker?: string) => {
    const out = await iam().listGroups({ Marker, MaxItems: 1000 });
    return { items: out.Groups ?? [], marker: out.Marker };
  });
  const chosen = useMemo(() => pages.items.filter((g) => selected.includes(g.GroupName!)), [pages.items, selected]);
  return (
    <Listing<Group>
      name="User groups" thing="group" {...pages} variant="container" id={(g) => g.GroupName ?? ""} select="multi" selected={chosen} onSelect={(s) => onChange(s.map((g) => g.GroupName!))}
      columns={[
        { id: "name", header: "Group name", sortingField: "GroupName", isRowHeader: true, cell: (g) => g.GroupName },
        { id: "created", header: "Created", sortingField: "CreateDate", cell: (g) => when(g.CreateDate) },
      ]}
    />
  );
}

// PickUsers lets users be chosen.
export function PickUsers({ selected, onChange, single, title }: { selected: User[]; onChange: (u: User[]) => void; single?: boolean; title?: string }) {
  const pages = usePages(async (Marker?: string) => {
    const out = await iam().listUsers({ Marker, MaxItems: 1000 });
    return { items: out.Users ?? [], marker: out.Marker };
  });
  return (
    <Listing<User>
      name={title ?? "Users"} thing="user" {...pages} variant="container" id={(u) => u.UserName ?? ""} select={single ? "single" : "multi"} selected={selected} onSelect={onChange}
      columns={[
        { id: "name", header: "User name", sortingField: "UserName", isRowHeader: true, cell: (u) => u.UserName },
        { id: "created", header: "Creation time", sortingField: "CreateDate", cell: (u) => when(u.CreateDate) },
      ]}
    />
  );
}

let managed: Promise<Policy[]> | undefined;

// managedPolicies are all policies that can be attached; they are many, so they
// are kept for a while.
export function managedPolicies(): Promise<Policy[]> {
  managed ??= all(async (Marker?: string) => {
    const out = await iam().listPolicies({ Marker, MaxItems: 1000 });
    return { items: out.Policies, marker: out.Marker };
  });
  managed.catch(() => (managed = undefined));
  return managed;
}

export function forgetPolicies() {
  managed = undefined;
}

export const policyType = (arn = "") => (arn.startsWith("arn:aws:iam::aws:policy/job-function/") ? "AWS managed - job function" : arn.startsWith("arn:aws:iam::aws:") ? "AWS managed" : "Customer managed");

// PickPolicies lets managed policies be chosen.
export function PickPolicies({ selected, onChange, single }: { selected: Policy[]; onChange: (p: Policy[]) => void; single?: boolean }) {
  const loaded = useLoad(managedPolicies, []);
  return (
    <Listing<Policy>
      name="Permissions policies" thing="policy" items={loaded.data ?? []} loading={loaded.loading} error={loaded.error} variant="container" id={(p) => p.Arn ?? ""} label={(p) => p.PolicyName ?? ""}
      kinds={{ label: "All types", options: ["Customer managed", "AWS managed", "AWS managed - job function"], of: (p) => policyType(p.Arn) }}
      select={single ? "single" : "multi"} selected={selected} onSelect={onChange} description={<Box>{selected.length} chosen</Box>}
      columns={[
        { id: "name", header: "Policy name", sortingField: "PolicyName", isRowHeader: true, width: 380, cell: (p) => <Link href={at("policies", "details", p.Arn!)} external target="_blank">{p.PolicyName}</Link> },
        { id: "type", header: "Type", sortingField: "Arn", cell: (p) => policyType(p.Arn) },
        { id: "used", header: "Attached entities", sortingField: "AttachmentCount", cell: (p) => p.AttachmentCount },
      ]}
    />
  );
}
