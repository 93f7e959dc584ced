import { Alert, Box, Button, Checkbox, ColumnLayout, Container, FormField, Grid, Header, Input, KeyValuePairs, Link, RadioGroup, SpaceBetween, StatusIndicator, Textarea } from "@cloudscape-design/components";
import type { PasswordPolicy } from "@aws-sdk/client-iam";
import { useState } from "react";
import { useSession } from "../app";
import { flashed } from "../flash";
import { go } from "../router";
import { iam } from "../session";
import { absent, Ask, Copy, daysSince, Listing, Problem, Typed, useLoad, when } from "../ui";

function Recommendations() {
  const { session } = useSession();
  const { data, error } = useLoad(async () => {
    const [summary, mfa, keys] = await Promise.all([
      iam().getAccountSummary({}), iam().listMFADevices({}), iam().listAccessKeys({}),
    ]);
    return { summary: summary.SummaryMap as Record<string, number>, mfa: mfa.MFADevices ?? [], keys: keys.AccessKeyMetadata ?? [] };
  }, []);
  const items: { good: boolean; text: string; more: string; fix?: string }[] = [];
  if (data) {
    items.push({ good: Boolean(data.summary.AccountMFAEnabled), text: data.summary.AccountMFAEnabled ? "Root user has MFA" : "Add MFA for root user", more: "The root user has all permissions: a code at sign-in protects the account.", fix: session.user ? undefined : "/security_credentials" });
    items.push({ good: !data.summary.AccountAccessKeysPresent, text: data.summary.AccountAccessKeysPresent ? "Deactivate or delete access keys for root user" : "Root user has no active access keys", more: "Use access keys of an IAM user, or roles, instead.", fix: session.user ? undefined : "/security_credentials" });
    if (session.user) {
      items.push({ good: data.mfa.length > 0, text: data.mfa.length ? "You have MFA" : "Add MFA for yourself", more: "A code at sign-in protects your user.", fix: "/security_credentials" });
      const old = data.keys.filter((k) => k.Status === "Active" && (daysSince(k.CreateDate) ?? 0) > 90);
      items.push({ good: old.length === 0, text: old.length ? "Update your access keys" : "Your keys are not older than 90 days", more: "Rotate access keys that are older than 90 days.", fix: "/security_credentials" });
    }
  }
  return (
    <Container header={<Header variant="h2" counter={data ? `(${items.filter((i) => !i.good).length})` : undefined}>Security recommendations</Header>}>
      <SpaceBetween size="m">
        <Problem error={error} what="The recommendations can't be shown" />
        {items.map((i) => (
          <Grid key={i.text} gridDefinition={[{ colspan: { default: 12, s: 9 } }, { colspan: { default: 12, s: 3 } }]}>
            <div><StatusIndicator type={i.good ? "success" : "warning"}>{i.text}</StatusIndicator><Box variant="small" display="block">{i.more}</Box></div>
            {!i.good && i.fix ? <Button onClick={() => go(i.fix!)}>Fix</Button> : <span />}
          </Grid>
        ))}
      </SpaceBetween>
    </Container>
  );
}

export function Dashboard() {
  const { session } = useSession();
  const { data, error, reload } = useLoad(async () => {
    const [summary, aliases] = await Promise.all([iam().getAccountSummary({}), iam().listAccountAliases({})]);
    return { n: summary.SummaryMap as Record<string, number>, alias: aliases.AccountAliases?.[0] };
  }, []);
  const [alias, setAlias] = useState<string>();
  const [removing, setRemoving] = useState(false);
  const count = (label: string, href: string, n?: number) => ({ label, value: <Link href={href} fontSize="display-l" variant="awsui-value-large" ariaLabel={`${label}: ${n ?? 0}`}>{n ?? "-"}</Link> });
  const url = `${location.origin}/console/${data?.alias ?? session.account}`;
  return (
    <SpaceBetween size="l">
      <Header variant="h1">IAM Dashboard</Header>
      <Problem error={error} what="The account's summary can't be shown" />
      <Grid gridDefinition={[{ colspan: { default: 12, m: 8 } }, { colspan: { default: 12, m: 4 } }]}>
        <SpaceBetween size="l">
          <Recommendations />
          <Container header={<Header variant="h2" actions={<Button iconName="refresh" ariaLabel="Refresh" onClick={reload} />}>IAM resources</Header>}>
            <KeyValuePairs columns={4} items={[count("User groups", "#/groups", data?.n.Groups), count("Users", "#/users", data?.n.Users), count("Roles", "#/roles", data?.n.Roles), count("Policies", "#/policies", data?.n.Policies), count("Identity providers", "#/identity_providers", data?.n.Providers)]} />
          </Container>
        </SpaceBetween>
        <SpaceBetween size="l">
          <Container header={<Header variant="h2">Account</Header>}>
            <ColumnLayout columns={1}>
              <div><Box variant="awsui-key-label">Account ID</Box><Copy text={session.account} label="account ID" /></div>
              <div>
                <Box variant="awsui-key-label">Account alias</Box>
                {data?.alias ?? "-"}{" "}
                <SpaceBetween direction="horizontal" size="xs">
                  <Button variant="inline-link" onClick={() => setAlias(data?.alias ?? "")}>{data?.alias ? "Edit" : "Create"}</Button>
                  {data?.alias && <Button variant="inline-link" onClick={() => setRemoving(true)}>Delete</Button>}
                </SpaceBetween>
              </div>
              <div><Box variant="awsui-key-label">Sign-in URL for IAM users in this account</Box><Copy text={url} label="sign-in URL" /></div>
            </ColumnLayout>
          </Container>
          <Container header={<Header variant="h2">Quick links</Header>}>
            <SpaceBetween size="xs">
              <Link href="#/security_credentials">My security credentials</Link>
              <Link href="#/simulator">Policy simulator</Link>
              <Link href="#/health">Credential health</Link>
            </SpaceBetween>
          </Container>
        </SpaceBetween>
      </Grid>
      {alias !== undefined && (
        <Ask title="Account alias" verb="Save changes" disabled={!/^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$/.test(alias)} onDismiss={() => setAlias(undefined)} onConfirm={async () => {
          await iam().createAccountAlias({ AccountAlias: alias });
          setAlias(undefined);
          flashed("Alias saved.");
          reload();
        }}>
          <FormField label="Preferred alias" constraintText="3 to 63 lower-case letters, digits and hyphens"><Input value={alias} onChange={(e) => setAlias(e.detail.value)} /></FormField>
        </Ask>
      )}
      {removing && <Ask title="Delete account alias?" verb="Delete" onDismiss={() => setRemoving(false)} onConfirm={async () => {
        await iam().deleteAccountAlias({ AccountAlias: data?.alias });
        setRemoving(false);
        reload();
      }}>Sign-in addresses with the alias no longer work; the one with the account ID does.</Ask>}
    </SpaceBetween>
  );
}

