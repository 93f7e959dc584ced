import { Alert, Box, Button, ButtonDropdown, Container, ExpandableSection, Header, Link, SpaceBetween } from "@cloudscape-design/components";
import type { Policy } from "@aws-sdk/client-iam";
import { lazy, Suspense, useState } from "react";
import { doing } from "./doing";
import type { Doing } from "./doing";
import { flashed } from "./flash";
import { PickPolicies, policyType } from "./pick";
import { at } from "./router";
import { iam } from "./session";
import { all, Ask, Buttons, Listing, useLoad } from "./ui";

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
  attach: (PolicyArn: string) => Doing;
  detach: (PolicyArn: string) => Doing;
  remove: (PolicyName: string) => Doing;
  groups: () => Promise<string[]>; // whose policies count too
  bound?: (PolicyArn: string) => Doing;
  unbound?: () => Doing;
}

const decoded = (o: { PolicyDocument?: string }) => decodeURIComponent(o.PolicyDocument ?? "");

export const principal = {
  user: (UserName: string): Principal => ({
    name: UserName, kind: "user",
    attached: () => all(async (Marker?: string) => { const o = await iam().listAttachedUserPolicies({ UserName, Marker }); return { items: o.AttachedPolicies, marker: o.Marker }; }),
    inline: () => all(async (Marker?: string) => { const o = await iam().listUserPolicies({ UserName, Marker }); return { items: o.PolicyNames, marker: o.Marker }; }),
    document: async (PolicyName) => decoded(await iam().getUserPolicy({ UserName, PolicyName })),
    put: (PolicyName, PolicyDocument) => iam().putUserPolicy({ UserName, PolicyName, PolicyDocument }),
    attach: (PolicyArn) => doing("attachUserPolicy", { UserName, PolicyArn }),
    detach: (PolicyArn) => doing("detachUserPolicy", { UserName, PolicyArn }),
    remove: (PolicyName) => doing("deleteUserPolicy", { UserName, PolicyName }),
    groups: async () => ((await iam().listGroupsForUser({ UserName })).Groups ?? []).map((g) => g.GroupName!),
    bound: (PermissionsBoundary) => doing("putUserPermissionsBoundary", { UserName, PermissionsBoundary }),
    unbound: () => doing("deleteUserPermissionsBoundary", { UserName }),
  }),
  group: (GroupName: string): Principal => ({
    name: GroupName, kind: "group",
    attached: () => all(async (Marker?: string) => { const o = await iam().listAttachedGroupPolicies({ GroupName, Marker }); return { items: o.AttachedPolicies, marker: o.Marker }; }),
    inline: () => all(async (Marker?: string) => { const o = await iam().listGroupPolicies({ GroupName, Marker }); return { items: o.PolicyNames, marker: o.Marker }; }),
    document: async (PolicyName) => decoded(await iam().getGroupPolicy({ GroupName, PolicyName })),
    put: (PolicyName, PolicyDocument) => iam().putGroupPolicy({ GroupName, PolicyName, PolicyDocument }),
    attach: (PolicyArn) => doing("attachGroupPolicy", { GroupName, PolicyArn }),
    detach: (PolicyArn) => doing("detachGroupPolicy", { GroupName, PolicyArn }),
    remove: (PolicyName) => doing("deleteGroupPolicy", { GroupName, PolicyName }),
    groups: async () => [],
  }),
  role: (RoleName: string): Principal => ({
    name: RoleName, kind: "role",
    attached: () => all(async (Marker?: string) => { const o = await iam().listAttachedRolePolicies({ RoleName, Marker }); return { items: o.AttachedPolicies, marker: o.Marker }; }),
    inline: () => all(async (Marker?: string) => { const o = await iam().listRolePolicies({ RoleName, Marker }); return { items: o.PolicyNames, marker: o.Marker }; }),
    document: async (PolicyName) => decoded(await iam().getRolePolicy({ RoleName, PolicyName })),
    put: (PolicyName, PolicyDocument) => iam().putRolePolicy({ RoleName, PolicyName, PolicyDocument }),
    attach: (PolicyArn) => doing("attachRolePolicy", { RoleName, PolicyArn }),
    detach: (PolicyArn) => doing("detachRolePolicy", { RoleName, PolicyArn }),
    remove: (PolicyName) => doing("deleteRolePolicy", { RoleName, PolicyName }),
    groups: async () => [],
    bound: (PermissionsBoundary) => doing("putRolePermissionsBoundary", { RoleName, PermissionsBoundary }),
    unbound: () => doing("deleteRolePermissionsBoundary", { RoleName }),
  }),
};

