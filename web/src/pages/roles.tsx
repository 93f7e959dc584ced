import { Alert, Button, Checkbox, Container, FormField, Header, Input, KeyValuePairs, Link, Select, SpaceBetween, Tabs, Textarea } from "@cloudscape-design/components";
import type { Role } from "@aws-sdk/client-iam";
import { useState } from "react";
import { useSession } from "../app";
import { roleSteps } from "../cleanup";
import { revocation } from "../consoleaccess";
import { DeleteAll } from "../deleteall";
import { doing } from "../doing";
import { PolicyEditor, pretty } from "../editor";
import { flashed } from "../flash";
import { LastAccessed } from "../lastaccessed";
import { PermissionsTable, principal } from "../permissions";
import { at, go, useRoute } from "../router";
import { iam } from "../session";
import { Tags, tagged } from "../tags";
import { ago, Ask, Buttons, Copy, Listing, Problem, useLoad, usePages, when } from "../ui";

// trusted says in a few words whom a trust policy trusts.
function trusted(document = ""): string {
  try {
    const doc = JSON.parse(decodeURIComponent(document)) as { Statement: { Principal?: Record<string, string | string[]> | string }[] | { Principal?: Record<string, string | string[]> | string } };
    const statements = Array.isArray(doc.Statement) ? doc.Statement : [doc.Statement];
    return statements
      .flatMap((s) => (typeof s.Principal === "string" ? [s.Principal] : Object.entries(s.Principal ?? {}).map(([kind, who]) => `${kind}: ${Array.isArray(who) ? who.join(", ") : who}`)))
      .join("; ");
  } catch {
    return "-";
  }
}

export function Roles() {
  const pages = usePages(async (Marker?: string) => {
    const out = await iam().listRoles({ Marker, MaxItems: 1000 });
    return { items: out.Roles ?? [], marker: out.Marker };
  });
  const [selected, setSelected] = useState<Role[]>([]);
  const [deleting, setDeleting] = useState(false);
  const names = selected.map((r) => r.RoleName!);
  return (
    <>
      <Listing<Role>
        name="Roles" thing="role" {...pages} id={(r) => r.RoleName ?? ""} select="multi" selected={selected} onSelect={setSelected}
        description="An IAM role is an identity with specific permissions and credentials that are valid for short durations. Roles can be assumed by entities that you trust."
        actions={<><Button disabled={!selected.length} onClick={() => setDeleting(true)}>Delete</Button><Button variant="primary" onClick={() => go("/roles/create")}>Create role</Button></>}
        columns={[
          { id: "name", header: "Role name", sortingField: "RoleName", isRowHeader: true, cell: (r) => <Link href={at("roles", "details", r.RoleName!)}>{r.RoleName}</Link> },
          { id: "path", header: "Path", sortingField: "Path", hidden: true, cell: (r) => r.Path },
          { id: "trusted", header: "Trusted entities", minWidth: 220, cell: (r) => trusted(r.AssumeRolePolicyDocument) },
          { id: "activity", header: "Last activity", cell: (r) => <Activity name={r.RoleName!} /> },
          { id: "description", header: "Description", sortingField: "Description", hidden: true, cell: (r) => r.Description || "-" },
          { id: "arn", header: "ARN", sortingField: "Arn", hidden: true, cell: (r) => r.Arn },
          { id: "duration", header: "Maximum session duration", sortingField: "MaxSessionDuration", hidden: true, cell: (r) => hours(r.MaxSessionDuration) },
          { id: "created", header: "Creation time", sortingField: "CreateDate", cell: (r) => when(r.CreateDate) },
        ]}
      />
      {deleting && <DeleteAll kind="role" names={names} impact={{ roles: names }} steps={roleSteps} onDismiss={() => setDeleting(false)} onDone={() => { setDeleting(false); setSelected([]); pages.reload(); }} />}
    </>
  );
}