interface Provider { arn: string; name: string; type: string; created?: Date }

export function Providers() {
  const { data, error, loading, reload } = useLoad(async (): Promise<Provider[]> => {
    const [oidc, saml] = await Promise.all([iam().listOpenIDConnectProviders({}), iam().listSAMLProviders({})]);
    return [
      ...(oidc.OpenIDConnectProviderList ?? []).map((p) => ({ arn: p.Arn!, name: p.Arn!.split("oidc-provider/")[1], type: "OpenID Connect" })),
      ...(saml.SAMLProviderList ?? []).map((p) => ({ arn: p.Arn!, name: p.Arn!.split("saml-provider/")[1], type: "SAML", created: p.CreateDate })),
    ];
  }, []);
  const [selected, setSelected] = useState<Provider[]>([]);
  const [asked, setAsked] = useState<"add" | "delete">();
  const [type, setType] = useState("oidc");
  const [name, setName] = useState("");
  const [audiences, setAudiences] = useState("");
  const [metadata, setMetadata] = useState("");
  const p = selected[0];
  return (
    <>
      <Listing<Provider>
        name="Identity providers" thing="provider" items={data ?? []} loading={loading} error={error} reload={reload} id={(x) => x.name} select="single" selected={selected} onSelect={setSelected}
        description="Use an identity provider to manage your user identities outside, and grant them permissions by roles."
        actions={<><Button disabled={!p} onClick={() => setAsked("delete")}>Delete</Button><Button variant="primary" onClick={() => setAsked("add")}>Add provider</Button></>}
        columns={[
          { id: "name", header: "Provider", sortingField: "name", isRowHeader: true, cell: (x) => x.name },
          { id: "type", header: "Type", sortingField: "type", cell: (x) => x.type },
          { id: "arn", header: "ARN", sortingField: "arn", cell: (x) => x.arn },
          { id: "created", header: "Creation time", cell: (x) => when(x.created) },
        ]}
      />
      {asked === "add" && (
        <Ask title="Add provider" verb="Add provider" size="large" disabled={!name || (type === "saml" && !metadata)} onDismiss={() => setAsked(undefined)} onConfirm={async () => {
          if (type === "oidc") await iam().createOpenIDConnectProvider({ Url: name, ClientIDList: audiences.split(/[\s,]+/).filter(Boolean) });
          else await iam().createSAMLProvider({ Name: name, SAMLMetadataDocument: metadata });
          setAsked(undefined);
          flashed("Provider added.");
          reload();
        }}>
          <RadioGroup ariaLabel="Provider type" value={type} onChange={(e) => setType(e.detail.value)} items={[{ value: "oidc", label: "OpenID Connect" }, { value: "saml", label: "SAML" }]} />
          <FormField label={type === "oidc" ? "Provider URL" : "Provider name"}><Input value={name} placeholder={type === "oidc" ? "https://" : ""} onChange={(e) => setName(e.detail.value)} /></FormField>
          {type === "oidc" ? <FormField label="Audiences" description="Client IDs, one a line"><Textarea value={audiences} onChange={(e) => setAudiences(e.detail.value)} /></FormField>
            : <FormField label="Metadata document"><Textarea rows={10} value={metadata} onChange={(e) => setMetadata(e.detail.value)} /></FormField>}
        </Ask>
      )}
      {asked === "delete" && (
        <Typed title={`Delete ${p.name}?`} name={p.name} onDismiss={() => setAsked(undefined)} onConfirm={async () => {
          if (p.type === "SAML") await iam().deleteSAMLProvider({ SAMLProviderArn: p.arn });
          else await iam().deleteOpenIDConnectProvider({ OpenIDConnectProviderArn: p.arn });
          setAsked(undefined);
          setSelected([]);
          reload();
        }}>
          <Alert type="warning">Roles that trust it can no longer be assumed through it.</Alert>
        </Typed>
      )}
    </>
  );
}

