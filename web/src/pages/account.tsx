import { Box, Button, Checkbox, ColumnLayout, Container, FormField, Grid, Header, Input, KeyValuePairs, Link, RadioGroup, SpaceBetween, StatusIndicator } from "@cloudscape-design/components";
import type { PasswordPolicy } from "@aws-sdk/client-iam";
import { useState } from "react";
import { useSession } from "../app";
import { doing } from "../doing";
import { flashed } from "../flash";
import { go } from "../router";
import { iam } from "../session";
import { absent, Ask, Copy, daysSince, Problem, useLoad } from "../ui";
import type { Failure } from "../ui";

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
          <Grid key={i.text} gridDefinition={[{ colspan: { default: 8, xxs: 9 } }, { colspan: { default: 4, xxs: 3 } }]}>
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
  const count = (label: string, href: string, n?: number) => (
    <div><Box variant="awsui-key-label">{label}</Box><Link href={href} fontSize="display-l" variant="awsui-value-large" ariaLabel={`${label}: ${n ?? 0}`}>{n ?? "-"}</Link></div>
  );
  const url = `${location.origin}/console/${data?.alias ?? session.account}`;
  return (
    <SpaceBetween size="l">
      <Header variant="h1">IAM Dashboard</Header>
      <Problem error={error} what="The account's summary can't be shown" />
      <Grid gridDefinition={[{ colspan: { default: 12, s: 8 } }, { colspan: { default: 12, s: 4 } }]}>
        <SpaceBetween size="l">
          <Recommendations />
          <Container header={<Header variant="h2" actions={<Button iconName="refresh" ariaLabel="Refresh" onClick={reload} />}>IAM resources</Header>}>
            <Grid gridDefinition={Array.from({ length: 5 }, () => ({ colspan: { default: 6, xxs: 2 } }))}>
              {count("User groups", "#/groups", data?.n.Groups)}
              {count("Users", "#/users", data?.n.Users)}
              {count("Roles", "#/roles", data?.n.Roles)}
              {count("Policies", "#/policies", data?.n.Policies)}
              {count("Identity providers", "#/identity_providers", data?.n.Providers)}
            </Grid>
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
              <Link href="#/health">Credential health</Link>
            </SpaceBetween>
          </Container>
          <Container header={<Header variant="h2">Tools</Header>}>
            <SpaceBetween size="xs">
              <Link href="#/simulator">Policy simulator</Link>
              <Link href="#/find">Find an access key</Link>
              <Link href="#/why">Why denied?</Link>
            </SpaceBetween>
          </Container>
        </SpaceBetween>
      </Grid>
      {alias !== undefined && (
        <Ask title={data?.alias ? "Edit alias" : "Create account alias"} verb="Save changes" disabled={!/^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$/.test(alias)} onDismiss={() => setAlias(undefined)} calls={[doing("createAccountAlias", { AccountAlias: alias })]} onConfirm={async () => {
          setAlias(undefined);
          flashed("Alias saved.");
          reload();
        }}>
          <FormField label="Preferred alias" description="Its users sign in at an address with the alias in place of the account ID." constraintText="3 to 63 lower-case letters, digits and hyphens"><Input value={alias} autoFocus onChange={(e) => setAlias(e.detail.value)} /></FormField>
        </Ask>
      )}
      {removing && <Ask title={`Delete the account alias ${data?.alias}?`} verb="Delete" onDismiss={() => setRemoving(false)} calls={[doing("deleteAccountAlias", { AccountAlias: data?.alias })]} onConfirm={async () => {
        setRemoving(false);
        flashed("Alias deleted.");
        reload();
      }}>Sign-in addresses with the alias no longer work; the one with the account ID does.</Ask>}
    </SpaceBetween>
  );
}

const standard: PasswordPolicy = { MinimumPasswordLength: 8, AllowUsersToChangePassword: true };

// saves is the call that makes a password policy the account's.
function saves({ ExpirePasswords: _, ...p }: PasswordPolicy, standard: boolean) {
  if (standard) return doing("deleteAccountPasswordPolicy", {});
  return doing("updateAccountPasswordPolicy", { ...p, MaxPasswordAge: p.MaxPasswordAge || undefined, PasswordReusePrevention: p.PasswordReusePrevention || undefined, HardExpiry: p.HardExpiry ?? false });
}

// Tokens are the account's settings of STS.
function Tokens() {
  const { data, error, reload } = useLoad(async () => {
    const [summary, outbound] = await Promise.all([
      iam().getAccountSummary({}),
      iam().getOutboundWebIdentityFederationInfo({}).catch((e: Failure) => { if (/FeatureDisabled/.test(e.name ?? "")) return undefined; throw e; }),
    ]);
    return { version: (summary.SummaryMap as Record<string, number>).GlobalEndpointTokenVersion === 2 ? 2 : 1, issuer: outbound?.IssuerIdentifier };
  }, []);
  const [asked, setAsked] = useState<"version" | "outbound">();
  const close = () => setAsked(undefined);
  const done = async (text: string) => {
    close();
    flashed(text);
    reload();
  };
  const other = data?.version === 2 ? "v1Token" : "v2Token";
  return (
    <SpaceBetween size="l">
      <Problem error={error} what="The settings of STS can't be shown" />
      <Container header={<Header variant="h2" description="Security Token Service: temporary credentials of users and roles">Security Token Service (STS)</Header>}>
        {data && (
          <KeyValuePairs columns={2} items={[
            { label: "Session tokens from the global endpoint", value: <>{data.version === 2 ? "Valid in all Regions" : "Valid only in Regions enabled by default"} <Button variant="inline-link" ariaLabel="Change session tokens" onClick={() => setAsked("version")}>Change</Button></> },
            { label: "Outbound identity federation", value: <>{data.issuer ? <>Enabled: <Copy text={data.issuer} label="token issuer URL" /></> : "Disabled"} <Button variant="inline-link" ariaLabel={(data.issuer ? "Disable" : "Enable") + " outbound identity federation"} onClick={() => setAsked("outbound")}>{data.issuer ? "Disable" : "Enable"}</Button></> },
          ]} />
        )}
      </Container>
      {asked === "version" && (
        <Ask title="Change region compatibility of session tokens?" verb="Save changes" onDismiss={close} calls={[doing("setSecurityTokenServicePreferences", { GlobalEndpointTokenVersion: other })]} onConfirm={() => done("Saved.")}>
          Tokens that are made from now on are {other === "v2Token" ? "valid in all Regions, and longer" : "valid only in Regions that are enabled by default"}.
        </Ask>
      )}
      {asked === "outbound" && data && (
        <Ask
          title={data.issuer ? "Disable outbound identity federation?" : "Enable outbound identity federation?"} verb={data.issuer ? "Disable" : "Enable"} onDismiss={close}
          calls={[data.issuer ? doing("disableOutboundWebIdentityFederation", {}) : doing("enableOutboundWebIdentityFederation", {})]} onConfirm={() => done("Saved.")}
        >
          {data.issuer ? "No more tokens are issued for services outside. Those that were stay valid until they expire." : "Users and roles that are allowed sts:GetWebIdentityToken get tokens that services outside can verify."}
        </Ask>
      )}
    </SpaceBetween>
  );
}

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
      <Tokens />
      {edited && (
        <Ask title="Edit password policy" verb="Save changes" size="large" disabled={custom === "default" && !data} onDismiss={() => setEdited(undefined)} calls={[saves(edited, custom === "default")]} onConfirm={async () => {
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
