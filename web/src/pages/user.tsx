import { Alert, Box, Button, ButtonDropdown, ColumnLayout, Container, ExpandableSection, FormField, Header, Input, KeyValuePairs, Link, RadioGroup, SpaceBetween, StatusIndicator, Table, Tabs } from "@cloudscape-design/components";
import type { AccessKeyLastUsed, AccessKeyMetadata, Tag } from "@aws-sdk/client-iam";
import { useState } from "react";
import { useSession } from "../app";
import { ConsoleAccess } from "../consoleaccess";
import { doing } from "../doing";
import { flashed } from "../flash";
import { Hidden } from "../hidden";
import { Impact } from "../impact";
import { LastAccessed } from "../lastaccessed";
import { OtherCredentials } from "../othercredentials";
import { PermissionsTable, principal } from "../permissions";
import { enablePasskey, noPasskeys } from "../passkeys";
import { at, go, useRoute } from "../router";
import { iam } from "../session";
import { Tags, tagged } from "../tags";
import { deactivated } from "../undo";
import { absent, ago, Ask, Copy, daysSince, Problem, Typed, useLoad, when } from "../ui";
import { UserGroups } from "../usergroups";
import { DeleteUsers } from "./users";

// Key is an access key with its use and its description, which is a tag of the
// user by the key's id.
export interface Key extends AccessKeyMetadata {
  used?: AccessKeyLastUsed;
  hidden?: boolean; // when it was used could not be asked
  description?: string;
}

// keysOf gives the access keys of a user; without a name, the caller's own.
export async function keysOf(UserName: string | undefined): Promise<Key[]> {
  const c = iam();
  const [keys, tags] = await Promise.all([
    c.listAccessKeys({ UserName }),
    UserName ? c.listUserTags({ UserName }).then((o) => o.Tags ?? [], () => [] as Tag[]) : Promise.resolve([] as Tag[]),
  ]);
  return Promise.all(
    (keys.AccessKeyMetadata ?? []).map(async (k) => {
      const last = await c.getAccessKeyLastUsed({ AccessKeyId: k.AccessKeyId }).catch(() => undefined);
      return { ...k, used: last?.AccessKeyLastUsed, hidden: last === undefined, description: tags.find((t) => t.Key === k.AccessKeyId)?.Value };
    }),
  );
}

// lastUse says when a key was used last.
export const lastUse = (k: Key) => (k.hidden ? "Not known" : k.used?.LastUsedDate ? ago(k.used.LastUsedDate) : "Never used");

export function UserPage({ name }: { name: string }) {
  const route = useRoute();
  const [deleting, setDeleting] = useState(false);
  const loaded = useLoad(async () => {
    const UserName = name;
    const [user, login, mfa, keys] = await Promise.all([
      iam().getUser({ UserName }),
      absent(iam().getLoginProfile({ UserName })),
      iam().listMFADevices({ UserName }),
      keysOf(UserName),
    ]);
    return { user: user.User!, login: login?.LoginProfile, mfa: mfa.MFADevices ?? [], keys };
  }, [name]);
  const { data, error, reload } = loaded;
  const tab = route.query.get("section") ?? "permissions";
  return (
    <SpaceBetween size="l">
      <Header
        variant="h1"
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button iconName="refresh" ariaLabel="Refresh" onClick={reload} />
            <Button disabled={!data} onClick={() => setDeleting(true)}>Delete</Button>
          </SpaceBetween>
        }
      >
        {name}
      </Header>
      <Problem error={error} what="The user can't be shown" />
      {data && (
        <SpaceBetween size="l">
          <Container header={<Header variant="h2">Summary</Header>}>
            <KeyValuePairs
              columns={3}
              items={[
                { label: "ARN", value: <Copy text={data.user.Arn ?? ""} label="ARN" /> },
                {
                  label: "Console access",
                  value: !data.login ? "Disabled" : data.mfa.length ? <StatusIndicator>Enabled with MFA</StatusIndicator> : <StatusIndicator type="warning">Enabled without MFA</StatusIndicator>,
                },
                { label: "Access key 1", value: <KeySummary k={data.keys[0]} name={name} /> },
                { label: "Created", value: when(data.user.CreateDate) },
                { label: "Last console sign-in", value: data.user.PasswordLastUsed ? ago(data.user.PasswordLastUsed) : "-" },
                { label: "Access key 2", value: <KeySummary k={data.keys[1]} name={name} /> },
              ]}
            />
          </Container>
          <Tabs
            activeTabId={tab}
            onChange={(e) => go(`/users/details/${encodeURIComponent(name)}?section=${e.detail.activeTabId}`)}
            tabs={[
              { id: "permissions", label: "Permissions", content: <PermissionsTable of={principal.user(name)} boundary={data.user.PermissionsBoundary?.PermissionsBoundaryArn} /> },
              { id: "groups", label: "Groups", content: <UserGroups name={name} /> },
              { id: "tags", label: "Tags", content: <Tags of={tagged.user(name)} /> },
              {
                id: "security_credentials", label: "Security credentials",
                content: (
                  <SpaceBetween size="l">
                    <ConsoleAccess name={name} created={data.login?.CreateDate} reset={data.login?.PasswordResetRequired} last={data.user.PasswordLastUsed} reload={reload} />
                    <MFADevices name={name} reload={reload} />
                    <AccessKeys name={name} keys={data.keys} reload={reload} />
                    <OtherCredentials name={name} />
                  </SpaceBetween>
                ),
              },
              { id: "access_advisor", label: "Last Accessed", content: <LastAccessed arn={data.user.Arn ?? ""} /> },
            ]}
          />
        </SpaceBetween>
      )}
      {deleting && data && <DeleteUsers users={[data.user]} onDismiss={() => setDeleting(false)} onDone={() => go("/users")} />}
    </SpaceBetween>
  );
}

