import { Button, Container, FormField, Header, Input, KeyValuePairs, Link, SpaceBetween, StatusIndicator, Tabs, TagEditor, Textarea, Wizard } from "@cloudscape-design/components";
import type { Policy, PolicyVersion } from "@aws-sdk/client-iam";
import { useState } from "react";
import { policySteps } from "../cleanup";
import { DeleteAll } from "../deleteall";
import { checkPolicy, emptyPolicy, PolicyEditor, pretty } from "../editor";
import { ByCommand, doing } from "../doing";
import { flashed } from "../flash";
import { forgetPolicies, policyType } from "../pick";
import { Difference } from "../policy/difference";
import { Replay } from "../policy/replay";
import { Summary } from "../policy/summary";
import { at, go, useRoute } from "../router";
import { iam } from "../session";
import { all, Ask, Copy, Listing, Problem, useLoad, when } from "../ui";
import type { Failure } from "../ui";

type Row = Policy & { Type: string };

export function Policies() {
  const { data, error, loading, reload } = useLoad(async (): Promise<Row[]> => {
    const found = await all(async (Marker?: string) => { const o = await iam().listPolicies({ Marker, MaxItems: 1000 }); return { items: o.Policies, marker: o.Marker }; });
    return found.map((p) => ({ ...p, Type: policyType(p.Arn) })).sort((a, b) => Number(a.Type !== "Customer managed") - Number(b.Type !== "Customer managed"));
  }, []);
  const [selected, setSelected] = useState<Row[]>([]);
  const [deleting, setDeleting] = useState(false);
  const own = selected[0]?.Type === "Customer managed";
  return (
    <>
      <Listing<Row>
        name="Policies" thing="policy" items={data ?? []} loading={loading} error={error} reload={reload} id={(p) => p.PolicyName ?? ""} select="single" selected={selected} onSelect={setSelected}
        description="A policy is an object that defines permissions."
        actions={<><Button disabled={!own} onClick={() => setDeleting(true)}>Delete</Button><Button variant="primary" onClick={() => go("/policies/create")}>Create policy</Button></>}
        columns={[
          { id: "name", header: "Policy name", sortingField: "PolicyName", isRowHeader: true, minWidth: 260, cell: (p) => <Link href={at("policies", "details", p.Arn!)}>{p.PolicyName}</Link> },
          { id: "type", header: "Type", sortingField: "Type", cell: (p) => p.Type },
          { id: "used", header: "Used as", sortingField: "AttachmentCount", cell: (p) => [p.AttachmentCount ? `Permissions policy (${p.AttachmentCount})` : "", p.PermissionsBoundaryUsageCount ? `Boundary (${p.PermissionsBoundaryUsageCount})` : ""].filter(Boolean).join(", ") || "None" },
          { id: "description", header: "Description", sortingField: "Description", cell: (p) => p.Description ?? "-" },
          { id: "updated", header: "Edited", sortingField: "UpdateDate", hidden: true, cell: (p) => when(p.UpdateDate) },
        ]}
      />
      {deleting && <DeletePolicy policy={selected[0]} onDismiss={() => setDeleting(false)} onDone={() => { setDeleting(false); setSelected([]); reload(); }} />}
    </>
  );
}

function DeletePolicy({ policy, onDismiss, onDone }: { policy: Policy; onDismiss: () => void; onDone: () => void }) {
  const PolicyArn = policy.Arn!;
  const done = () => {
    forgetPolicies();
    onDone();
  };
  return <DeleteAll kind="policy" names={[policy.PolicyName!]} impact={{ policy: PolicyArn }} steps={() => policySteps(PolicyArn)} onDismiss={onDismiss} onDone={done} />;
}

