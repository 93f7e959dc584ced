import {
  Alert, Badge, Box, Button, Checkbox, ColumnLayout, Container, FormField, Header, Input, KeyValuePairs, Link, RadioGroup, Select, SpaceBetween, StatusIndicator, TagEditor, Wizard,
} from "@cloudscape-design/components";
import type { AccessKeyMetadata, Group, Policy, Tag, User } from "@aws-sdk/client-iam";
import { useEffect, useState } from "react";
import type { ReactNode } from "react";
import { useSession } from "../app";
import { Bulk } from "../bulk";
import { userSteps } from "../cleanup";
import { DeleteAll } from "../deleteall";
import { flashed } from "../flash";
import { PickGroups, PickPolicies } from "../pick";
import { at, go, useRoute } from "../router";
import { iam } from "../session";
import { ago, Copy, csv, daysSince, download, Listing, Problem, useLoad, usePages, when } from "../ui";
import type { Failure } from "../ui";

interface Details {
  groups: Group[];
  mfa: string;
  keys: (AccessKeyMetadata & { used?: Date })[];
}

// details are what the table shows of a user besides ListUsers: four calls, made
// for the rows that are seen, and once.
const known = new Map<string, Promise<Details>>();

function detailsOf(UserName: string): Promise<Details> {
  const found = known.get(UserName);
  if (found) return found;
  const c = iam();
  const loading = (async () => {
    const [groups, mfa, keys] = await Promise.all([c.listGroupsForUser({ UserName }), c.listMFADevices({ UserName }), c.listAccessKeys({ UserName })]);
    const used = await Promise.all(
      (keys.AccessKeyMetadata ?? []).map(async (k) => ({ ...k, used: (await c.getAccessKeyLastUsed({ AccessKeyId: k.AccessKeyId })).AccessKeyLastUsed?.LastUsedDate })),
    );
    const serial = mfa.MFADevices?.[0]?.SerialNumber;
    return { groups: groups.Groups ?? [], mfa: !serial ? "-" : serial.includes(":mfa/") ? "Virtual" : "Passkey", keys: used };
  })();
  known.set(UserName, loading);
  loading.catch(() => known.delete(UserName));
  return loading;
}

function Detail({ user, show }: { user: User; show: (d: Details) => ReactNode }) {
  const { data, error } = useLoad(() => detailsOf(user.UserName!), [user.UserName]);
  if (error) return <StatusIndicator type="warning">Not permitted</StatusIndicator>;
  return <>{data ? show(data) : "…"}</>;
}

function Age({ since }: { since?: Date }) {
  const days = daysSince(since);
  return <>{days === undefined ? "-" : `${days} day${days === 1 ? "" : "s"}`}</>;
}

export function Users() {
  const route = useRoute();
  const pages = usePages(async (Marker?: string) => {
    const out = await iam().listUsers({ Marker, MaxItems: 1000 });
    return { items: out.Users ?? [], marker: out.Marker };
  });
  const [selected, setSelected] = useState<User[]>([]);
  const [deleting, setDeleting] = useState(false);
  const [bulk, setBulk] = useState(false);
  const reload = () => {
    known.clear();
    setSelected([]);
    pages.reload();
  };
  return (
    <>
      <Listing<User>
        name="Users" thing="user" {...pages} reload={reload} id={(u) => u.UserName ?? ""}
        description="An IAM user is an identity with long-term credentials that is used to interact with an account."
        placeholder="Search users by name" initialText={route.query.get("text") ?? ""}
        select="multi" selected={selected} onSelect={setSelected}
        actions={
          <>
            <Button disabled={selected.length === 0} onClick={() => setBulk(true)}>Change many</Button>
            <Button disabled={selected.length !== 1} onClick={() => setDeleting(true)}>Delete</Button>
            <Button variant="primary" onClick={() => go("/users/create")}>Create user</Button>
          </>
        }
        columns={[
          { id: "name", header: "User name", sortingField: "UserName", isRowHeader: true, minWidth: 140, cell: (u) => <Link href={at("users", "details", u.UserName!)}>{u.UserName}</Link> },
          { id: "path", header: "Path", sortingField: "Path", cell: (u) => u.Path },
          { id: "groups", header: "Groups", cell: (u) => <Detail user={u} show={(d) => d.groups.length} /> },
          { id: "activity", header: "Last activity", minWidth: 130, cell: (u) => <Detail user={u} show={(d) => ago([u.PasswordLastUsed, ...d.keys.map((k) => k.used)].filter(Boolean).sort().at(-1))} /> },
          { id: "mfa", header: "MFA", cell: (u) => <Detail user={u} show={(d) => d.mfa} /> },
          { id: "signin", header: "Console last sign-in", sortingField: "PasswordLastUsed", minWidth: 150, cell: (u) => when(u.PasswordLastUsed) },
          {
            id: "key", header: "Access key ID", minWidth: 220,
            cell: (u) => <Detail user={u} show={(d) => (d.keys.length === 0 ? "-" : d.keys.map((k) => <div key={k.AccessKeyId}>{k.Status} - {k.AccessKeyId}</div>))} />,
          },
          { id: "age", header: "Active key age", cell: (u) => <Detail user={u} show={(d) => <Age since={d.keys.filter((k) => k.Status === "Active").map((k) => k.CreateDate!).sort((a, b) => a.getTime() - b.getTime())[0]} />} /> },
          { id: "used", header: "Access key last used", minWidth: 150, cell: (u) => <Detail user={u} show={(d) => ago(d.keys.map((k) => k.used).filter(Boolean).sort().at(-1))} /> },
          { id: "arn", header: "ARN", sortingField: "Arn", hidden: true, cell: (u) => u.Arn },
          { id: "created", header: "Creation time", sortingField: "CreateDate", cell: (u) => when(u.CreateDate) },
        ]}
      />
      {deleting && selected[0] && (
        <DeleteUser
          name={selected[0].UserName!} onDismiss={() => setDeleting(false)}
          onDone={() => {
            setDeleting(false);
            reload();
          }}
        />
      )}
      {bulk && <Bulk users={selected.map((u) => u.UserName!)} onDismiss={() => { setBulk(false); reload(); }} />}
    </>
  );
}