function KeySummary({ k, name }: { k?: Key; name: string }) {
  if (!k) return <Link href={at("users", "details", name, "create-access-key")}>Create access key</Link>;
  return (
    <div>
      {k.AccessKeyId} - {k.Status}
      <Box variant="small" display="block">
        {k.hidden ? "Last use not known" : k.used?.LastUsedDate ? `Used ${ago(k.used.LastUsedDate)}` : "Never used"}. {daysSince(k.CreateDate)} days old.
      </Box>
    </div>
  );
}

// AccessKeys are the cards of the access keys, of a user or, without a name, of
// the caller.
export function AccessKeys({ name, keys, reload }: { name?: string; keys: Key[]; reload: () => void }) {
  const [asked, setAsked] = useState<{ key: Key; what: "activate" | "deactivate" | "delete" | "describe" }>();
  const base = name === undefined ? "/security_credentials" : "/users/details/" + encodeURIComponent(name);
  const close = () => setAsked(undefined);
  const done = (text: string) => {
    close();
    flashed(text);
    reload();
  };
  const off = (k: Key) => {
    close();
    deactivated(`Access key ${k.AccessKeyId} deactivated.`, [{ UserName: name, AccessKeyId: k.AccessKeyId }], reload);
    reload();
  };
  return (
    <Container
      header={
        <Header
          variant="h2" counter={`(${keys.length})`}
          description="Use access keys to send programmatic calls from the AWS CLI, the SDKs, or direct API calls. A user can have two at a time."
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              {name !== undefined && keys.length > 0 && <Button onClick={() => go(base + "/rotate")}>Rotate</Button>}
              <Button disabled={keys.length >= 2} onClick={() => go(base + "/create-access-key")}>Create access key</Button>
            </SpaceBetween>
          }
        >
          Access keys
        </Header>
      }
    >
      <SpaceBetween size="l">
        {keys.length === 0 && <Box>No access keys. As a best practice, prefer temporary credentials of a role.</Box>}
        {keys.map((k) => (
          <Container
            key={k.AccessKeyId} variant="stacked"
            header={
              <Header
                variant="h3"
                actions={
                  <ButtonDropdown
                    ariaLabel={"Actions for " + k.AccessKeyId}
                    items={[
                      k.Status === "Active" ? { id: "deactivate", text: "Deactivate" } : { id: "activate", text: "Activate" },
                      { id: "delete", text: "Delete" },
                      ...(name !== undefined ? [{ id: "describe", text: "Edit description" }] : []),
                    ]}
                    onItemClick={(e) => setAsked({ key: k, what: e.detail.id as never })}
                  >
                    Actions
                  </ButtonDropdown>
                }
              >
                <Copy text={k.AccessKeyId ?? ""} label="access key ID" />
              </Header>
            }
          >
            <KeyValuePairs
              columns={3}
              items={[
                { label: "Description", value: k.description ?? "-" },
                { label: "Status", value: <StatusIndicator type={k.Status === "Active" ? "success" : "stopped"}>{k.Status}</StatusIndicator> },
                { label: "Last used", value: lastUse(k) },
                { label: "Created", value: `${daysSince(k.CreateDate)} days ago` },
                { label: "Last used region", value: k.used?.Region ?? "N/A" },
                { label: "Last used service", value: k.used?.ServiceName ?? "N/A" },
              ]}
            />
          </Container>
        ))}
      </SpaceBetween>
      {asked?.what === "describe" && <Describe name={name!} k={asked.key} onDismiss={close} onDone={() => done("Description saved.")} />}
      {asked?.what === "delete" && <DeleteKey name={name} k={asked.key} onDismiss={close} onOff={() => off(asked.key)} onDone={() => done(`Access key ${asked.key.AccessKeyId} deleted.`)} />}
      {asked?.what === "deactivate" && (
        <Ask
          title={`Deactivate ${asked.key.AccessKeyId}?`} verb="Deactivate" onDismiss={close}
          calls={[doing("updateAccessKey", { UserName: name, AccessKeyId: asked.key.AccessKeyId, Status: "Inactive" })]}
          onConfirm={async () => off(asked.key)}
        >
          <Impact of={{ key: asked.key.AccessKeyId! }} />
          <Alert type="warning">Whoever uses this key gets errors from the next call on. You can activate it again.</Alert>
        </Ask>
      )}
      {asked?.what === "activate" && (
        <Ask
          title={`Activate ${asked.key.AccessKeyId}?`} verb="Activate" onDismiss={close}
          calls={[doing("updateAccessKey", { UserName: name, AccessKeyId: asked.key.AccessKeyId, Status: "Active" })]}
          onConfirm={async () => done(`Access key ${asked.key.AccessKeyId} activated.`)}
        >
          Its owner can make calls with it again.
        </Ask>
      )}
    </Container>
  );
}