interface Row {
  id: string;
  name: string;
  type: string;
  via: string;
  arn?: string;
  holder: Principal;
  own: boolean;
}

// rowsOf are the policies of a principal, and those of its groups.
async function rowsOf(of: Principal): Promise<Row[]> {
  const [attached, inline, groups] = await Promise.all([of.attached(), of.inline(), of.groups()]);
  const rows: Row[] = [
    ...attached.map((p) => ({ id: p.PolicyArn!, name: p.PolicyName!, type: policyType(p.PolicyArn), via: "Directly", arn: p.PolicyArn, holder: of, own: true })),
    ...inline.map((n) => ({ id: "inline/" + n, name: n, type: "Customer inline", via: "Inline", holder: of, own: true })),
  ];
  for (const g of groups) {
    const group = principal.group(g);
    const [a, i] = await Promise.all([group.attached(), group.inline()]);
    rows.push(...a.map((p) => ({ id: g + p.PolicyArn, name: p.PolicyName!, type: policyType(p.PolicyArn), via: "Group " + g, arn: p.PolicyArn, holder: group, own: false })));
    rows.push(...i.map((n) => ({ id: g + "/inline/" + n, name: n, type: "Group inline", via: "Group " + g, holder: group, own: false })));
  }
  return rows;
}

async function documentOf({ arn, name, holder }: Row): Promise<string> {
  if (!arn) return holder.document(name);
  const { DefaultVersionId } = (await iam().getPolicy({ PolicyArn: arn })).Policy!;
  return decodeURIComponent((await iam().getPolicyVersion({ PolicyArn: arn, VersionId: DefaultVersionId })).PolicyVersion?.Document ?? "");
}

// Document shows what a policy permits, and its text.
function Document({ row, onDismiss }: { row: Row; onDismiss: () => void }) {
  return (
    <Suspense fallback={null}>
      <Peek name={row.name} load={() => documentOf(row)} onDismiss={onDismiss} />
    </Suspense>
  );
}

type Asked = "attach" | "inline" | "remove" | "bound" | "unbound" | { edit: string };