function Activity({ name }: { name: string }) {
  const { data, error } = useLoad(async () => ago((await iam().getRole({ RoleName: name })).Role?.RoleLastUsed?.LastUsedDate), [name]);
  return <>{error ? error.name : (data ?? "…")}</>;
}

const hours = (seconds = 3600) => (seconds % 3600 ? `${Math.round(seconds / 60)} minutes` : `${seconds / 3600} hour${seconds === 3600 ? "" : "s"}`);

type Asked = "delete" | "trust" | "revoke" | "edit";

export function RolePage({ name: RoleName }: { name: string }) {
  const route = useRoute();
  const { session } = useSession();
  const { data, error, reload } = useLoad(async () => {
    const [role, profiles] = await Promise.all([iam().getRole({ RoleName }), iam().listInstanceProfilesForRole({ RoleName })]);
    return { role: role.Role!, profiles: profiles.InstanceProfiles ?? [] };
  }, [RoleName]);
  const [asked, setAsked] = useState<Asked>();
  const trust = pretty(decodeURIComponent(data?.role.AssumeRolePolicyDocument ?? ""));
  const link = `${location.origin}/console/#/switch-role?account=${session.account}&roleName=${encodeURIComponent(RoleName)}`;
  const close = () => setAsked(undefined);
  const done = async (text: string) => {
    close();
    flashed(text);
    reload();
  };
  return (
    <SpaceBetween size="l">
      <Header variant="h1" description={data?.role.Description} actions={<Buttons><Button iconName="refresh" ariaLabel="Refresh" onClick={reload} /><Button disabled={!data} onClick={() => setAsked("delete")}>Delete</Button></Buttons>}>{RoleName}</Header>
      <Problem error={error} what="The role can't be shown" />
      {data && (
        <SpaceBetween size="l">
          <Container header={<Header variant="h2" actions={<Button onClick={() => setAsked("edit")}>Edit</Button>}>Summary</Header>}>
            <KeyValuePairs columns={3} items={[
              { label: "Creation date", value: when(data.role.CreateDate) },
              { label: "ARN", value: <Copy text={data.role.Arn ?? ""} label="ARN" /> },
              { label: "Link to switch roles in console", value: <Copy text={link} label="link" /> },
              { label: "Last activity", value: ago(data.role.RoleLastUsed?.LastUsedDate) },
              { label: "Maximum session duration", value: hours(data.role.MaxSessionDuration) },
              { label: "Instance profile", value: data.profiles.length ? data.profiles.map((p) => <Copy key={p.Arn} text={p.Arn ?? ""} label="instance profile ARN" />) : "-" },
            ]} />
          </Container>
          <Tabs
            activeTabId={route.query.get("section") ?? "permissions"} onChange={(e) => go(`/roles/details/${encodeURIComponent(RoleName)}?section=${e.detail.activeTabId}`)}
            tabs={[
              { id: "permissions", label: "Permissions", content: <PermissionsTable of={principal.role(RoleName)} boundary={data.role.PermissionsBoundary?.PermissionsBoundaryArn} /> },
              {
                id: "trust_relationships", label: "Trust relationships",
                content: <Container header={<Header variant="h2" description="Entities that can assume this role under specified conditions." actions={<Button onClick={() => setAsked("trust")}>Edit trust policy</Button>}>Trusted entities</Header>}><PolicyEditor readOnly value={trust} label="Trust policy" kind="trust" /></Container>,
              },
              { id: "tags", label: "Tags", content: <Tags of={tagged.role(RoleName)} /> },
              { id: "access_advisor", label: "Last Accessed", content: <LastAccessed arn={data.role.Arn ?? ""} /> },
              {
                id: "revoke_sessions", label: "Revoke sessions",
                content: (
                  <Container header={<Header variant="h2" actions={<Button onClick={() => setAsked("revoke")}>Revoke active sessions</Button>}>Revoke all active sessions</Header>}>
                    If you suspect that credentials of this role are in wrong hands, revoke all its sessions: the inline policy AWSRevokeOlderSessions denies them everything.
                    Sessions that begin later are not concerned.
                  </Container>
                ),
              },
            ]}
          />
        </SpaceBetween>
      )}
      {asked === "delete" && <DeleteAll kind="role" names={[RoleName]} impact={{ roles: [RoleName] }} steps={roleSteps} onDismiss={close} onDone={() => go("/roles")} />}
      {asked === "trust" && <EditTrust name={RoleName} text={trust} onDismiss={close} onDone={() => void done("Trust policy updated.")} />}
      {asked === "edit" && <EditRole role={data!.role} onDismiss={close} onDone={() => void done("Role changed.")} />}
      {asked === "revoke" && <Revoke name={RoleName} onDismiss={close} onDone={() => void done("Sessions that began before now are revoked.")} />}
    </SpaceBetween>
  );
}

