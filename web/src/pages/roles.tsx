import { Alert, Button, Checkbox, Container, FormField, Header, Input, KeyValuePairs, Link, RadioGroup, SpaceBetween, Table, TagEditor, Tabs, Textarea, Wizard } from "@cloudscape-design/components";
import type { Policy, Role } from "@aws-sdk/client-iam";
import { useState } from "react";
import { useSession } from "../app";
import { roleSteps } from "../cleanup";
import { DeleteAll } from "../deleteall";
import { PolicyEditor, pretty } from "../editor";
import { flashed } from "../flash";
import { PermissionsTable, principal } from "../permissions";
import { PickPolicies } from "../pick";
import { at, go, useRoute } from "../router";
import { iam, switchRole } from "../session";
import { ago, Ask, Copy, Listing, Problem, useLoad, usePages, when } from "../ui";
import type { Failure } from "../ui";

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
  return (
    <>
      <Listing<Role>
        name="Roles" thing="role" {...pages} id={(r) => r.RoleName ?? ""} select="single" selected={selected} onSelect={setSelected}
        description="An IAM role is an identity with specific permissions and credentials that are valid for short durations. Roles can be assumed by entities that you trust."
        actions={<><Button disabled={!selected.length} onClick={() => setDeleting(true)}>Delete</Button><Button variant="primary" onClick={() => go("/roles/create")}>Create role</Button></>}
        columns={[
          { id: "name", header: "Role name", sortingField: "RoleName", isRowHeader: true, cell: (r) => <Link href={at("roles", "details", r.RoleName!)}>{r.RoleName}</Link> },
          { id: "trusted", header: "Trusted entities", cell: (r) => trusted(r.AssumeRolePolicyDocument) },
          { id: "activity", header: "Last activity", cell: (r) => <Activity name={r.RoleName!} /> },
          { id: "created", header: "Creation time", sortingField: "CreateDate", cell: (r) => when(r.CreateDate) },
        ]}
      />
      {deleting && <DeleteAll kind="role" name={selected[0].RoleName!} steps={roleSteps} onDismiss={() => setDeleting(false)} onDone={() => { setDeleting(false); setSelected([]); pages.reload(); }} />}
    </>
  );
}

function Activity({ name }: { name: string }) {
  const { data } = useLoad(async () => ago((await iam().getRole({ RoleName: name })).Role?.RoleLastUsed?.LastUsedDate), [name]);
  return <>{data ?? "…"}</>;
}

type Kind = "service" | "account" | "web" | "saml" | "custom";

function trustPolicy(kind: Kind, value: string, external: string, mfa: boolean): string {
  const condition: Record<string, unknown> = {};
  if (external) condition.StringEquals = { "sts:ExternalId": external };
  if (mfa) condition.Bool = { "aws:MultiFactorAuthPresent": "true" };
  const statement =
    kind === "service"
      ? { Effect: "Allow", Principal: { Service: value }, Action: "sts:AssumeRole" }
      : kind === "account"
        ? { Effect: "Allow", Principal: { AWS: /^\d{12}$/.test(value) ? `arn:aws:iam::${value}:root` : value }, Action: "sts:AssumeRole", ...(Object.keys(condition).length ? { Condition: condition } : {}) }
        : kind === "web"
          ? { Effect: "Allow", Principal: { Federated: value }, Action: "sts:AssumeRoleWithWebIdentity" }
          : { Effect: "Allow", Principal: { Federated: value }, Action: "sts:AssumeRoleWithSAML", Condition: { StringEquals: { "SAML:aud": location.origin + "/saml" } } };
  return JSON.stringify({ Version: "2012-10-17", Statement: [statement] }, null, 2);
}

