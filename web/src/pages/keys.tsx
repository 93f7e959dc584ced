import { Alert, Box, Button, Checkbox, ColumnLayout, Container, ExpandableSection, FormField, Header, Input, KeyValuePairs, Link, RadioGroup, SpaceBetween, StatusIndicator, Steps, Wizard } from "@cloudscape-design/components";
import { useEffect, useState } from "react";
import { useSession } from "../app";
import { doing } from "../doing";
import { flashed } from "../flash";
import { Hidden } from "../hidden";
import { Impact } from "../impact";
import { go } from "../router";
import { clientOf, iam } from "../session";
import { deactivated } from "../undo";
import { Ask, Buttons, Copy, csv, download, Problem, Typed, useLoad } from "../ui";
import type { Failure } from "../ui";
import { keysOf, lastUse } from "./user";
import type { Key } from "./user";

// uses are the use cases of the wizard, with what is better than a key.
const uses = [
  { value: "cli", label: "Command Line Interface (CLI)", text: "You plan to use this access key to enable the AWS CLI to access your account.", better: "Use single sign-on of the AWS CLI, or assume a role: temporary credentials need no safekeeping." },
  { value: "local", label: "Local code", text: "You plan to use this access key to enable application code in a local development environment.", better: "Use an IDE or tool that gets temporary credentials by signing you in." },
  { value: "compute", label: "Application running on an AWS compute service", text: "You plan to use this access key to enable application code running on a compute service.", better: "Give the instance, container or function a role." },
  { value: "third", label: "Third-party service", text: "You plan to use this access key to enable access for a third-party application or service.", better: "Let the service assume a role with an external ID." },
  { value: "outside", label: "Application running outside AWS", text: "You plan to use this access key to authenticate workloads running outside of AWS.", better: "Federate by OpenID Connect, SAML or certificates, and assume a role." },
  { value: "other", label: "Other", text: "Your use case is not listed here.", better: "" },
];

interface Made {
  id: string;
  secret: string;
}

export function CreateKey({ name }: { name: string }) {
  const { session } = useSession();
  const owner = name || session.user; // undefined: root
  const back = name ? `/users/details/${encodeURIComponent(name)}?section=security_credentials` : "/security_credentials";
  const [step, setStep] = useState(0);
  const [use, setUse] = useState("");
  const [understood, setUnderstood] = useState(false);
  const [description, setDescription] = useState("");
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Failure>();
  const [made, setMade] = useState<Made>();
  const picked = uses.find((u) => u.value === use);
  const ready = picked && (understood || !picked.better);

  const create = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const key = (await iam().createAccessKey({ UserName: name || undefined })).AccessKey!;
      setMade({ id: key.AccessKeyId!, secret: key.SecretAccessKey! });
      if (description && owner) await iam().tagUser({ UserName: owner, Tags: [{ Key: key.AccessKeyId, Value: description }] });
    } catch (e) {
      setError(e as Failure);
    } finally {
      setBusy(false);
    }
  };
  if (made) return <Retrieve made={made} owner={owner} error={error} onDone={() => go(back)} />;
  if (!owner) return <CreateRootKey busy={busy} error={error} onCreate={() => void create()} onCancel={() => go(back)} />;
  return (
    <Wizard
      activeStepIndex={step} isLoadingNextStep={busy} submitButtonText="Create access key" onCancel={() => go(back)} onSubmit={() => void create()}
      onNavigate={(e) => {
        setTried(true);
        if (e.detail.requestedStepIndex > step && !ready) return;
        setStep(e.detail.requestedStepIndex);
      }}
      i18nStrings={{ stepNumberLabel: (n) => `Step ${n}`, collapsedStepsLabel: (n, of) => `Step ${n} of ${of}`, navigationAriaLabel: "Steps", cancelButton: "Cancel", previousButton: "Previous", nextButton: "Next", optional: "optional" }}
      steps={[
        {
          title: "Access key best practices & alternatives",
          content: (
            <SpaceBetween size="l">
              <Container header={<Header variant="h2" description="Avoid using long-term credentials like access keys to improve your security.">Use case</Header>}>
                <FormField label="What is the key for?" errorText={tried && !use ? "Choose a use case." : undefined}>
                  <RadioGroup value={use} onChange={(e) => { setUse(e.detail.value); setUnderstood(false); }} items={uses.map((u) => ({ value: u.value, label: u.label, description: u.text }))} />
                </FormField>
              </Container>
              {picked?.better && <Alert type="warning" header="Alternative recommended">{picked.better}</Alert>}
              {picked?.better && (
                <FormField errorText={tried && !understood ? "Confirm to go on." : undefined}>
                  <Checkbox checked={understood} onChange={(e) => setUnderstood(e.detail.checked)}>I understand the above recommendation and want to proceed to create an access key.</Checkbox>
                </FormField>
              )}
            </SpaceBetween>
          ),
        },
        {
          title: "Set description tag",
          isOptional: true,
          content: (
            <SpaceBetween size="l">
              <Container header={<Header variant="h2" description="The description is a tag of the user, with the key's id as its key.">Description</Header>}>
                <FormField label="Description tag value" description="What the access key is for and where it will be used." constraintText="Up to 256 characters">
                  <Input value={description} onChange={(e) => setDescription(e.detail.value.slice(0, 256))} autoFocus />
                </FormField>
              </Container>
              <Problem error={error} what="The access key was not created" />
            </SpaceBetween>
          ),
        },
      ]}
    />
  );
}