const standard: PasswordPolicy = { MinimumPasswordLength: 8, AllowUsersToChangePassword: true };

export function Settings() {
  const { data, error, reload, loading } = useLoad(async () => (await absent(iam().getAccountPasswordPolicy({})))?.PasswordPolicy, []);
  const [edited, setEdited] = useState<PasswordPolicy>();
  const [custom, setCustom] = useState("custom");
  const set = (change: Partial<PasswordPolicy>) => setEdited({ ...edited!, ...change });
  const box = (name: keyof PasswordPolicy, label: string) => <Checkbox checked={Boolean(edited?.[name])} onChange={(e) => set({ [name]: e.detail.checked })}>{label}</Checkbox>;
  const says = (p: PasswordPolicy) => [
    `Minimum length is ${p.MinimumPasswordLength} characters`,
    ...(p.RequireUppercaseCharacters ? ["At least one uppercase letter"] : []), ...(p.RequireLowercaseCharacters ? ["At least one lowercase letter"] : []),
    ...(p.RequireNumbers ? ["At least one number"] : []), ...(p.RequireSymbols ? ["At least one symbol"] : []),
    p.MaxPasswordAge ? `Expires in ${p.MaxPasswordAge} days${p.HardExpiry ? ", then only an administrator can reset it" : ""}` : "Never expires",
    p.PasswordReusePrevention ? `The last ${p.PasswordReusePrevention} can't be used again` : "May be used again",
    p.AllowUsersToChangePassword ? "Users may change their own" : "Users may not change their own",
  ];
  return (
    <SpaceBetween size="l">
      <Header variant="h1">Account settings</Header>
      <Problem error={error} what="The password policy can't be shown" />
      <Container header={<Header variant="h2" description="Requirements for the passwords of IAM users" actions={<Button disabled={loading} onClick={() => { setEdited(data ?? standard); setCustom(data ? "custom" : "default"); }}>Edit</Button>}>Password policy</Header>}>
        {!loading && !error && (data ? <ul>{says(data).map((s) => <li key={s}>{s}</li>)}</ul> : <ul><li>IAM default: at least 8 characters, of at least three kinds</li><li>Not the account's name or email address</li><li>Never expires</li></ul>)}
      </Container>
      {edited && (
        <Ask title="Edit password policy" verb="Save changes" size="large" onDismiss={() => setEdited(undefined)} onConfirm={async () => {
          if (custom === "default") await absent(iam().deleteAccountPasswordPolicy({}));
          else {
            const { ExpirePasswords: _, ...p } = edited;
            await iam().updateAccountPasswordPolicy({ ...p, MaxPasswordAge: p.MaxPasswordAge || undefined, PasswordReusePrevention: p.PasswordReusePrevention || undefined, HardExpiry: p.HardExpiry ?? false });
          }
          setEdited(undefined);
          flashed("Password policy saved.");
          reload();
        }}>
          <RadioGroup ariaLabel="Password policy" value={custom} onChange={(e) => setCustom(e.detail.value)} items={[{ value: "default", label: "IAM default" }, { value: "custom", label: "Custom" }]} />
          {custom === "custom" && (
            <SpaceBetween size="s">
              <FormField label="Password minimum length" constraintText="6 to 128 characters"><Input type="number" value={String(edited.MinimumPasswordLength ?? "")} onChange={(e) => set({ MinimumPasswordLength: Number(e.detail.value) })} /></FormField>
              {box("RequireUppercaseCharacters", "Require at least one uppercase letter")}
              {box("RequireLowercaseCharacters", "Require at least one lowercase letter")}
              {box("RequireNumbers", "Require at least one number")}
              {box("RequireSymbols", "Require at least one symbol")}
              <FormField label="Expire passwords after so many days" constraintText="0 means never; at most 1095"><Input type="number" value={String(edited.MaxPasswordAge ?? 0)} onChange={(e) => set({ MaxPasswordAge: Number(e.detail.value) })} /></FormField>
              {box("HardExpiry", "Password expiration requires administrator reset")}
              {box("AllowUsersToChangePassword", "Allow users to change their own password")}
              <FormField label="Prevent reuse of so many passwords" constraintText="0 to 24"><Input type="number" value={String(edited.PasswordReusePrevention ?? 0)} onChange={(e) => set({ PasswordReusePrevention: Number(e.detail.value) })} /></FormField>
            </SpaceBetween>
          )}
        </Ask>
      )}
    </SpaceBetween>
  );
}
