import { Alert, Badge, Box, Button, Checkbox, ColumnLayout, Container, FormField, Header, Input, KeyValuePairs, RadioGroup, SpaceBetween, TagEditor, Wizard } from "@cloudscape-design/components";
import type { Policy, Tag, User } from "@aws-sdk/client-iam";
import { useEffect, useState } from "react";
import { useSession } from "../app";
import { flashed } from "../flash";
import { Hidden } from "../hidden";
import { randomPassword } from "../password";
import { PickGroups, PickPolicies, PickUsers } from "../pick";
import { go } from "../router";
import { iam } from "../session";
import { all, Buttons, Copy, csv, download, Problem } from "../ui";
import type { Failure } from "../ui";

const nameForm = /^[\w+=,.@-]{1,64}$/;

type How = "group" | "copy" | "direct";

// copyPermissions gives a user the groups and policies of another.
async function copyPermissions(from: string, UserName: string) {
  const c = iam();
  for (const g of (await c.listGroupsForUser({ UserName: from })).Groups ?? []) await c.addUserToGroup({ UserName, GroupName: g.GroupName });
  for (const p of (await c.listAttachedUserPolicies({ UserName: from })).AttachedPolicies ?? []) await c.attachUserPolicy({ UserName, PolicyArn: p.PolicyArn });
  const inline = await all(async (Marker?: string) => { const o = await c.listUserPolicies({ UserName: from, Marker }); return { items: o.PolicyNames, marker: o.Marker }; });
  for (const PolicyName of inline) {
    const p = await c.getUserPolicy({ UserName: from, PolicyName });
    await c.putUserPolicy({ UserName, PolicyName, PolicyDocument: decodeURIComponent(p.PolicyDocument ?? "") });
  }
}

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
  const [from, setFrom] = useState<User[]>([]);
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
      if (how === "copy" && from[0]) await copyPermissions(from[0].UserName!, UserName);
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
                  <SpaceBetween size="l">
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
                  </SpaceBetween>
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
              {how === "copy" && <PickUsers single title="Copy permissions from" selected={from} onChange={setFrom} />}
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
                  {how === "copy" && from[0] && <Badge>As {from[0].UserName}</Badge>}
                  {bounded && boundary[0] && <Badge color="grey">Boundary {boundary[0].PolicyName}</Badge>}
                  {(how === "group" ? groups.length : how === "direct" ? policies.length : from.length) === 0 && <Box>No permissions yet</Box>}
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

function RetrievePassword({ name, password, url }: { name: string; password: string; url: string }) {
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
            <Copy text={password} label="password" shown={<Hidden text={password} />} />
          </div>
        </ColumnLayout>
      </Container>
      <Box float="right">
        <Buttons>
          <Button href={`mailto:?subject=${encodeURIComponent("Your sign-in to " + url)}&body=${encodeURIComponent(`Sign in at ${url} as ${name}. The password comes to you in another way.`)}`}>Email sign-in instructions</Button>
          <Button iconName="download" onClick={() => download(`${name}_credentials.csv`, csv([["User name", "Password", "Console sign-in URL"], [name, password, url]]))}>Download .csv file</Button>
          <Button variant="primary" onClick={() => go("/users")}>Return to users list</Button>
        </Buttons>
      </Box>
    </SpaceBetween>
  );
}