// PermissionsTable lists the policies of a principal, and changes them.
export function PermissionsTable({ of, boundary }: { of: Principal; boundary?: string }) {
  const { data, error, loading, reload } = useLoad(() => rowsOf(of), [of.kind, of.name]);
  const [selected, setSelected] = useState<Row[]>([]);
  const [open, setOpen] = useState<Row>();
  const [asked, setAsked] = useState<Asked>();
  const [bound, setBound] = useState(boundary);
  const [chosen, setChosen] = useState<Policy[]>([]);
  const close = () => setAsked(undefined);
  const done = async (text: string) => {
    close();
    setSelected([]);
    setChosen([]);
    setOpen(undefined);
    flashed(text);
    reload();
  };
  return (
    <SpaceBetween size="l">
      <Listing<Row>
        name="Permissions policies" thing="policy" variant="container" items={data ?? []} loading={loading} error={error} id={(r) => r.id} label={(r) => r.name} select="multi" selected={selected} onSelect={setSelected}
        disabled={(r) => !r.own} empty="No policies: nothing is permitted." description="Permissions are defined by policies attached directly or through groups."
        kinds={{ label: "All types", options: [...new Set((data ?? []).map((r) => r.type))], of: (r) => r.type }}
        actions={
          <>
            <Button disabled={selected.length === 0} onClick={() => setAsked("remove")}>Remove</Button>
            <ButtonDropdown items={[{ id: "attach", text: "Attach policies" }, { id: "inline", text: "Create inline policy" }]} onItemClick={(e) => setAsked(e.detail.id as Asked)}>Add permissions</ButtonDropdown>
          </>
        }
        columns={[
          {
            id: "name", header: "Policy name", sortingField: "name", isRowHeader: true, minWidth: 240,
            cell: (r) => (
              <>
                <Button variant="inline-icon" iconName={open?.id === r.id ? "treeview-collapse" : "treeview-expand"} ariaLabel={"Document of " + r.name} ariaExpanded={open?.id === r.id} onClick={() => setOpen(open?.id === r.id ? undefined : r)} />{" "}
                {r.arn ? <Link href={at("policies", "details", r.arn)}>{r.name}</Link> : r.own ? <Button variant="inline-link" onClick={() => setAsked({ edit: r.name })}>{r.name}</Button> : r.name}
              </>
            ),
          },
          { id: "type", header: "Type", sortingField: "type", cell: (r) => r.type },
          { id: "via", header: "Attached via", sortingField: "via", cell: (r) => r.via },
        ]}
      />
      {open && <Document row={open} onDismiss={() => setOpen(undefined)} />}
      {of.bound && (
        <Container
          header={
            <Header variant="h2" actions={<Buttons>{bound && <Button onClick={() => setAsked("unbound")}>Remove boundary</Button>}<Button onClick={() => setAsked("bound")}>{bound ? "Change boundary" : "Set permissions boundary"}</Button></Buttons>}>
              Permissions boundary {bound ? "(set)" : "(not set)"}
            </Header>
          }
        >
          {bound ? <Link href={at("policies", "details", bound)}>{bound}</Link> : <Box>A boundary limits what the policies above can permit.</Box>}
        </Container>
      )}
      {asked === "attach" && (
        <Ask title="Attach policies" verb="Attach policies" size="large" disabled={chosen.length === 0} onDismiss={close} calls={chosen.map((p) => of.attach(p.Arn!))} onConfirm={() => done("Policies attached.")}>
          <PickPolicies selected={chosen} onChange={setChosen} />
        </Ask>
      )}
      {asked === "bound" && (
        <Ask title="Set permissions boundary" verb="Set boundary" size="large" disabled={chosen.length === 0} onDismiss={close} calls={chosen.map((p) => of.bound!(p.Arn!))} onConfirm={async () => { setBound(chosen[0].Arn); await done("Permissions boundary set."); }}>
          <PickPolicies single selected={chosen} onChange={setChosen} />
        </Ask>
      )}
      {asked === "unbound" && (
        <Ask title="Remove permissions boundary?" verb="Remove boundary" onDismiss={close} calls={[of.unbound!()]} onConfirm={async () => { setBound(undefined); await done("Permissions boundary removed."); }}>
          <Alert type="warning">What the policies permit is no longer limited by {bound}.</Alert>
        </Ask>
      )}
      {asked === "remove" && (
        <Ask
          title={`Remove ${selected.length} polic${selected.length === 1 ? "y" : "ies"}?`} verb="Remove" onDismiss={close}
          calls={selected.map((r) => (r.arn ? of.detach(r.arn) : of.remove(r.name)))} onConfirm={() => done("Policies removed.")}
        >
          <SpaceBetween size="s">
            <Box>What they permit is no longer permitted: {selected.map((r) => r.name).join(", ")}.</Box>
            {selected.some((r) => !r.arn) && <Alert type="warning">Inline policies are deleted by that, and can't be recovered.</Alert>}
          </SpaceBetween>
        </Ask>
      )}
      {(asked === "inline" || typeof asked === "object") && (
        <Suspense fallback={null}>
          <InlineEditor of={of} name={typeof asked === "object" ? asked.edit : undefined} onDismiss={close} onDone={() => void done("Inline policy saved.")} />
        </Suspense>
      )}
      {of.kind === "user" && <ExpandableSection headerText="How a decision is made">Everything is denied unless one policy allows it; a Deny in any policy always wins; a boundary and a session can only narrow.</ExpandableSection>}
    </SpaceBetween>
  );
}
