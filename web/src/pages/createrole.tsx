import { Alert, Autosuggest, Checkbox, Container, FormField, Header, Input, Link, RadioGroup, Select, SpaceBetween, TagEditor, Textarea, Wizard } from "@cloudscape-design/components";
import type { Policy } from "@aws-sdk/client-iam";
import { useState } from "react";
import { useSession } from "../app";
import { PolicyEditor } from "../editor";
import { flashed } from "../flash";
import { PickPolicies } from "../pick";
import { go } from "../router";
import { iam } from "../session";
import { Problem, useLoad } from "../ui";
import type { Failure } from "../ui";

type Kind = "service" | "account" | "web" | "saml" | "custom";

// Trusted is what the first step asks for, by the kind of the trusted entity.
interface Trusted {
  service: string;
  account: string;
  external: string;
  mfa: boolean;
  web: string;
  audience: string;
  saml: string;
  custom: string;
}

// statementOf is the statement that trusts the entity.
function statementOf(kind: Kind, t: Trusted): object {
  const conditions = (c: Record<string, Record<string, string>>) => (Object.keys(c).length ? { Condition: c } : {});
  switch (kind) {
    case "service":
      return { Effect: "Allow", Principal: { Service: t.service }, Action: "sts:AssumeRole" };
    case "account":
      return {
        Effect: "Allow", Principal: { AWS: /^\d{12}$/.test(t.account) ? `arn:aws:iam::${t.account}:root` : t.account }, Action: "sts:AssumeRole",
        ...conditions({ ...(t.external && { StringEquals: { "sts:ExternalId": t.external } }), ...(t.mfa && { Bool: { "aws:MultiFactorAuthPresent": "true" } }) }),
      };
    case "web":
      return {
        Effect: "Allow", Principal: { Federated: t.web }, Action: "sts:AssumeRoleWithWebIdentity",
        ...conditions(t.audience ? { StringEquals: { [t.web.split("oidc-provider/")[1] + ":aud"]: t.audience } } : {}),
      };
    default:
      return { Effect: "Allow", Principal: { Federated: t.saml }, Action: "sts:AssumeRoleWithSAML", Condition: { StringEquals: { "SAML:aud": location.origin + "/saml" } } };
  }
}

const trustPolicy = (kind: Kind, t: Trusted) => (kind === "custom" ? t.custom : JSON.stringify({ Version: "2012-10-17", Statement: [statementOf(kind, t)] }, null, 2));

// Services whose roles are usual. Others can be typed.
const services = ["ec2", "lambda", "ecs-tasks", "eks", "states", "events", "s3", "codebuild", "cloudformation", "glue", "apigateway", "batch", "rds", "sagemaker"].map((s) => ({ value: s + ".amazonaws.com" }));

type Set = (change: Partial<Trusted>) => void;

function WebIdentity({ t, set }: { t: Trusted; set: Set }) {
  const providers = useLoad(async () => (await iam().listOpenIDConnectProviders({})).OpenIDConnectProviderList ?? [], []);
  const audiences = useLoad(async () => (t.web ? ((await iam().getOpenIDConnectProvider({ OpenIDConnectProviderArn: t.web })).ClientIDList ?? []) : []), [t.web]);
  return (
    <SpaceBetween size="m">
      <Problem error={providers.error ?? audiences.error} />
      <FormField label="Identity provider" description={<Link href="#/identity_providers/create">Create new</Link>}>
        <Select
          placeholder="Choose a provider" empty="No OpenID Connect providers" selectedOption={t.web ? { value: t.web, label: t.web.split("oidc-provider/")[1] } : null}
          options={(providers.data ?? []).map((p) => ({ value: p.Arn, label: p.Arn?.split("oidc-provider/")[1] }))} onChange={(e) => set({ web: e.detail.selectedOption.value, audience: "" })}
        />
      </FormField>
      <FormField label="Audience">
        <Select
          placeholder="Choose an audience" empty="No audiences" selectedOption={t.audience ? { value: t.audience, label: t.audience } : null}
          options={(audiences.data ?? []).map((value) => ({ value, label: value }))} onChange={(e) => set({ audience: e.detail.selectedOption.value })}
        />
      </FormField>
    </SpaceBetween>
  );
}

function SAML({ t, set }: { t: Trusted; set: Set }) {
  const { data, error } = useLoad(async () => (await iam().listSAMLProviders({})).SAMLProviderList ?? [], []);
  return (
    <SpaceBetween size="m">
      <Problem error={error} />
      <FormField label="SAML 2.0 based provider" description={<Link href="#/identity_providers/create">Create new</Link>}>
        <Select
          placeholder="Choose a provider" empty="No SAML providers" selectedOption={t.saml ? { value: t.saml, label: t.saml.split("saml-provider/")[1] } : null}
          options={(data ?? []).map((p) => ({ value: p.Arn, label: p.Arn?.split("saml-provider/")[1] }))} onChange={(e) => set({ saml: e.detail.selectedOption.value })}
        />
      </FormField>
    </SpaceBetween>
  );
}