export function CreatePolicy() {
  const [step, setStep] = useState(0);
  const [text, setText] = useState(emptyPolicy);
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [tags, setTags] = useState<readonly { key: string; value: string; existing: boolean }[]>([]);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Failure>();
  const wanted = tags.filter((t) => t.key).map((t) => ({ Key: t.key, Value: t.value }));
  const creation = doing("createPolicy", { PolicyName: name, PolicyDocument: text, Description: description || undefined, Tags: wanted.length ? wanted : undefined });
  const next = async (to: number) => {
    setError(undefined);
    if (to > step) {
      setBusy(true);
      try {
        await checkPolicy(text);
      } catch (e) {
        if ((e as Failure).name !== "AccessDenied") return setError(e as Failure);
      } finally {
        setBusy(false);
      }
    }
    setStep(to);
  };
  const create = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await creation.run();
      forgetPolicies();
      go("/policies");
      setTimeout(() => flashed(`Policy ${name} created.`));
    } catch (e) {
      setError(e as Failure);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Wizard
      activeStepIndex={step} isLoadingNextStep={busy} submitButtonText="Create policy" onCancel={() => go("/policies")} onSubmit={() => void create()} onNavigate={(e) => void next(e.detail.requestedStepIndex)}
      i18nStrings={{ stepNumberLabel: (n) => `Step ${n}`, collapsedStepsLabel: (n, of) => `Step ${n} of ${of}`, navigationAriaLabel: "Steps", cancelButton: "Cancel", previousButton: "Previous", nextButton: "Next", optional: "optional" }}
      steps={[
        {
          title: "Specify permissions",
          content: (
            <Container header={<Header variant="h2" description="Add permissions by selecting services, actions, resources, and conditions. Build permission statements using the JSON editor.">Policy editor</Header>}>
              <SpaceBetween size="m">
                <PolicyEditor value={text} onChange={setText} label="Policy" />
                <Problem error={error} what="The policy has an error" />
              </SpaceBetween>
            </Container>
          ),
        },
        {
          title: "Review and create",
          content: (
            <SpaceBetween size="l">
              <Container header={<Header variant="h2">Policy details</Header>}>
                <SpaceBetween size="m">
                  <FormField label="Policy name" constraintText="Up to 128 characters: letters, digits, and + = , . @ - _"><Input value={name} onChange={(e) => setName(e.detail.value)} /></FormField>
                  <FormField label="Description - optional"><Textarea value={description} onChange={(e) => setDescription(e.detail.value)} /></FormField>
                </SpaceBetween>
              </Container>
              <Container header={<Header variant="h2">Permissions defined in this policy</Header>}><Summary text={text} /></Container>
              <Container header={<Header variant="h2">Tags - optional</Header>}><TagEditor tags={tags as never} onChange={(e) => setTags(e.detail.tags as never)} /></Container>
              <Problem error={error} what="The policy was not created" />
              <ByCommand calls={[creation]} />
            </SpaceBetween>
          ),
        },
      ]}
    />
  );
}