export function CreateRole() {
  const { session } = useSession();
  const [step, setStep] = useState(0);
  const [kind, setKind] = useState<Kind>("account");
  const [value, setValue] = useState(session.account);
  const [external, setExternal] = useState("");
  const [mfa, setMFA] = useState(false);
  const [custom, setCustom] = useState("");
  const [policies, setPolicies] = useState<Policy[]>([]);
  const [boundary, setBoundary] = useState<Policy[]>([]);
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [tags, setTags] = useState<readonly { key: string; value: string; existing: boolean }[]>([]);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Failure>();
  const trust = kind === "custom" ? custom : trustPolicy(kind, value, external, mfa);
  const pick = (next: Kind) => {
    if (next === "custom") setCustom(trust);
    setKind(next);
    setValue({ service: "ec2.amazonaws.com", account: session.account, web: "", saml: "", custom: "" }[next]);
  };
  const create = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const wanted = tags.filter((t) => t.key).map((t) => ({ Key: t.key, Value: t.value }));
      await iam().createRole({ RoleName: name, AssumeRolePolicyDocument: trust, Description: description || undefined, PermissionsBoundary: boundary[0]?.Arn, Tags: wanted.length ? wanted : undefined });
      for (const p of policies) await iam().attachRolePolicy({ RoleName: name, PolicyArn: p.Arn });
      go("/roles");
      setTimeout(() => flashed(`Role ${name} created.`));
    } catch (e) {
      setError(e as Failure);
    } finally {
      setBusy(false);
    }
  };
  const label = { service: "Service", account: "Account ID or ARN", web: "ARN of the OpenID Connect provider", saml: "ARN of the SAML provider", custom: "" }[kind];
  return (
    <Wizard
      activeStepIndex={step} isLoadingNextStep={busy} submitButtonText="Create role" onCancel={() => go("/roles")} onSubmit={() => void create()} onNavigate={(e) => setStep(e.detail.requestedStepIndex)}
      i18nStrings={{ stepNumberLabel: (n) => `Step ${n}`, collapsedStepsLabel: (n, of) => `Step ${n} of ${of}`, navigationAriaLabel: "Steps", cancelButton: "Cancel", previousButton: "Previous", nextButton: "Next", optional: "optional" }}
      steps={[
        {
          title: "Select trusted entity",
          content: (
            <Container header={<Header variant="h2">Trusted entity type</Header>}>
              <SpaceBetween size="m">
                <RadioGroup ariaLabel="Trusted entity type" value={kind} onChange={(e) => pick(e.detail.value as Kind)} items={[
                  { value: "service", label: "AWS service", description: "Allow services like EC2 or Lambda to perform actions in this account." },
                  { value: "account", label: "AWS account", description: "Allow entities in this or another account to perform actions in this account." },
                  { value: "web", label: "Web identity", description: "Allow users federated by an OpenID Connect provider to assume this role." },
                  { value: "saml", label: "SAML 2.0 federation", description: "Allow users federated by a corporate directory to assume this role." },
                  { value: "custom", label: "Custom trust policy", description: "Write the trust policy." },
                ]} />
                {kind !== "custom" && <FormField label={label}><Input value={value} onChange={(e) => setValue(e.detail.value)} /></FormField>}
                {kind === "account" && <FormField label="External ID - optional" description="For roles that a third party assumes"><Input value={external} onChange={(e) => setExternal(e.detail.value)} /></FormField>}
                {kind === "account" && <Checkbox checked={mfa} onChange={(e) => setMFA(e.detail.checked)}>Require MFA</Checkbox>}
                {kind === "custom" && <PolicyEditor value={custom} onChange={setCustom} label="Trust policy" kind="trust" />}
              </SpaceBetween>
            </Container>
          ),
        },
        {
          title: "Add permissions", isOptional: true,
          content: <SpaceBetween size="l"><PickPolicies selected={policies} onChange={setPolicies} /><Container header={<Header variant="h2">Permissions boundary - optional</Header>}><Input ariaLabel="ARN of the permissions boundary" placeholder="ARN of a policy" value={boundary[0]?.Arn ?? ""} onChange={(e) => setBoundary(e.detail.value ? [{ Arn: e.detail.value }] : [])} /></Container></SpaceBetween>,
        },
        {
          title: "Name, review, and create",
          content: (
            <SpaceBetween size="l">
              <Container header={<Header variant="h2">Role details</Header>}>
                <SpaceBetween size="m">
                  <FormField label="Role name" constraintText="Up to 64 characters: A-Z, a-z, 0-9, and + = , . @ _ -"><Input value={name} onChange={(e) => setName(e.detail.value)} /></FormField>
                  <FormField label="Description - optional"><Textarea value={description} onChange={(e) => setDescription(e.detail.value)} /></FormField>
                </SpaceBetween>
              </Container>
              <Container header={<Header variant="h2">Trust policy</Header>}><pre tabIndex={0} aria-label="Trust policy">{trust}</pre></Container>
              <Container header={<Header variant="h2">Permissions</Header>}>{policies.map((p) => p.PolicyName).join(", ") || "None yet"}</Container>
              <Container header={<Header variant="h2">Tags - optional</Header>}><TagEditor tags={tags as never} onChange={(e) => setTags(e.detail.tags as never)} /></Container>
              <Problem error={error} what="The role was not created as wanted" />
            </SpaceBetween>
          ),
        },
      ]}
    />
  );
}