// CreateRootKey is the wizard of root, in one step as AWS has it.
function CreateRootKey({ busy, error, onCreate, onCancel }: { busy: boolean; error?: Failure; onCreate: () => void; onCancel: () => void }) {
  const [understood, setUnderstood] = useState(false);
  return (
    <SpaceBetween size="l">
      <Header variant="h1">Alternatives to root user access keys</Header>
      <Alert type="warning" header="Root user access keys are not recommended">A key of the root user can do everything, and no policy limits it. Make an IAM user or a role instead.</Alert>
      <Container header={<Header variant="h2">Continue to create access key?</Header>}>
        <Checkbox checked={understood} onChange={(e) => setUnderstood(e.detail.checked)}>I understand creating a root access key is not a best practice, but I still want to create one.</Checkbox>
      </Container>
      <Problem error={error} what="The access key was not created" />
      <Box float="right"><Buttons><Button variant="link" onClick={onCancel}>Cancel</Button><Button variant="primary" loading={busy} disabled={!understood} onClick={onCreate}>Create access key</Button></Buttons></Box>
    </SpaceBetween>
  );
}

// Retrieve shows a new key, once.
function Retrieve({ made, owner, error, onDone, done = "Done" }: { made: Made; owner?: string; error?: Failure; onDone: () => void; done?: string }) {
  const [check, setCheck] = useState<"none" | "busy" | { arn?: string; error?: Failure }>("none");
  const [saved, setSaved] = useState(false);
  useEffect(() => {
    const warn = (e: BeforeUnloadEvent) => saved || e.preventDefault();
    window.addEventListener("beforeunload", warn);
    return () => window.removeEventListener("beforeunload", warn);
  }, [saved]);
  const profile = owner ?? "root";
  const forms = [
    { name: "For aws configure import", file: `${profile}_import.csv`, text: csv([["User Name", "Access key ID", "Secret access key"], [profile, made.id, made.secret]]) },
    { name: "Profile", file: "credentials", text: `[${profile}]\naws_access_key_id = ${made.id}\naws_secret_access_key = ${made.secret}\nendpoint_url = ${location.origin}\nregion = us-east-1\n` },
    { name: "Environment", file: `${profile}.env`, text: `AWS_ACCESS_KEY_ID=${made.id}\nAWS_SECRET_ACCESS_KEY=${made.secret}\nAWS_ENDPOINT_URL=${location.origin}\nAWS_REGION=us-east-1\n` },
  ];
  return (
    <SpaceBetween size="l">
      <Alert type="success" header="Access key created">This is the only time that the secret access key can be viewed or downloaded. You cannot recover it later. However, you can create a new access key any time.</Alert>
      <Problem error={error} what="The description was not saved" />
      <Container header={<Header variant="h1" description="If you lose or forget your secret access key, you cannot retrieve it. Instead, create a new access key and make the old key inactive.">Retrieve access keys</Header>}>
        <ColumnLayout columns={2}>
          <div><Box variant="awsui-key-label">Access key</Box><Copy text={made.id} label="access key" /></div>
          <div><Box variant="awsui-key-label">Secret access key</Box><Copy text={made.secret} label="secret access key" shown={<Hidden text={made.secret} />} /></div>
        </ColumnLayout>
      </Container>
      <Container header={<Header variant="h2">Access key best practices</Header>}>
        <ul>
          <li>Never store your access key in plain text, in a code repository, or in code.</li>
          <li>Disable or delete access keys when no longer needed.</li>
          <li>Enable least-privilege permissions.</li>
          <li>Rotate access keys regularly.</li>
        </ul>
      </Container>
      <ExpandableSection headerText="Ready to use" headerDescription="Other forms of the same key, and a check that it works">
        <SpaceBetween size="m">
          <SpaceBetween direction="horizontal" size="xs">
            {forms.map((f) => <Button key={f.name} iconName="download" onClick={() => { setSaved(true); download(f.file, f.text, "text/plain"); }}>{f.name}</Button>)}
            {forms.slice(1).map((f) => <Button key={f.name + "copy"} iconName="copy" onClick={() => void navigator.clipboard.writeText(f.text).then(() => setSaved(true))}>Copy: {f.name}</Button>)}
            <Button
              loading={check === "busy"}
              onClick={() => {
                setCheck("busy");
                clientOf(made.id, made.secret).getCallerIdentity({}).then((o) => setCheck({ arn: o.Arn }), (error: Failure) => setCheck({ error }));
              }}
            >
              Check that the key works
            </Button>
          </SpaceBetween>
          {typeof check === "object" && check.arn && <StatusIndicator>The key works: {check.arn}</StatusIndicator>}
          {typeof check === "object" && <Problem error={check.error} what="The key does not work" />}
        </SpaceBetween>
      </ExpandableSection>
      <Box float="right">
        <SpaceBetween direction="horizontal" size="xs">
          <Button
            iconName="download"
            onClick={() => {
              setSaved(true);
              download(owner ? `${owner}_accessKeys.csv` : "rootkey.csv", csv([["Access key ID", "Secret access key"], [made.id, made.secret]]));
            }}
          >
            Download .csv file
          </Button>
          <Button variant="primary" onClick={onDone}>{done}</Button>
        </SpaceBetween>
      </Box>
    </SpaceBetween>
  );
}