// DeleteUser deletes a user with all that hangs on it.
export function DeleteUser(p: { name: string; onDismiss: () => void; onDone: () => void }) {
  return <DeleteAll kind="user" steps={userSteps} {...p} />;
}

// randomPassword has 20 characters of four kinds: 120 bits.
export function randomPassword(): string {
  const kinds = ["abcdefghijkmnpqrstuvwxyz", "ABCDEFGHJKLMNPQRSTUVWXYZ", "23456789", "-_=+@%^#"];
  const pick = (from: string) => {
    for (;;) {
      const [b] = crypto.getRandomValues(new Uint8Array(1));
      if (b < 256 - (256 % from.length)) return from[b % from.length];
    }
  };
  const chars = [...kinds.map(pick), ...Array.from({ length: 16 }, () => pick(kinds.join("")))];
  for (let i = chars.length - 1; i > 0; i--) {
    const j = crypto.getRandomValues(new Uint32Array(1))[0] % (i + 1);
    [chars[i], chars[j]] = [chars[j], chars[i]];
  }
  return chars.join("");
}

const nameForm = /^[\w+=,.@-]{1,64}$/;

type How = "group" | "copy" | "direct";

export function CreateUser() {
  const { session } = useSession();
  const [step, setStep] = useState(0);
  const [name, setName] = useState("");
  const [console_, setConsole] = useState(false);
  const [auto, setAuto] = useState(true);
  const [password, setPassword] = useState("");
  const [shown, setShown] = useState(false);
  const [reset, setReset] = useState(true);
  const [how, setHow] = useState<How>("group");
  const [groups, setGroups] = useState<string[]>([]);
  const [policies, setPolicies] = useState<Policy[]>([]);
  const [from, setFrom] = useState<string>();
  const [boundary, setBoundary] = useState<Policy[]>([]);
  const [bounded, setBounded] = useState(false);
  const [tags, setTags] = useState<readonly { key: string; value: string; existing: boolean }[]>([]);
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Failure>();
  const [made, setMade] = useState<{ password: string }>();

  const nameError = tried && !nameForm.test(name) ? "The user name can have up to 64 characters: A-Z, a-z, 0-9, and + = , . @ _ -" : undefined;
  const passwordError = tried && console_ && !auto && !password ? "Enter a password." : undefined;

  const create = async () => {
    setBusy(true);
    setError(undefined);
    const c = iam();
    const UserName = name;
    try {
      const wanted: Tag[] = tags.filter((t) => t.key).map((t) => ({ Key: t.key, Value: t.value }));
      await c.createUser({ UserName, Tags: wanted.length ? wanted : undefined, PermissionsBoundary: bounded ? boundary[0]?.Arn : undefined });
      let given = "";
      if (console_) {
        given = auto ? randomPassword() : password;
        await c.createLoginProfile({ UserName, Password: given, PasswordResetRequired: reset });
      }
      if (how === "group") for (const GroupName of groups) await c.addUserToGroup({ UserName, GroupName });
      if (how === "direct") for (const p of policies) await c.attachUserPolicy({ UserName, PolicyArn: p.Arn });
      if (how === "copy" && from) {
        for (const g of (await c.listGroupsForUser({ UserName: from })).Groups ?? []) await c.addUserToGroup({ UserName, GroupName: g.GroupName });
        for (const p of (await c.listAttachedUserPolicies({ UserName: from })).AttachedPolicies ?? []) await c.attachUserPolicy({ UserName, PolicyArn: p.PolicyArn });
        for (const PolicyName of (await c.listUserPolicies({ UserName: from })).PolicyNames ?? []) {
          const p = await c.getUserPolicy({ UserName: from, PolicyName });
          await c.putUserPolicy({ UserName, PolicyName, PolicyDocument: decodeURIComponent(p.PolicyDocument ?? "") });
        }
      }
      if (console_) setMade({ password: given });
      else {
        go("/users");
        setTimeout(() => flashed(`User ${UserName} created.`));
      }
    } catch (e) {
      setError(e as Failure);
    } finally {
      setBusy(false);
    }
  };

  if (made) return <RetrievePassword name={name} password={made.password} url={`${location.origin}/console/${session.alias ?? session.account}`} />;
  return (
    <Wizard
      activeStepIndex={step}
      isLoadingNextStep={busy}
      submitButtonText="Create user"
      onCancel={() => go("/users")}
      onSubmit={() => void create()}
      onNavigate={(e) => {
        setTried(true);
        if (step === 0 && e.detail.requestedStepIndex > 0 && (!nameForm.test(name) || (console_ && !auto && !password))) return;
        setTried(false);
        setStep(e.detail.requestedStepIndex);
      }}
      i18nStrings={{ stepNumberLabel: (n) => `Step ${n}`, collapsedStepsLabel: (n, of) => `Step ${n} of ${of}`, navigationAriaLabel: "Steps", cancelButton: "Cancel", previousButton: "Previous", nextButton: "Next", optional: "optional" }}
      steps={[
        {
          title: "Specify user details",
          content: (
            <Container header={<Header variant="h2">User details</Header>}>
              <SpaceBetween size="l">
                <FormField label="User name" errorText={nameError} constraintText="Up to 64 characters: A-Z, a-z, 0-9, and + = , . @ _ - (hyphen)">
                  <Input value={name} onChange={(e) => setName(e.detail.value)} autoFocus disableBrowserAutocorrect />
                </FormField>
                <Checkbox checked={console_} onChange={(e) => setConsole(e.detail.checked)} description="The user gets a password. Programs need access keys instead, which are made after the user.">
                  Provide user access to the console - optional
                </Checkbox>
                {console_ && (
                  <>
                    <FormField label="Console password">
                      <RadioGroup
                        value={auto ? "auto" : "custom"} onChange={(e) => setAuto(e.detail.value === "auto")}
                        items={[
                          { value: "auto", label: "Autogenerated password", description: "You see it after you create the user." },
                          { value: "custom", label: "Custom password", description: "Enter a password for the user." },
                        ]}
                      />
                    </FormField>
                    {!auto && (
                      <FormField label="Password" errorText={passwordError}>
                        <SpaceBetween size="xs">
                          <Input type={shown ? "text" : "password"} value={password} onChange={(e) => setPassword(e.detail.value)} autoComplete={false} />
                          <Checkbox checked={shown} onChange={(e) => setShown(e.detail.checked)}>Show password</Checkbox>
                        </SpaceBetween>
                      </FormField>
                    )}
                    <Checkbox checked={reset} onChange={(e) => setReset(e.detail.checked)}>Users must create a new password at next sign-in - Recommended</Checkbox>
                  </>
                )}
              </SpaceBetween>
            </Container>
          ),
        },
        {
          title: "Set permissions",
          content: (
            <SpaceBetween size="l">
              <Container header={<Header variant="h2">Permissions options</Header>}>
                <FormField label="How the user gets its permissions">
                  <RadioGroup
                    value={how} onChange={(e) => setHow(e.detail.value as How)}
                    items={[
                      { value: "group", label: "Add user to group", description: "Recommended: permissions by job function, in one place." },
                      { value: "copy", label: "Copy permissions", description: "All groups, attached policies and inline policies of another user." },
                      { value: "direct", label: "Attach policies directly", description: "Managed policies on the user itself." },
                    ]}
                  />
                </FormField>
              </Container>
              {how === "group" && <PickGroups selected={groups} onChange={setGroups} />}
              {how === "direct" && <PickPolicies selected={policies} onChange={setPolicies} />}
              {how === "copy" && <PickUser value={from} onChange={setFrom} />}
              <Container header={<Header variant="h2">Permissions boundary - optional</Header>}>
                <SpaceBetween size="m">
                  <Checkbox checked={bounded} onChange={(e) => setBounded(e.detail.checked)}>Use a permissions boundary to control the maximum permissions</Checkbox>
                  {bounded && <PickPolicies single selected={boundary} onChange={setBoundary} />}
                </SpaceBetween>
              </Container>
            </SpaceBetween>
          ),
        },
        {
          title: "Review and create",
          content: (
            <SpaceBetween size="l">
              <Container header={<Header variant="h2">User details</Header>}>
                <KeyValuePairs
                  columns={3}
                  items={[
                    { label: "User name", value: name },
                    { label: "Console password", value: !console_ ? "None" : auto ? "Autogenerated" : "Custom" },
                    { label: "Require password reset", value: console_ && reset ? "Yes" : "No" },
                  ]}
                />
              </Container>
              <Container header={<Header variant="h2">Permissions summary</Header>}>
                <SpaceBetween size="xs" direction="horizontal">
                  {how === "group" && groups.map((g) => <Badge key={g}>{g}</Badge>)}
                  {how === "direct" && policies.map((p) => <Badge key={p.Arn}>{p.PolicyName}</Badge>)}
                  {how === "copy" && from && <Badge>As {from}</Badge>}
                  {bounded && boundary[0] && <Badge color="grey">Boundary {boundary[0].PolicyName}</Badge>}
                  {(how === "group" ? groups.length : how === "direct" ? policies.length : from ? 1 : 0) === 0 && <Box>No permissions yet</Box>}
                </SpaceBetween>
              </Container>
              <Container header={<Header variant="h2">Tags - optional</Header>}>
                <TagEditor tags={tags as never} onChange={(e) => setTags(e.detail.tags as never)} />
              </Container>
              <Problem error={error} what="The user was not created as wanted" />
            </SpaceBetween>
          ),
        },
      ]}
    />
  );
}