export function RolePage({ name }: { name: string }) {
  const route = useRoute();
  const { session } = useSession();
  const { data, error, reload } = useLoad(async () => {
    const [role, profiles] = await Promise.all([iam().getRole({ RoleName: name }), iam().listInstanceProfilesForRole({ RoleName: name })]);
    return { role: role.Role!, profiles: profiles.InstanceProfiles ?? [] };
  }, [name]);
  const [asked, setAsked] = useState<"delete" | "trust" | "revoke" | "edit">();
  const [text, setText] = useState("");
  const [hours, setHours] = useState("1");
  const trust = pretty(decodeURIComponent(data?.role.AssumeRolePolicyDocument ?? ""));
  const link = `${location.origin}/console/#/switch-role?account=${session.account}&roleName=${encodeURIComponent(name)}`;
  return (
    <SpaceBetween size="l">
      <Header variant="h1" actions={<SpaceBetween direction="horizontal" size="xs"><Button disabled={!data} onClick={() => { setHours(String((data?.role.MaxSessionDuration ?? 3600) / 3600)); setText(data?.role.Description ?? ""); setAsked("edit"); }}>Edit</Button><Button onClick={() => setAsked("delete")}>Delete</Button></SpaceBetween>}>{name}</Header>
      <Problem error={error} what="The role can't be shown" />
      {data && (
        <>
          <Container header={<Header variant="h2">Summary</Header>}>
            <KeyValuePairs columns={3} items={[
              { label: "ARN", value: <Copy text={data.role.Arn ?? ""} label="ARN" /> },
              { label: "Creation date", value: when(data.role.CreateDate) },
              { label: "Last activity", value: ago(data.role.RoleLastUsed?.LastUsedDate) },
              { label: "Maximum session duration", value: `${(data.role.MaxSessionDuration ?? 3600) / 3600} h` },
              { label: "Instance profile", value: data.profiles.map((p) => p.InstanceProfileName).join(", ") || "-" },
              { label: "Link to switch roles", value: <Copy text={link} label="link" /> },
            ]} />
          </Container>
          <Tabs
            activeTabId={route.query.get("section") ?? "permissions"} onChange={(e) => go(`/roles/details/${encodeURIComponent(name)}?section=${e.detail.activeTabId}`)}
            tabs={[
              { id: "permissions", label: "Permissions", content: <PermissionsTable of={principal.role(name)} boundary={data.role.PermissionsBoundary?.PermissionsBoundaryArn} /> },
              { id: "trust", label: "Trust relationships", content: <Container header={<Header variant="h2" actions={<Button onClick={() => { setText(trust); setAsked("trust"); }}>Edit trust policy</Button>}>Trusted entities</Header>}><PolicyEditor readOnly value={trust} label="Trust policy" kind="trust" /></Container> },
              {
                id: "tags", label: "Tags",
                content: <Table items={data.role.Tags ?? []} trackBy="Key" empty="No tags." ariaLabels={{ tableLabel: "Tags" }} header={<Header variant="h2">Tags</Header>} columnDefinitions={[{ id: "key", header: "Key", isRowHeader: true, cell: (t) => t.Key }, { id: "value", header: "Value", cell: (t) => t.Value }]} />,
              },
              { id: "revoke", label: "Revoke sessions", content: <Container header={<Header variant="h2" actions={<Button onClick={() => setAsked("revoke")}>Revoke active sessions</Button>}>Active sessions</Header>}>Denies everything to the sessions that began before now, by the inline policy AWSRevokeOlderSessions. Sessions that begin later are not concerned.</Container> },
            ]}
          />
        </>
      )}
      {asked === "delete" && <DeleteAll kind="role" name={name} steps={roleSteps} onDismiss={() => setAsked(undefined)} onDone={() => go("/roles")} />}
      {asked === "trust" && (
        <Ask title="Edit trust policy" verb="Update policy" size="large" onDismiss={() => setAsked(undefined)} onConfirm={async () => {
          await iam().updateAssumeRolePolicy({ RoleName: name, PolicyDocument: text });
          setAsked(undefined);
          flashed("Trust policy updated.");
          reload();
        }}>
          <PolicyEditor value={text} onChange={setText} label="Trust policy" kind="trust" />
        </Ask>
      )}
      {asked === "edit" && (
        <Ask title="Edit role" verb="Save changes" onDismiss={() => setAsked(undefined)} onConfirm={async () => {
          await iam().updateRole({ RoleName: name, Description: text, MaxSessionDuration: Number(hours) * 3600 });
          setAsked(undefined);
          reload();
        }}>
          <FormField label="Description"><Textarea value={text} onChange={(e) => setText(e.detail.value)} /></FormField>
          <FormField label="Maximum session duration, in hours" constraintText="1 to 12"><Input type="number" value={hours} onChange={(e) => setHours(e.detail.value)} /></FormField>
        </Ask>
      )}
      {asked === "revoke" && (
        <Ask title="Revoke active sessions?" verb="Revoke active sessions" onDismiss={() => setAsked(undefined)} onConfirm={async () => {
          const PolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Deny", Action: ["*"], Resource: ["*"], Condition: { DateLessThan: { "aws:TokenIssueTime": new Date().toISOString() } } }] });
          await iam().putRolePolicy({ RoleName: name, PolicyName: "AWSRevokeOlderSessions", PolicyDocument });
          setAsked(undefined);
          flashed("Sessions that began before now are revoked.");
          reload();
        }}>
          <Alert type="warning">All who use a session of this role are cut off at once, and must begin a new one.</Alert>
        </Ask>
      )}
    </SpaceBetween>
  );
}