// Rotate is the rotation wizard: a second key, both keys' use while the clients
// change over, then the old one goes. Where it is follows from the keys
// themselves, so that it can be left and gone on with at any time.
export function Rotate({ name }: { name: string }) {
  const { data: keys, error, reload } = useLoad(() => keysOf(name), [name]);
  const [made, setMade] = useState<Made>();
  const [asked, setAsked] = useState<"create" | "deactivate" | "activate" | "delete">();
  useEffect(() => {
    const timer = setInterval(reload, 5000);
    return () => clearInterval(timer);
  }, [reload]);
  const back = `/users/details/${encodeURIComponent(name)}?section=security_credentials`;
  if (made) return <Retrieve made={made} owner={name} onDone={() => { setMade(undefined); reload(); }} done="Next: watch both keys" />;
  const [old, fresh] = [...(keys ?? [])].sort((a, b) => (a.CreateDate?.getTime() ?? 0) - (b.CreateDate?.getTime() ?? 0)) as (Key | undefined)[];
  const used = (k?: Key) => k?.used?.LastUsedDate?.getTime() ?? 0;
  const quiet = !old?.hidden && used(fresh) > used(old);
  const at = !fresh ? 0 : old?.Status === "Active" ? 1 : 2;
  const state = (i: number) => (i < at ? "success" : i === at ? "in-progress" : "pending");
  const done = async (text: string) => {
    setAsked(undefined);
    flashed(text);
    reload();
  };
  const AccessKeyId = old?.AccessKeyId;
  return (
    <SpaceBetween size="l">
      <Header variant="h1" description="Nothing stops working: the old key goes only when nothing uses it. You can leave this page and come back." actions={<Button onClick={() => go(back)}>Back to {name}</Button>}>Rotate the access key of {name}</Header>
      <Problem error={error} what="The keys can't be shown" />
      {keys?.length === 0 && <Alert type="info">{name} has no access key to rotate.</Alert>}
      {keys && keys.length > 0 && (
        <SpaceBetween size="l">
          <Container>
            <Steps
              ariaLabel="Rotation"
              steps={[
                { status: state(0), header: "Create the new key", details: at === 0 && <Button variant="primary" onClick={() => setAsked("create")}>Create the new key</Button> },
                {
                  status: state(1), header: "Change the clients over, and deactivate the old key when it is quiet",
                  details: at === 1 && (
                    <SpaceBetween size="xs">
                      {quiet ? <StatusIndicator>The new key was used after the old one.</StatusIndicator> : <StatusIndicator type="pending">{fresh?.hidden || old?.hidden ? "When the keys were used is not known." : used(fresh) ? "The old key was used after the new one." : "The new key was not used yet."}</StatusIndicator>}
                      <Button variant={quiet ? "primary" : "normal"} onClick={() => setAsked("deactivate")}>Deactivate the old key</Button>
                    </SpaceBetween>
                  ),
                },
                {
                  status: state(2), header: "See that nothing misses the old key, and delete it",
                  details: at === 2 && <Buttons><Button onClick={() => setAsked("activate")}>Activate it again</Button><Button variant="primary" onClick={() => setAsked("delete")}>Delete the old key</Button></Buttons>,
                },
              ]}
            />
          </Container>
          <ColumnLayout columns={2}>
            <LastUse title="Old key" k={old} />
            <LastUse title="New key" k={fresh} />
          </ColumnLayout>
        </SpaceBetween>
      )}
      {asked === "create" && (
        <Ask
          title="Create the new key?" verb="Create the new key" onDismiss={() => setAsked(undefined)} shown={[doing("createAccessKey", { UserName: name })]}
          onConfirm={async () => {
            const key = (await iam().createAccessKey({ UserName: name })).AccessKey!;
            if (old?.description) await iam().tagUser({ UserName: name, Tags: [{ Key: key.AccessKeyId, Value: old.description }] }).catch(() => undefined);
            setAsked(undefined);
            setMade({ id: key.AccessKeyId!, secret: key.SecretAccessKey! });
          }}
        >
          Both keys work until you deactivate the old one. The description of the old key is copied.
        </Ask>
      )}
      {asked === "deactivate" && old && (
        <Ask
          title={`Deactivate ${AccessKeyId}?`} verb="Deactivate" onDismiss={() => setAsked(undefined)} calls={[doing("updateAccessKey", { UserName: name, AccessKeyId, Status: "Inactive" })]}
          onConfirm={async () => {
            setAsked(undefined);
            deactivated("The old key is inactive. If something breaks, activate it again.", [{ UserName: name, AccessKeyId }], reload);
            reload();
          }}
        >
          <Impact of={{ key: AccessKeyId! }} />
        </Ask>
      )}
      {asked === "activate" && (
        <Ask title={`Activate ${AccessKeyId}?`} verb="Activate" onDismiss={() => setAsked(undefined)} calls={[doing("updateAccessKey", { UserName: name, AccessKeyId, Status: "Active" })]} onConfirm={() => done("The old key is active again.")}>
          Whoever still uses it can go on.
        </Ask>
      )}
      {asked === "delete" && old && (
        <Typed
          title={`Delete ${AccessKeyId}?`} name={AccessKeyId!} onDismiss={() => setAsked(undefined)}
          calls={[doing("deleteAccessKey", { UserName: name, AccessKeyId }), ...(old.description ? [doing("untagUser", { UserName: name, TagKeys: [AccessKeyId!] })] : [])]}
          onConfirm={async () => {
            go(back);
            setTimeout(() => flashed("The rotation is complete."));
          }}
        >
          <Impact of={{ key: AccessKeyId! }} />
          <Alert type="warning">A deleted key can't be recovered.</Alert>
        </Typed>
      )}
    </SpaceBetween>
  );
}

// LastUse shows when a key was used last, live.
function LastUse({ title, k }: { title: string; k?: Key }) {
  return (
    <Container header={<Header variant="h2" description="Updated every 5 seconds">{title}</Header>}>
      {k ? (
        <KeyValuePairs columns={2} items={[
          { label: "Access key ID", value: <Copy text={k.AccessKeyId ?? ""} label="access key ID" /> },
          { label: "Status", value: <StatusIndicator type={k.Status === "Active" ? "success" : "stopped"}>{k.Status}</StatusIndicator> },
          { label: "Last used", value: lastUse(k) },
          { label: "Last used service", value: k.used?.LastUsedDate ? `${k.used.ServiceName} in ${k.used.Region}` : "-" },
          { label: "Description", value: k.description ?? "-" },
          { label: "Its calls", value: <Link href={"#/events?key=" + k.AccessKeyId}>Event history</Link> },
        ]} />
      ) : (
        "There is no such key yet."
      )}
    </Container>
  );
}
