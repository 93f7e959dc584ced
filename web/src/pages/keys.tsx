import { Alert, Box, Button, Checkbox, ColumnLayout, Container, ExpandableSection, FormField, Header, Input, KeyValuePairs, RadioGroup, SpaceBetween, StatusIndicator, Steps, Wizard } from "@cloudscape-design/components";
import { useEffect, useState } from "react";
import { useSession } from "../app";
import { flashed } from "../flash";
import { Impact } from "../impact";
import { go } from "../router";
import { clientOf, iam } from "../session";
import { ago, Ask, Copy, csv, download, Problem, useLoad } from "../ui";
import type { Failure } from "../ui";
import { Hidden, keysOf } from "./user";
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
              {!owner && <Alert type="warning" header="Root user access keys are not recommended">A key of the root user can do everything, and no policy limits it. Make an IAM user or a role instead.</Alert>}
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
                  <Input value={description} onChange={(e) => setDescription(e.detail.value.slice(0, 256))} disabled={!owner} autoFocus />
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

// Retrieve shows a new key, once.
function Retrieve({ made, owner, error, onDone, done = "Done" }: { made: Made; owner?: string; error?: Failure; onDone: () => void; done?: string }) {
  const [check, setCheck] = useState<"none" | "busy" | "good" | "bad">("none");
  const [saved, setSaved] = useState(false);
  useEffect(() => {
    const warn = (e: BeforeUnloadEvent) => saved || e.preventDefault();
    window.addEventListener("beforeunload", warn);
    return () => window.removeEventListener("beforeunload", warn);
  }, [saved]);
  const profile = owner ?? "root";
  const forms = [
    { name: "For aws configure import", file: `${profile}_import.csv`, text: csv([["User Name", "Access key ID", "Secret access key"], [profile, made.id, made.secret]]) },
    { name: "Profile", file: "credentials", text: `[${profile}]\naws_access_key_id = ${made.id}\naws_secret_access_key = ${made.secret}\n` },
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
            <Button
              loading={check === "busy"}
              onClick={() => {
                setCheck("busy");
                clientOf(made.id, made.secret).getCallerIdentity({}).then(() => setCheck("good"), () => setCheck("bad"));
              }}
            >
              Check that the key works
            </Button>
          </SpaceBetween>
          {check === "good" && <StatusIndicator>The key works.</StatusIndicator>}
          {check === "bad" && <StatusIndicator type="error">The key does not work.</StatusIndicator>}
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
  const [failed, setFailed] = useState<Failure>();
  const [asked, setAsked] = useState<"deactivate" | "delete">();
  useEffect(() => {
    const timer = setInterval(reload, 5000);
    return () => clearInterval(timer);
  }, [reload]);
  if (made) return <Retrieve made={made} owner={name} onDone={() => { setMade(undefined); reload(); }} done="Next: watch both keys" />;
  const sorted = [...(keys ?? [])].sort((a, b) => (a.CreateDate?.getTime() ?? 0) - (b.CreateDate?.getTime() ?? 0));
  const [old, fresh] = sorted as (Key | undefined)[];
  const moved = Boolean(old && fresh && fresh.used?.LastUsedDate && (!old.used?.LastUsedDate || fresh.used.LastUsedDate > old.used.LastUsedDate));
  const at = !fresh ? 0 : old?.Status === "Active" ? 1 : 2;
  const state = (i: number) => (i < at ? "success" : i === at ? "in-progress" : "pending");
  const create = async () => {
    try {
      const key = (await iam().createAccessKey({ UserName: name })).AccessKey!;
      setMade({ id: key.AccessKeyId!, secret: key.SecretAccessKey! });
    } catch (e) {
      setFailed(e as Failure);
    }
  };
  return (
    <SpaceBetween size="l">
      <Header variant="h1" description="Nothing stops working: the old key goes only when nothing uses it. You can leave this page and come back.">Rotate the access key of {name}</Header>
      <Problem error={error ?? failed} />
      {keys && (
        <>
          <Container>
            <Steps
              ariaLabel="Rotation"
              steps={[
                { status: state(0), header: "Create the new key", details: at === 0 ? <Button variant="primary" disabled={sorted.length !== 1} onClick={() => void create()}>Create the new key</Button> : undefined },
                { status: state(1), header: "Change clients over, and deactivate the old key when it is quiet", details: at === 1 ? <Button variant={moved ? "primary" : "normal"} onClick={() => setAsked("deactivate")}>Deactivate the old key</Button> : undefined },
                { status: state(2), header: "Delete the old key", details: at === 2 ? <Button variant="primary" onClick={() => setAsked("delete")}>Delete the old key</Button> : undefined },
              ]}
            />
          </Container>
          <Container header={<Header variant="h2" description="Updated every 5 seconds">Last use</Header>}>
            <KeyValuePairs
              columns={2}
              items={[old, fresh].map((k, i) => ({
                label: i === 0 ? "Old key" : "New key",
                value: k ? <>{k.AccessKeyId} ({k.Status}) - {k.used?.LastUsedDate ? ago(k.used.LastUsedDate) : "never used"}</> : "-",
              }))}
            />
          </Container>
        </>
      )}
      {asked && old && (
        <Ask
          title={asked === "deactivate" ? `Deactivate ${old.AccessKeyId}?` : `Delete ${old.AccessKeyId}?`} verb={asked === "deactivate" ? "Deactivate" : "Delete"} onDismiss={() => setAsked(undefined)}
          onConfirm={async () => {
            if (asked === "deactivate") await iam().updateAccessKey({ UserName: name, AccessKeyId: old.AccessKeyId, Status: "Inactive" });
            else await iam().deleteAccessKey({ UserName: name, AccessKeyId: old.AccessKeyId });
            flashed(asked === "deactivate" ? "The old key is inactive. If something breaks, activate it on the user's page." : "The rotation is complete.");
            setAsked(undefined);
            if (asked === "delete") go(`/users/details/${encodeURIComponent(name)}?section=security_credentials`);
            else reload();
          }}
        >
          <Impact of={{ key: old.AccessKeyId! }} />
        </Ask>
      )}
    </SpaceBetween>
  );
}
