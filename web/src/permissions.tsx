import { Box, Button, ButtonDropdown, Container, ExpandableSection, Header, Link, SpaceBetween, Table } from "@cloudscape-design/components";
import type { Policy } from "@aws-sdk/client-iam";
import { lazy, Suspense, useState } from "react";
import { flashed } from "./flash";
import { PickPolicies, policyType } from "./pick";
import { pretty } from "./policy/document";
import { at } from "./router";
import { iam } from "./session";
import { all, Ask, Problem, useLoad } from "./ui";

const Peek = lazy(async () => ({ default: (await import("./policy/peek")).Peek }));
const InlineEditor = lazy(async () => ({ default: (await import("./editor")).InlineEditor }));

// Principal is a user, group or role, whose policies are listed and changed.
export interface Principal {
  name: string;
  kind: "user" | "group" | "role";
  attached: () => Promise<{ PolicyName?: string; PolicyArn?: string }[]>;
  inline: () => Promise<string[]>;
  document: (PolicyName: string) => Promise<string>;
  put: (PolicyName: string, PolicyDocument: string) => Promise<unknown>;
  attach: (PolicyArn: string) => Promise<unknown>;
  detach: (PolicyArn: string) => Promise<unknown>;
  remove: (PolicyName: string) => Promise<unknown>;
  groups: () => Promise<string[]>; // whose policies count too
  bound?: (PolicyArn: string) => Promise<unknown>;
  unbound?: () => Promise<unknown>;
}

const decoded = (o: { PolicyDocument?: string }) => decodeURIComponent(o.PolicyDocument ?? "");

export const principal = {
  user: (UserName: string): Principal => ({
    name: UserName, kind: "user",
    attached: () => all(async (Marker?: string) => { const o = await iam().listAttachedUserPolicies({ UserName, Marker }); return { items: o.AttachedPolicies, marker: o.Marker }; }),
    inline: () => all(async (Marker?: string) => { const o = await iam().listUserPolicies({ UserName, Marker }); return { items: o.PolicyNames, marker: o.Marker }; }),
    document: async (PolicyName) => decoded(await iam().getUserPolicy({ UserName, PolicyName })),
    put: (PolicyName, PolicyDocument) => iam().putUserPolicy({ UserName, PolicyName, PolicyDocument }),
    attach: (PolicyArn) => iam().attachUserPolicy({ UserName, PolicyArn }),
    detach: (PolicyArn) => iam().detachUserPolicy({ UserName, PolicyArn }),
    remove: (PolicyName) => iam().deleteUserPolicy({ UserName, PolicyName }),
    groups: async () => ((await iam().listGroupsForUser({ UserName })).Groups ?? []).map((g) => g.GroupName!),
    bound: (PermissionsBoundary) => iam().putUserPermissionsBoundary({ UserName, PermissionsBoundary }),
    unbound: () => iam().deleteUserPermissionsBoundary({ UserName }),
  }),
  group: (GroupName: string): Principal => ({
    name: GroupName, kind: "group",
    attached: () => all(async (Marker?: string) => { const o = await iam().listAttachedGroupPolicies({ GroupName, Marker }); return { items: o.AttachedPolicies, marker: o.Marker }; }),
    inline: () => all(async (Marker?: string) => { const o = await iam().listGroupPolicies({ GroupName, Marker }); return { items: o.PolicyNames, marker: o.Marker }; }),
    document: async (PolicyName) => decoded(await iam().getGroupPolicy({ GroupName, PolicyName })),
    put: (PolicyName, PolicyDocument) => iam().putGroupPolicy({ GroupName, PolicyName, PolicyDocument }),
    attach: (PolicyArn) => iam().attachGroupPolicy({ GroupName, PolicyArn }),
    detach: (PolicyArn) => iam().detachGroupPolicy({ GroupName, PolicyArn }),
    remove: (PolicyName) => iam().deleteGroupPolicy({ GroupName, PolicyName }),
    groups: async () => [],
  }),
  role: (RoleName: string): Principal => ({
    name: RoleName, kind: "role",
    attached: () => all(async (Marker?: string) => { const o = await iam().listAttachedRolePolicies({ RoleName, Marker }); return { items: o.AttachedPolicies, marker: o.Marker }; }),
    inline: () => all(async (Marker?: string) => { const o = await iam().listRolePolicies({ RoleName, Marker }); return { items: o.PolicyNames, marker: o.Marker }; }),
    document: async (PolicyName) => decoded(await iam().getRolePolicy({ RoleName, PolicyName })),
    put: (PolicyName, PolicyDocument) => iam().putRolePolicy({ RoleName, PolicyName, PolicyDocument }),
    attach: (PolicyArn) => iam().attachRolePolicy({ RoleName, PolicyArn }),
    detach: (PolicyArn) => iam().detachRolePolicy({ RoleName, PolicyArn }),
    remove: (PolicyName) => iam().deleteRolePolicy({ RoleName, PolicyName }),
    groups: async () => [],
    bound: (PermissionsBoundary) => iam().putRolePermissionsBoundary({ RoleName, PermissionsBoundary }),
    unbound: () => iam().deleteRolePermissionsBoundary({ RoleName }),
  }),
};

interface Row {
  id: string;
  name: string;
  type: string;
  via: string;
  arn?: string;
  own: boolean;
}

// text is the document of a policy in the list.
async function text(of: Principal, row: Row): Promise<string> {
  if (!row.arn) return pretty(await of.document(row.name));
  return (await import("./policy/principals")).document(row.arn, new Map());
}