// DeleteKey deletes a key once it is inactive. Who stops after that is told so.
function DeleteKey({ name, k, onDismiss, onOff, onDone }: { name?: string; k: Key; onDismiss: () => void; onOff: () => void; onDone: () => void }) {
  const [active, setActive] = useState(k.Status === "Active");
  const off = useState<Error>();
  const deactivate = () =>
    iam().updateAccessKey({ UserName: name, AccessKeyId: k.AccessKeyId, Status: "Inactive" }).then(() => setActive(false), off[1]);
  return (
    <Typed
      title={`Delete ${k.AccessKeyId}?`} name={k.AccessKeyId ?? ""} disabled={active} onDismiss={active || k.Status !== "Active" ? onDismiss : onOff}
      calls={[doing("deleteAccessKey", { UserName: name, AccessKeyId: k.AccessKeyId })]}
      onConfirm={async () => {
        if (k.description && name) await iam().untagUser({ UserName: name, TagKeys: [k.AccessKeyId!] }).catch(() => undefined);
        onDone();
      }}
    >
      <Impact of={{ key: k.AccessKeyId! }} />
      {active ? (
        <Alert type="warning" action={<Button onClick={() => void deactivate()}>Deactivate</Button>}>The key is active. Deactivate it first, and see that nothing misses it.</Alert>
      ) : (
        <StatusIndicator type="stopped">The key is inactive.</StatusIndicator>
      )}
      <Problem error={off[0]} />
      <Alert type="warning">A deleted key can't be recovered.</Alert>
    </Typed>
  );
}

function Describe({ name, k, onDismiss, onDone }: { name: string; k: Key; onDismiss: () => void; onDone: () => void }) {
  const [text, setText] = useState(k.description ?? "");
  return (
    <Ask
      title="Edit description" verb="Save" onDismiss={onDismiss}
      calls={[text ? doing("tagUser", { UserName: name, Tags: [{ Key: k.AccessKeyId, Value: text }] }) : doing("untagUser", { UserName: name, TagKeys: [k.AccessKeyId!] })]}
      onConfirm={async () => onDone()}
    >
      <FormField label="Description tag value" constraintText="Up to 256 characters">
        <Input value={text} onChange={(e) => setText(e.detail.value)} />
      </FormField>
    </Ask>
  );
}