function Account({ t, set }: { t: Trusted; set: Set }) {
  const { session } = useSession();
  const [other, setOther] = useState(t.account !== session.account);
  const [external, setExternal] = useState(t.external !== "");
  return (
    <SpaceBetween size="m">
      <FormField label="An AWS account">
        <RadioGroup
          value={other ? "other" : "this"}
          onChange={(e) => {
            setOther(e.detail.value === "other");
            set({ account: e.detail.value === "other" ? "" : session.account });
          }}
          items={[{ value: "this", label: `This account (${session.account})` }, { value: "other", label: "Another account" }]}
        />
      </FormField>
      {other && <FormField label="Account ID" constraintText="12 digits, or the ARN of a user or role"><Input value={t.account} onChange={(e) => set({ account: e.detail.value })} /></FormField>}
      <FormField label="Options">
        <SpaceBetween size="xs">
          <Checkbox
            checked={external} description="Best practice when a third party will assume this role."
            onChange={(e) => {
              setExternal(e.detail.checked);
              set({ external: "" });
            }}
          >
            Require external ID
          </Checkbox>
          {external && <Input ariaLabel="External ID" placeholder="External ID" value={t.external} onChange={(e) => set({ external: e.detail.value })} />}
          <Checkbox checked={t.mfa} onChange={(e) => set({ mfa: e.detail.checked })} description="Whoever assumes the role must have signed in with MFA.">Require MFA</Checkbox>
        </SpaceBetween>
      </FormField>
    </SpaceBetween>
  );
}

export function CreateRole() {
  const { session } = useSession();
  const [step, setStep] = useState(0);
  const [kind, setKind] = useState<Kind>("account");
  const [trusted, setTrusted] = useState<Trusted>({ service: "", account: session.account, external: "", mfa: false, web: "", audience: "", saml: "", custom: "" });
  const [policies, setPolicies] = useState<Policy[]>([]);
  const [boundary, setBoundary] = useState<Policy[]>([]);
  const [bounded, setBounded] = useState(false);
  const [tried, setTried] = useState(false);
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [tags, setTags] = useState<readonly { key: string; value: string; existing: boolean }[]>([]);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Failure>();
  const trust = trustPolicy(kind, trusted);
  const set: Set = (change) => setTrusted((t) => ({ ...t, ...change }));
  const pick = (next: Kind) => {
    if (next === "custom") set({ custom: trust });
    setKind(next);
  };
  const missing = { service: !trusted.service, account: !trusted.account, web: !trusted.web || !trusted.audience, saml: !trusted.saml, custom: !trusted.custom }[kind];
  const named = /^[\w+=,.@-]{1,64}$/.test(name);
  const create = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const wanted = tags.filter((t) => t.key).map((t) => ({ Key: t.key, Value: t.value }));
      await iam().createRole({ RoleName: name, AssumeRolePolicyDocument: trust, Description: description || undefined, PermissionsBoundary: bounded ? boundary[0]?.Arn : undefined, Tags: wanted.length ? wanted : undefined });
      for (const p of policies) await iam().attachRolePolicy({ RoleName: name, PolicyArn: p.Arn });
      go("/roles");
      setTimeout(() => flashed(`Role ${name} created.`));
    } catch (e) {
      setError(e as Failure);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Wizard
      activeStepIndex={step} isLoadingNextStep={busy} submitButtonText="Create role" onCancel={() => go("/roles")} onSubmit={() => { setTried(true); if (named) void create(); }}
      onNavigate={(e) => {
        setTried(true);
        if (e.detail.requestedStepIndex > 0 && missing) return;
        setTried(false);
        setStep(e.detail.requestedStepIndex);
      }}
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
                {kind === "service" && (
                  <FormField label="Service or use case" constraintText="Such as lambda.amazonaws.com">
                    <Autosuggest value={trusted.service} options={services} onChange={(e) => set({ service: e.detail.value })} enteredTextLabel={(v) => `Use ${v}`} placeholder="Choose or type a service" ariaLabel="Service or use case" />
                  </FormField>
                )}
                {kind === "account" && <Account t={trusted} set={set} />}
                {kind === "web" && <WebIdentity t={trusted} set={set} />}
                {kind === "saml" && <SAML t={trusted} set={set} />}
                {kind === "custom" && <PolicyEditor value={trusted.custom} onChange={(custom) => set({ custom })} label="Trust policy" kind="trust" />}
                {tried && missing && <Alert type="error">Say whom the role trusts.</Alert>}
              </SpaceBetween>
            </Container>
          ),
        },
        {
          title: "Add permissions", isOptional: true,
          content: (
            <SpaceBetween size="l">
              <PickPolicies selected={policies} onChange={setPolicies} />
              <Container header={<Header variant="h2">Permissions boundary - optional</Header>}>
                <SpaceBetween size="m">
                  <Checkbox checked={bounded} onChange={(e) => setBounded(e.detail.checked)}>Use a permissions boundary to control the maximum role permissions</Checkbox>
                  {bounded && <PickPolicies single selected={boundary} onChange={setBoundary} />}
                </SpaceBetween>
              </Container>
            </SpaceBetween>
          ),
        },
        {
          title: "Name, review, and create",
          content: (
            <SpaceBetween size="l">
              <Container header={<Header variant="h2">Role details</Header>}>
                <SpaceBetween size="m">
                  <FormField label="Role name" errorText={tried && !named ? "Enter a name for the role." : undefined} constraintText="Up to 64 characters: A-Z, a-z, 0-9, and + = , . @ _ -"><Input value={name} onChange={(e) => setName(e.detail.value)} /></FormField>
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