// PermissionsTable lists the policies of a principal, and changes them.
export function PermissionsTable({ of, boundary }: { of: Principal; boundary?: string }) {
  const { data, error, loading, reload } = useLoad(async () => {
    const [attached, inline, groups] = await Promise.all([of.attached(), of.inline(), of.groups()]);
    const rows: Row[] = [
      ...attached.map((p) => ({ id: p.PolicyArn!, name: p.PolicyName!, type: policyType(p.PolicyArn), via: "Directly", arn: p.PolicyArn, own: true })),
      ...inline.map((n) => ({ id: "inline/" + n, name: n, type: "Customer inline", via: "Inline", own: true })),
    ];
    for (const g of groups) {
      const group = principal.group(g);
      const [a, i] = await Promise.all([group.attached(), group.inline()]);
      rows.push(...a.map((p) => ({ id: g + p.PolicyArn, name: p.PolicyName!, type: policyType(p.PolicyArn), via: "Group " + g, arn: p.PolicyArn, own: false })));
      rows.push(...i.map((n) => ({ id: g + "/inline/" + n, name: n, type: "Group inline", via: "Group " + g, own: false })));
    }
    return rows;
  }, [of.kind, of.name]);
  const [selected, setSelected] = useState<Row[]>([]);
  const [asked, setAsked] = useState<"attach" | "inline" | "remove" | "bound" | { edit: string }>();
  const [bound, setBound] = useState(boundary);
  const [chosen, setChosen] = useState<Policy[]>([]);
  const done = (text: string) => {
    setAsked(undefined);
    setSelected([]);
    flashed(text);
    reload();
  };
  return (
    <SpaceBetween size="l">
      <Problem error={error} what="The permissions can't be shown" />
      <Table<Row>
        items={data ?? []} loading={loading && !data} loadingText="Loading" trackBy="id" selectionType="multi" selectedItems={selected} onSelectionChange={(e) => setSelected(e.detail.selectedItems)}
        isItemDisabled={(r) => !r.own} empty="No policies: nothing is permitted."
        ariaLabels={{ tableLabel: "Permissions policies", selectionGroupLabel: "Policies", allItemsSelectionLabel: () => "Select all", itemSelectionLabel: (_, r) => "Select " + r.name }}
        header={
          <Header
            variant="h2" counter={`(${data?.length ?? 0})`} description="Permissions are defined by policies attached directly or through groups."
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                <Button disabled={selected.length === 0} onClick={() => setAsked("remove")}>Remove</Button>
                <ButtonDropdown items={[{ id: "attach", text: "Attach policies" }, { id: "inline", text: "Create inline policy" }]} onItemClick={(e) => setAsked(e.detail.id as never)}>Add permissions</ButtonDropdown>
              </SpaceBetween>
            }
          >
            Permissions policies
          </Header>
        }
        columnDefinitions={[
          { id: "name", header: "Policy name", isRowHeader: true, cell: (r) => (r.arn ? <Link href={at("policies", "details", r.arn)}>{r.name}</Link> : r.own ? <Button variant="inline-link" onClick={() => setAsked({ edit: r.name })}>{r.name}</Button> : r.name) },
          { id: "type", header: "Type", cell: (r) => r.type },
          { id: "via", header: "Attached via", cell: (r) => r.via },
        ]}
      />
      {selected.length === 1 && <Suspense fallback={null}><Peek key={selected[0].id} name={selected[0].name} load={() => text(of, selected[0])} /></Suspense>}
      {of.bound && (
        <Container
          header={
            <Header variant="h2" actions={<SpaceBetween direction="horizontal" size="xs">
              {bound && <Button onClick={() => void of.unbound?.().then(() => { setBound(undefined); flashed("Permissions boundary removed."); })}>Remove boundary</Button>}
              <Button onClick={() => setAsked("bound")}>{bound ? "Change boundary" : "Set permissions boundary"}</Button>
            </SpaceBetween>}>
              Permissions boundary {bound ? "(set)" : "(not set)"}
            </Header>
          }
        >
          {bound ? <Link href={at("policies", "details", bound)}>{bound}</Link> : <Box>A boundary limits what the policies above can permit.</Box>}
        </Container>
      )}
      {(asked === "attach" || asked === "bound") && (
        <Ask
          title={asked === "attach" ? "Attach policies" : "Set permissions boundary"} verb={asked === "attach" ? "Attach policies" : "Set boundary"} size="large" disabled={chosen.length === 0} onDismiss={() => setAsked(undefined)}
          onConfirm={async () => {
            if (asked === "attach") for (const p of chosen) await of.attach(p.Arn!);
            else {
              await of.bound?.(chosen[0].Arn!);
              setBound(chosen[0].Arn);
            }
            setChosen([]);
            done(asked === "attach" ? "Policies attached." : "Permissions boundary set.");
          }}
        >
          <PickPolicies single={asked === "bound"} selected={chosen} onChange={setChosen} />
        </Ask>
      )}
      {asked === "remove" && (
        <Ask
          title={`Remove ${selected.length} polic${selected.length === 1 ? "y" : "ies"}?`} verb="Remove" onDismiss={() => setAsked(undefined)}
          onConfirm={async () => {
            for (const r of selected) await (r.arn ? of.detach(r.arn) : of.remove(r.name));
            done("Policies removed.");
          }}
        >
          {selected.map((r) => r.name).join(", ")}. Inline policies are deleted by that.
        </Ask>
      )}
      {(asked === "inline" || typeof asked === "object") && (
        <Suspense fallback={null}>
          <InlineEditor of={of} name={typeof asked === "object" ? asked.edit : undefined} onDismiss={() => setAsked(undefined)} onDone={() => done("Inline policy saved.")} />
        </Suspense>
      )}
      {of.kind === "user" && <ExpandableSection headerText="How a decision is made">Everything is denied unless one policy allows it; a Deny in any policy always wins; a boundary and a session can only narrow.</ExpandableSection>}
    </SpaceBetween>
  );
}