export function SwitchRole() {
  const { session, setRole } = useSession();
  const route = useRoute();
  const [account, setAccount] = useState(route.query.get("account") ?? session.account);
  const [name, setName] = useState(route.query.get("roleName") ?? "");
  const [display, setDisplay] = useState(route.query.get("displayName") ?? "");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Failure>();
  const change = async () => {
    setBusy(true);
    setError(undefined);
    const role = { arn: `arn:aws:iam::${account}:role/${name}`, account, name, display: display || name };
    try {
      await switchRole(role);
      setRole(role);
      go("/home");
    } catch (e) {
      setError(e as Failure);
      setBusy(false);
    }
  };
  return (
    <SpaceBetween size="l">
      <Header variant="h1" description="Act as a role, with its permissions instead of yours, until you switch back.">Switch role</Header>
      {!session.user && <Alert type="info">The root user can't switch roles. Sign in as an IAM user.</Alert>}
      <Container>
        <SpaceBetween size="m">
          <FormField label="Account ID" constraintText="12 digits"><Input value={account} onChange={(e) => setAccount(e.detail.value)} /></FormField>
          <FormField label="IAM role name"><Input value={name} onChange={(e) => setName(e.detail.value)} /></FormField>
          <FormField label="Display name - optional"><Input value={display} onChange={(e) => setDisplay(e.detail.value)} /></FormField>
          <Problem error={error} what="You can't switch to this role" />
        </SpaceBetween>
      </Container>
      <Button variant="primary" loading={busy} disabled={!name || !/^\d{12}$/.test(account)} onClick={() => void change()}>Switch role</Button>
    </SpaceBetween>
  );
}