export function PolicyPage({ name: PolicyArn }: { name: string }) {
  const route = useRoute();
  const { data, error, reload } = useLoad(async () => {
    const policy = (await iam().getPolicy({ PolicyArn })).Policy!;
    const [version, versions] = await Promise.all([
      iam().getPolicyVersion({ PolicyArn, VersionId: policy.DefaultVersionId }),
      iam().listPolicyVersions({ PolicyArn }).then((o) => o.Versions ?? []),
    ]);
    return { policy, text: pretty(decodeURIComponent(version.PolicyVersion?.Document ?? "")), versions };
  }, [PolicyArn]);
  const [editing, setEditing] = useState<string>();
  const [deleting, setDeleting] = useState(false);
  const own = policyType(PolicyArn) === "Customer managed";
  return (
    <SpaceBetween size="l">
      <Header variant="h1" actions={own && <SpaceBetween direction="horizontal" size="xs"><Button disabled={!data} onClick={() => setEditing(data?.text)}>Edit</Button><Button disabled={!data} onClick={() => setDeleting(true)}>Delete</Button></SpaceBetween>}>
        {PolicyArn.replace(/^.*\//, "")}
      </Header>
      <Problem error={error} what="The policy can't be shown" />
      {data && (
        <>
          <Container header={<Header variant="h2">Policy details</Header>}>
            <KeyValuePairs columns={4} items={[
              { label: "Type", value: policyType(PolicyArn) }, { label: "Creation time", value: when(data.policy.CreateDate) }, { label: "Edited time", value: when(data.policy.UpdateDate) }, { label: "ARN", value: <Copy text={PolicyArn} label="ARN" /> },
              ...(data.policy.Description ? [{ label: "Description", value: data.policy.Description }] : []),
            ]} />
          </Container>
          <Tabs
            activeTabId={route.query.get("section") ?? "permissions"} onChange={(e) => go(`/policies/details/${encodeURIComponent(PolicyArn)}?section=${e.detail.activeTabId}`)}
            tabs={[
              { id: "permissions", label: "Permissions", content: <SpaceBetween size="l"><Container header={<Header variant="h2">Summary</Header>}><Summary text={data.text} /></Container><Container header={<Header variant="h2">JSON</Header>}><PolicyEditor readOnly value={data.text} label="Policy" /></Container></SpaceBetween> },
              { id: "entities", label: "Entities attached", content: <Entities arn={PolicyArn} /> },
              { id: "versions", label: "Policy versions", content: <Versions arn={PolicyArn} versions={data.versions} own={own} current={data.text} reload={reload} /> },
            ]}
          />
        </>
      )}
      {editing !== undefined && data && <EditPolicy arn={PolicyArn} text={editing} versions={data.versions} onDismiss={() => setEditing(undefined)} onDone={() => { setEditing(undefined); flashed("Saved as the new default version."); reload(); }} />}
      {deleting && data && <DeletePolicy policy={data.policy} onDismiss={() => setDeleting(false)} onDone={() => go("/policies")} />}
    </SpaceBetween>
  );
}

function EditPolicy({ arn, text, versions, onDismiss, onDone }: { arn: string; text: string; versions: PolicyVersion[]; onDismiss: () => void; onDone: () => void }) {
  const [next, setNext] = useState(text);
  const full = versions.length >= 5;
  const oldest = versions.filter((v) => !v.IsDefaultVersion).sort((a, b) => (a.CreateDate?.getTime() ?? 0) - (b.CreateDate?.getTime() ?? 0))[0];
  return (
    <Ask
      title="Edit policy" verb="Save changes" size="large" disabled={next === text} onDismiss={onDismiss} onConfirm={async () => onDone()}
      calls={[
        ...(full && oldest ? [doing("deletePolicyVersion", { PolicyArn: arn, VersionId: oldest.VersionId })] : []),
        doing("createPolicyVersion", { PolicyArn: arn, PolicyDocument: next, SetAsDefault: true }),
      ]}
    >
      <PolicyEditor value={next} onChange={setNext} label="Policy" />
      <Header variant="h3">What changes</Header>
      <Difference before={text} after={pretty(next)} />
      {next !== text && <Replay subject={{ arn }} before={text} after={next} />}
      {full && <StatusIndicator type="warning">There are five versions: {oldest?.VersionId}, the oldest, is deleted.</StatusIndicator>}
    </Ask>
  );
}

function Entities({ arn }: { arn: string }) {
  const { data, error, loading, reload } = useLoad(async () => {
    const o = await iam().listEntitiesForPolicy({ PolicyArn: arn });
    return [
      ...(o.PolicyUsers ?? []).map((u) => ({ name: u.UserName!, kind: "users", detach: doing("detachUserPolicy", { UserName: u.UserName, PolicyArn: arn }) })),
      ...(o.PolicyGroups ?? []).map((g) => ({ name: g.GroupName!, kind: "groups", detach: doing("detachGroupPolicy", { GroupName: g.GroupName, PolicyArn: arn }) })),
      ...(o.PolicyRoles ?? []).map((r) => ({ name: r.RoleName!, kind: "roles", detach: doing("detachRolePolicy", { RoleName: r.RoleName, PolicyArn: arn }) })),
    ];
  }, [arn]);
  const [selected, setSelected] = useState<NonNullable<typeof data>>([]);
  const [asked, setAsked] = useState(false);
  return (
    <>
      <Listing
        name="Entities" thing="entity" items={data ?? []} loading={loading} error={error} variant="container" id={(e) => e.name} select="multi" selected={selected} onSelect={setSelected}
        actions={<Button disabled={!selected.length} onClick={() => setAsked(true)}>Detach</Button>}
        columns={[
          { id: "name", header: "Entity name", sortingField: "name", isRowHeader: true, cell: (e) => <Link href={at(e.kind, "details", e.name)}>{e.name}</Link> },
          { id: "kind", header: "Entity type", sortingField: "kind", cell: (e) => e.kind },
        ]}
      />
      {asked && <Ask title="Detach policy?" verb="Detach" onDismiss={() => setAsked(false)} calls={selected.map((e) => e.detach)} onConfirm={async () => {
        setAsked(false);
        setSelected([]);
        reload();
      }}>It no longer permits or denies anything to {selected.map((e) => e.name).join(", ")}.</Ask>}
    </>
  );
}

function Versions({ arn, versions, own, current, reload }: { arn: string; versions: PolicyVersion[]; own: boolean; current: string; reload: () => void }) {
  const [selected, setSelected] = useState<PolicyVersion[]>([]);
  const [asked, setAsked] = useState<"default" | "delete">();
  const v = selected[0];
  const shown = useLoad(async () => (v ? pretty(decodeURIComponent((await iam().getPolicyVersion({ PolicyArn: arn, VersionId: v.VersionId })).PolicyVersion?.Document ?? "")) : undefined), [v?.VersionId]);
  return (
    <SpaceBetween size="l">
      <Listing<PolicyVersion>
        name="Policy versions" thing="version" items={versions} variant="container" id={(x) => x.VersionId ?? ""} select="single" selected={selected} onSelect={setSelected} description="Up to 5 are kept."
        actions={own && <><Button disabled={!v || v.IsDefaultVersion} onClick={() => setAsked("delete")}>Delete</Button><Button disabled={!v || v.IsDefaultVersion} onClick={() => setAsked("default")}>Set as default</Button></>}
        columns={[
          { id: "version", header: "Version", isRowHeader: true, cell: (x) => `${x.VersionId}${x.IsDefaultVersion ? " (default)" : ""}` },
          { id: "created", header: "Creation time", cell: (x) => when(x.CreateDate) },
        ]}
      />
      {v && shown.data && <Container header={<Header variant="h2">From the default to {v.VersionId}</Header>}><Difference before={current} after={shown.data} /></Container>}
      {asked && (
        <Ask
          title={asked === "default" ? `Make ${v.VersionId} the default?` : `Delete ${v.VersionId}?`} verb={asked === "default" ? "Set as default" : "Delete"} onDismiss={() => setAsked(undefined)}
          calls={[doing(asked === "default" ? "setDefaultPolicyVersion" : "deletePolicyVersion", { PolicyArn: arn, VersionId: v.VersionId })]}
          onConfirm={async () => {
            setAsked(undefined);
            setSelected([]);
            reload();
          }}
        >
          {asked === "default" ? "It takes effect at once wherever the policy is attached." : "A deleted version can't be recovered."}
        </Ask>
      )}
    </SpaceBetween>
  );
}