// MFADevices are the devices of a user, or of the caller.
export function MFADevices({ name, reload }: { name?: string; reload?: () => void }) {
  const loaded = useLoad(async () => (await iam().listMFADevices({ UserName: name })).MFADevices ?? [], [name]);
  const devices = loaded.data ?? [];
  const [selected, setSelected] = useState<typeof devices>([]);
  const [asked, setAsked] = useState<"assign" | "resync" | "remove">();
  const done = (text: string) => {
    setAsked(undefined);
    setSelected([]);
    flashed(text);
    loaded.reload();
    reload?.();
  };
  const serial = selected[0]?.SerialNumber;
  const virtual = serial?.includes(":mfa/");
  return (
    <>
      <Problem error={loaded.error} />
      <Table
        items={devices} trackBy="SerialNumber" selectionType="single" selectedItems={selected} onSelectionChange={(e) => setSelected(e.detail.selectedItems)} empty="No MFA devices. Assign one to make sign-in safer."
        ariaLabels={{ tableLabel: "MFA devices", selectionGroupLabel: "MFA devices", itemSelectionLabel: (_, d) => "Select " + d.SerialNumber }}
        header={
          <Header
            variant="h2" counter={`(${devices.length})`} description="Up to 8 devices. Each is good for signing in."
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                <Button disabled={!serial} onClick={() => setAsked("remove")}>Remove</Button>
                <Button disabled={!virtual} onClick={() => setAsked("resync")}>Resync</Button>
                <Button onClick={() => setAsked("assign")}>Assign MFA device</Button>
              </SpaceBetween>
            }
          >
            Multi-factor authentication (MFA)
          </Header>
        }
        columnDefinitions={[
          { id: "type", header: "Type", cell: (d) => (d.SerialNumber?.includes(":mfa/") ? "Virtual" : "Passkey or security key") },
          { id: "serial", header: "Identifier", isRowHeader: true, cell: (d) => d.SerialNumber },
          { id: "created", header: "Created on", cell: (d) => when(d.EnableDate) },
        ]}
      />
      {asked === "assign" && <AssignMFA name={name} onDismiss={() => setAsked(undefined)} onDone={() => done("MFA device assigned.")} />}
      {asked === "resync" && <Resync name={name} serial={serial!} onDismiss={() => setAsked(undefined)} onDone={() => done("MFA device resynchronised.")} />}
      {asked === "remove" && (
        <Ask
          title="Remove MFA device?" verb="Remove" onDismiss={() => setAsked(undefined)}
          onConfirm={async () => {
            await iam().deactivateMFADevice({ UserName: name, SerialNumber: serial });
            if (virtual) await iam().deleteVirtualMFADevice({ SerialNumber: serial });
            done("MFA device removed.");
          }}
        >
          Signing in no longer asks for {virtual ? "its codes" : "it"}: {serial}.
        </Ask>
      )}
    </>
  );
}

function AssignMFA({ name, onDismiss, onDone }: { name?: string; onDismiss: () => void; onDone: () => void }) {
  const { session, role } = useSession();
  const [device, setDevice] = useState("");
  const impossible = role ? "A passkey is enabled by the user who signed in, not by a role: switch back first." : noPasskeys();
  const [kind, setKind] = useState(impossible ? "app" : "passkey");
  const [made, setMade] = useState<{ serial: string; seed: string; image: string }>();
  const [qr, setQR] = useState(false);
  const [codes, setCodes] = useState(["", ""]);
  const cancel = () => {
    if (made) void iam().deleteVirtualMFADevice({ SerialNumber: made.serial }).catch(() => undefined);
    onDismiss();
  };
  if (!made) {
    return (
      <Ask
        title="Select MFA device" verb="Next" disabled={!/^[\w+=,.@-]+$/.test(device)} onDismiss={cancel}
        onConfirm={async () => {
          if (kind === "passkey") {
            await enablePasskey(name, device);
            return onDone();
          }
          const out = (await iam().createVirtualMFADevice({ VirtualMFADeviceName: device })).VirtualMFADevice!;
          const bytes = out.QRCodePNG ?? new Uint8Array();
          setMade({
            serial: out.SerialNumber!, seed: new TextDecoder().decode(out.Base32StringSeed),
            image: "data:image/png;base64," + btoa(String.fromCharCode(...bytes)),
          });
        }}
      >
        <FormField label="Device name" constraintText="Letters, digits and + = , . @ - _"><Input value={device} onChange={(e) => setDevice(e.detail.value)} autoFocus /></FormField>
        <FormField label="MFA device">
          <RadioGroup
            ariaLabel="MFA device" value={kind} onChange={(e) => setKind(e.detail.value)}
            items={[
              { value: "passkey", label: "Passkey or security key", description: impossible || "Your fingerprint, face or screen lock, or a FIDO2 security key.", disabled: Boolean(impossible) },
              { value: "app", label: "Authenticator app", description: "Codes from an app on your phone or computer." },
            ]}
          />
        </FormField>
      </Ask>
    );
  }
  return (
    <Ask
      key="codes" title="Set up device" verb="Add MFA" disabled={codes.some((c) => !/^[0-9]{6}$/.test(c))} onDismiss={cancel}
      onConfirm={async () => {
        await iam().enableMFADevice({ UserName: name ?? session.user ?? session.account, SerialNumber: made.serial, AuthenticationCode1: codes[0], AuthenticationCode2: codes[1] });
        onDone();
      }}
    >
      <Box>1. Open your authenticator app and scan the QR code, or type the secret key.</Box>
      {qr ? <img src={made.image} alt="QR code for the authenticator app" width="200" height="200" /> : <Button onClick={() => setQR(true)}>Show QR code</Button>}
      <Copy text={made.seed} label="secret key" shown={<Hidden text={made.seed} />} />
      <Box>2. Enter two consecutive codes.</Box>
      {[0, 1].map((i) => (
        <FormField key={i} label={`MFA code ${i + 1}`}><Input inputMode="numeric" value={codes[i]} onChange={(e) => setCodes(codes.map((c, j) => (i === j ? e.detail.value : c)))} /></FormField>
      ))}
    </Ask>
  );
}