interface Dialog {
  onDismiss: () => void;
  onDone: () => void;
}

function EditTrust({ name, text, onDismiss, onDone }: Dialog & { name: string; text: string }) {
  const [next, setNext] = useState(text);
  return (
    <Ask title="Edit trust policy" verb="Update policy" size="large" disabled={next === text} onDismiss={onDismiss} calls={[doing("updateAssumeRolePolicy", { RoleName: name, PolicyDocument: next })]} onConfirm={async () => onDone()}>
      <PolicyEditor value={next} onChange={setNext} label="Trust policy" kind="trust" />
    </Ask>
  );
}

const durations = [1, 2, 4, 8, 12];

function EditRole({ role, onDismiss, onDone }: Dialog & { role: Role }) {
  const [description, setDescription] = useState(role.Description ?? "");
  const [seconds, setSeconds] = useState(role.MaxSessionDuration ?? 3600);
  const [custom, setCustom] = useState(!durations.includes(seconds / 3600));
  const good = seconds >= 3600 && seconds <= 43200;
  return (
    <Ask
      title={`Edit ${role.RoleName}`} verb="Save changes" disabled={!good} onDismiss={onDismiss}
      calls={[doing("updateRole", { RoleName: role.RoleName, Description: description, MaxSessionDuration: seconds })]} onConfirm={async () => onDone()}
    >
      <FormField label="Description" constraintText="Up to 1000 characters"><Textarea value={description} onChange={(e) => setDescription(e.detail.value)} /></FormField>
      <FormField label="Maximum session duration" errorText={good ? undefined : "From 3,600 to 43,200 seconds."}>
        <SpaceBetween size="xs">
          <Select
            selectedOption={custom ? { value: "custom", label: "Custom duration" } : { value: String(seconds), label: hours(seconds) }}
            options={[...durations.map((h) => ({ value: String(h * 3600), label: hours(h * 3600) })), { value: "custom", label: "Custom duration" }]}
            onChange={(e) => {
              const { value } = e.detail.selectedOption;
              setCustom(value === "custom");
              if (value !== "custom") setSeconds(Number(value));
            }}
          />
          {custom && <Input type="number" ariaLabel="Seconds" value={String(seconds)} onChange={(e) => setSeconds(Number(e.detail.value))} />}
        </SpaceBetween>
      </FormField>
    </Ask>
  );
}

function Revoke({ name: RoleName, onDismiss, onDone }: Dialog & { name: string }) {
  const [understood, setUnderstood] = useState(false);
  const [policy] = useState(revocation);
  return (
    <Ask title={`Revoke active sessions for ${RoleName}?`} verb="Revoke active sessions" disabled={!understood} onDismiss={onDismiss} calls={[doing("putRolePolicy", { RoleName, ...policy })]} onConfirm={async () => onDone()}>
      <Alert type="warning">All who use a session of this role are cut off at once, and must begin a new one.</Alert>
      <Checkbox checked={understood} onChange={(e) => setUnderstood(e.detail.checked)}>I acknowledge that I am revoking all active sessions for this role.</Checkbox>
    </Ask>
  );
}