function PickUser({ value, onChange }: { value?: string; onChange: (name: string) => void }) {
  const { data, error } = useLoad(async () => (await iam().listUsers({ MaxItems: 1000 })).Users ?? [], []);
  return (
    <Container header={<Header variant="h2">Copy permissions</Header>}>
      <Problem error={error} />
      <FormField label="Copy from">
        <Select
          filteringType="auto" placeholder="Choose a user" selectedOption={value ? { value, label: value } : null}
          options={(data ?? []).map((u) => ({ value: u.UserName, label: u.UserName }))} onChange={(e) => onChange(e.detail.selectedOption.value ?? "")}
        />
      </FormField>
    </Container>
  );
}

function RetrievePassword({ name, password, url }: { name: string; password: string; url: string }) {
  const [shown, setShown] = useState(false);
  useEffect(() => {
    const warn = (e: BeforeUnloadEvent) => e.preventDefault();
    window.addEventListener("beforeunload", warn);
    return () => window.removeEventListener("beforeunload", warn);
  }, []);
  return (
    <SpaceBetween size="l">
      <Alert type="success" header="User created successfully">You can view and download the user's password only here. It can't be shown again.</Alert>
      <Container header={<Header variant="h1">Retrieve password</Header>}>
        <ColumnLayout columns={3}>
          <div><Box variant="awsui-key-label">Console sign-in URL</Box><Copy text={url} label="sign-in URL" /></div>
          <div><Box variant="awsui-key-label">User name</Box><Copy text={name} label="user name" /></div>
          <div>
            <Box variant="awsui-key-label">Console password</Box>
            <Copy text={password} label="password" shown={shown ? password : "•".repeat(12)} /> <Button variant="inline-link" onClick={() => setShown(!shown)}>{shown ? "Hide" : "Show"}</Button>
          </div>
        </ColumnLayout>
      </Container>
      <Box float="right">
        <SpaceBetween direction="horizontal" size="xs">
          <Button href={`mailto:?subject=${encodeURIComponent("Your sign-in to " + url)}&body=${encodeURIComponent(`Sign in at ${url} as ${name}. The password comes to you in another way.`)}`}>Email sign-in instructions</Button>
          <Button iconName="download" onClick={() => download(`${name}_credentials.csv`, csv([["User name", "Password", "Console sign-in URL"], [name, password, url]]))}>Download .csv file</Button>
          <Button variant="primary" onClick={() => go("/users")}>Return to users list</Button>
        </SpaceBetween>
      </Box>
    </SpaceBetween>
  );
}