function Resync({ name, serial, onDismiss, onDone }: { name?: string; serial: string; onDismiss: () => void; onDone: () => void }) {
  const { session } = useSession();
  const [codes, setCodes] = useState(["", ""]);
  return (
    <Ask
      title="Resync MFA device" verb="Resync" disabled={codes.some((c) => !/^[0-9]{6}$/.test(c))} onDismiss={onDismiss}
      onConfirm={async () => {
        await iam().resyncMFADevice({ UserName: name ?? session.user ?? session.account, SerialNumber: serial, AuthenticationCode1: codes[0], AuthenticationCode2: codes[1] });
        onDone();
      }}
    >
      {[0, 1].map((i) => (
        <FormField key={i} label={`MFA code ${i + 1}`}><Input inputMode="numeric" value={codes[i]} onChange={(e) => setCodes(codes.map((c, j) => (i === j ? e.detail.value : c)))} /></FormField>
      ))}
    </Ask>
  );
}

// MyCredentials is the page of the caller's own credentials.
export function MyCredentials() {
  const { session, role } = useSession();
  const name = session.user;
  const { data: keys, error, reload } = useLoad(() => keysOf(name), [name]);
  const [old, setOld] = useState("");
  const [next, setNext] = useState("");
  const [changing, setChanging] = useState(false);
  if (role) return <Alert type="info" header="Roles have no credentials of their own">Switch back to see yours.</Alert>;
  return (
    <SpaceBetween size="l">
      <Header variant="h1" description={name ? undefined : "The root user has unrestricted access to the account. Use it only for what no other can do."}>
        My security credentials {name ? "" : "(root user)"}
      </Header>
      <Container header={<Header variant="h2" actions={name && <Button onClick={() => setChanging(true)}>Change password</Button>}>Account details</Header>}>
        <ColumnLayout columns={3}>
          <div><Box variant="awsui-key-label">{name ? "User name" : "Account alias"}</Box>{name ?? session.alias ?? "-"}</div>
          <div><Box variant="awsui-key-label">Account ID</Box><Copy text={session.account} label="account ID" /></div>
          <div><Box variant="awsui-key-label">ARN</Box><Copy text={session.arn} label="ARN" /></div>
        </ColumnLayout>
      </Container>
      <MFADevices />
      <Problem error={error} />
      {keys && <AccessKeys keys={keys} reload={reload} />}
      {name && <OtherCredentials />}
      <ExpandableSection headerText="This session">
        Signed in {session.mfa ? "with" : "without"} MFA, until {when(session.signedInUntil)}.
      </ExpandableSection>
      {changing && (
        <Ask
          title="Change password" verb="Change password" disabled={!old || !next} onDismiss={() => setChanging(false)}
          onConfirm={async () => {
            await iam().changePassword({ OldPassword: old, NewPassword: next });
            location.assign("/console/-/signin" + location.hash); // all sessions have ended with the old password
          }}
        >
          <FormField label="Current password"><Input type="password" value={old} onChange={(e) => setOld(e.detail.value)} /></FormField>
          <FormField label="New password"><Input type="password" value={next} onChange={(e) => setNext(e.detail.value)} /></FormField>
          <Box variant="small">You sign in anew after it.</Box>
        </Ask>
      )}
    </SpaceBetween>
  );
}

