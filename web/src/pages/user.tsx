import {
  Alert, Box, Button, ButtonDropdown, ColumnLayout, Container, ExpandableSection, FormField, Header, Input, KeyValuePairs, Link, Modal, RadioGroup, SpaceBetween, StatusIndicator, Table, TagEditor, Tabs, Textarea,
} from "@cloudscape-design/components";
import type { AccessKeyLastUsed, AccessKeyMetadata, Tag } from "@aws-sdk/client-iam";
import { useState } from "react";
import { useSession } from "../app";
import { flashed } from "../flash";
import { Impact } from "../impact";
import { PermissionsTable, principal } from "../permissions";
import { PickGroups } from "../pick";
import { at, go, useRoute } from "../router";
import { iam } from "../session";
import { absent, ago, Ask, Copy, csv, daysSince, download, Problem, Typed, useLoad, when } from "../ui";
import { DeleteUser, randomPassword } from "./users";

// Key is an access key with its use and its description, which is a tag of the
// user by the key's id.
export interface Key extends AccessKeyMetadata {
  used?: AccessKeyLastUsed;
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
    (keys.AccessKeyMetadata ?? []).map(async (k) => ({
      ...k,
      used: (await c.getAccessKeyLastUsed({ AccessKeyId: k.AccessKeyId }).catch(() => undefined))?.AccessKeyLastUsed,
      description: tags.find((t) => t.Key === k.AccessKeyId)?.Value,
    })),
  );
}

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
            <Button onClick={() => setDeleting(true)}>Delete</Button>
          </SpaceBetween>
        }
      >
        {name}
      </Header>
      <Problem error={error} what="The user can't be shown" />
      {data && (
        <>
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
              { id: "tags", label: "Tags", content: <Tags name={name} /> },
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
        </>
      )}
      {deleting && <DeleteUser name={name} onDismiss={() => setDeleting(false)} onDone={() => go("/users")} />}
    </SpaceBetween>
  );
}

function KeySummary({ k, name }: { k?: Key; name: string }) {
  if (!k) return <Link href={at("users", "details", name, "create-access-key")}>Create access key</Link>;
  return (
    <div>
      {k.AccessKeyId} - {k.Status}
      <Box variant="small" display="block">
        {k.used?.LastUsedDate ? `Used ${ago(k.used.LastUsedDate)}` : "Never used"}. {daysSince(k.CreateDate)} days old.
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
                { label: "Last used", value: k.used?.LastUsedDate ? ago(k.used.LastUsedDate) : "Never" },
                { label: "Created", value: `${daysSince(k.CreateDate)} days ago` },
                { label: "Last used region", value: k.used?.Region ?? "N/A" },
                { label: "Last used service", value: k.used?.ServiceName ?? "N/A" },
              ]}
            />
          </Container>
        ))}
      </SpaceBetween>
      {asked?.what === "describe" && <Describe name={name!} k={asked.key} onDismiss={close} onDone={() => done("Description saved.")} />}
      {asked?.what === "delete" && <DeleteKey name={name} k={asked.key} onDismiss={close} onDone={() => done(`Access key ${asked.key.AccessKeyId} deleted.`)} />}
      {asked?.what === "deactivate" && (
        <Ask
          title={`Deactivate ${asked.key.AccessKeyId}?`} verb="Deactivate" onDismiss={close}
          onConfirm={async () => {
            await iam().updateAccessKey({ UserName: name, AccessKeyId: asked.key.AccessKeyId, Status: "Inactive" });
            done(`Access key ${asked.key.AccessKeyId} deactivated. Activate it again by its Actions.`);
          }}
        >
          <Impact of={{ key: asked.key.AccessKeyId! }} />
          <Alert type="warning">Whoever uses this key gets errors from the next call on. You can activate it again.</Alert>
        </Ask>
      )}
      {asked?.what === "activate" && (
        <Ask
          title={`Activate ${asked.key.AccessKeyId}?`} verb="Activate" onDismiss={close}
          onConfirm={async () => {
            await iam().updateAccessKey({ UserName: name, AccessKeyId: asked.key.AccessKeyId, Status: "Active" });
            done(`Access key ${asked.key.AccessKeyId} activated.`);
          }}
        >
          Its owner can make calls with it again.
        </Ask>
      )}
    </Container>
  );
}

function DeleteKey({ name, k, onDismiss, onDone }: { name?: string; k: Key; onDismiss: () => void; onDone: () => void }) {
  const [active, setActive] = useState(k.Status === "Active");
  const off = useState<Error>();
  const deactivate = () =>
    iam().updateAccessKey({ UserName: name, AccessKeyId: k.AccessKeyId, Status: "Inactive" }).then(() => setActive(false), off[1]);
  return (
    <Typed
      title={`Delete ${k.AccessKeyId}?`} name={k.AccessKeyId ?? ""} disabled={active} onDismiss={onDismiss}
      onConfirm={async () => {
        await iam().deleteAccessKey({ UserName: name, AccessKeyId: k.AccessKeyId });
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
      onConfirm={async () => {
        if (text) await iam().tagUser({ UserName: name, Tags: [{ Key: k.AccessKeyId, Value: text }] });
        else await iam().untagUser({ UserName: name, TagKeys: [k.AccessKeyId!] });
        onDone();
      }}
    >
      <FormField label="Description tag value" constraintText="Up to 256 characters">
        <Input value={text} onChange={(e) => setText(e.detail.value)} />
      </FormField>
    </Ask>
  );
}

function UserGroups({ name }: { name: string }) {
  const { data, error, reload } = useLoad(async () => (await iam().listGroupsForUser({ UserName: name })).Groups ?? [], [name]);
  const [selected, setSelected] = useState<NonNullable<typeof data>>([]);
  const [adding, setAdding] = useState(false);
  const [chosen, setChosen] = useState<string[]>([]);
  const [removing, setRemoving] = useState(false);
  return (
    <>
      <Problem error={error} />
      <Table
        items={data ?? []} trackBy="GroupName" selectionType="multi" selectedItems={selected} onSelectionChange={(e) => setSelected(e.detail.selectedItems)}
        ariaLabels={{ tableLabel: "Groups", selectionGroupLabel: "Groups", allItemsSelectionLabel: () => "Select all", itemSelectionLabel: (_, g) => "Select " + g.GroupName }}
        header={
          <Header
            variant="h2" counter={`(${data?.length ?? 0})`}
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                <Button disabled={selected.length === 0} onClick={() => setRemoving(true)}>Remove</Button>
                <Button onClick={() => setAdding(true)}>Add user to groups</Button>
              </SpaceBetween>
            }
          >
            User groups membership
          </Header>
        }
        empty="In no group."
        columnDefinitions={[
          { id: "name", header: "Group name", isRowHeader: true, cell: (g) => <Link href={at("groups", "details", g.GroupName!)}>{g.GroupName}</Link> },
          { id: "path", header: "Path", cell: (g) => g.Path },
        ]}
      />
      {adding && (
        <Ask
          title="Add user to groups" verb="Add user to groups" size="large" disabled={chosen.length === 0} onDismiss={() => setAdding(false)}
          onConfirm={async () => {
            for (const GroupName of chosen) await iam().addUserToGroup({ UserName: name, GroupName });
            setAdding(false);
            setChosen([]);
            reload();
          }}
        >
          <PickGroups selected={chosen} onChange={setChosen} />
        </Ask>
      )}
      {removing && (
        <Ask
          title={`Remove ${name} from ${selected.length} group${selected.length === 1 ? "" : "s"}?`} verb="Remove" onDismiss={() => setRemoving(false)}
          onConfirm={async () => {
            for (const g of selected) await iam().removeUserFromGroup({ UserName: name, GroupName: g.GroupName });
            setRemoving(false);
            setSelected([]);
            reload();
          }}
        >
          What these groups permit is no longer permitted to the user: {selected.map((g) => g.GroupName).join(", ")}.
        </Ask>
      )}
    </>
  );
}

function Tags({ name }: { name: string }) {
  const { data, error, reload } = useLoad(async () => (await iam().listUserTags({ UserName: name })).Tags ?? [], [name]);
  const [tags, setTags] = useState<readonly { key: string; value: string; existing: boolean; markedForRemoval?: boolean }[]>();
  return (
    <>
      <Problem error={error} />
      <Table
        items={data ?? []} trackBy="Key" empty="No tags." ariaLabels={{ tableLabel: "Tags" }}
        header={<Header variant="h2" counter={`(${data?.length ?? 0})`} actions={<Button onClick={() => setTags((data ?? []).map((t) => ({ key: t.Key!, value: t.Value ?? "", existing: true })))}>Manage tags</Button>}>Tags</Header>}
        columnDefinitions={[
          { id: "key", header: "Key", isRowHeader: true, cell: (t) => t.Key },
          { id: "value", header: "Value - optional", cell: (t) => t.Value || "-" },
        ]}
      />
      {tags && (
        <Ask
          title="Manage tags" verb="Save changes" size="large" onDismiss={() => setTags(undefined)}
          onConfirm={async () => {
            const gone = tags.filter((t) => t.existing && t.markedForRemoval).map((t) => t.key);
            const kept = tags.filter((t) => !t.markedForRemoval && t.key && data?.find((d) => d.Key === t.key)?.Value !== t.value);
            if (gone.length) await iam().untagUser({ UserName: name, TagKeys: gone });
            if (kept.length) await iam().tagUser({ UserName: name, Tags: kept.map((t) => ({ Key: t.key, Value: t.value })) });
            setTags(undefined);
            reload();
          }}
        >
          <TagEditor tags={tags as never} onChange={(e) => setTags(e.detail.tags as never)} />
        </Ask>
      )}
    </>
  );
}

function ConsoleAccess(p: { name: string; created?: Date; reset?: boolean; last?: Date; reload: () => void }) {
  const { session } = useSession();
  const [managing, setManaging] = useState(false);
  const [choice, setChoice] = useState("auto");
  const [custom, setCustom] = useState("");
  const [made, setMade] = useState<string>();
  const url = `${location.origin}/console/${session.alias ?? session.account}`;
  const save = async () => {
    const UserName = p.name;
    if (choice === "disable") await iam().deleteLoginProfile({ UserName });
    else {
      const Password = choice === "auto" ? randomPassword() : custom;
      const input = { UserName, Password, PasswordResetRequired: true };
      await (p.created ? iam().updateLoginProfile(input) : iam().createLoginProfile(input));
      setMade(Password);
    }
    setManaging(false);
    p.reload();
  };
  return (
    <Container
      header={
        <Header variant="h2" actions={<Button onClick={() => setManaging(true)}>{p.created ? "Manage console access" : "Enable console access"}</Button>}>
          Console sign-in
        </Header>
      }
    >
      <KeyValuePairs
        columns={3}
        items={[
          { label: "Console sign-in link", value: <Copy text={url} label="sign-in link" /> },
          { label: "Console password", value: p.created ? `Set ${ago(p.created)}${p.reset ? ", must be changed" : ""}` : "Not enabled" },
          { label: "Last console sign-in", value: p.last ? ago(p.last) : "Never" },
        ]}
      />
      {managing && (
        <Ask title={p.created ? "Manage console access" : "Enable console access"} verb="Apply" disabled={choice === "custom" && !custom} onDismiss={() => setManaging(false)} onConfirm={save}>
          <RadioGroup
            ariaLabel="Console access" value={choice} onChange={(e) => setChoice(e.detail.value)}
            items={[
              { value: "auto", label: "Autogenerated password" },
              { value: "custom", label: "Custom password" },
              ...(p.created ? [{ value: "disable", label: "Disable access", description: "The password goes. Sign-ins in browsers end at once." }] : []),
            ]}
          />
          {choice === "custom" && <FormField label="Password"><Input type="password" autoComplete={false} value={custom} onChange={(e) => setCustom(e.detail.value)} /></FormField>}
          <Box variant="small">A new password ends the user's sign-ins in browsers, and must be changed at the next one.</Box>
        </Ask>
      )}
      {made && (
        <Modal visible header="Console password" onDismiss={() => setMade(undefined)} footer={<Box float="right"><SpaceBetween direction="horizontal" size="xs">
          <Button iconName="download" onClick={() => download(`${p.name}_credentials.csv`, csv([["User name", "Password", "Console sign-in URL"], [p.name, made, url]]))}>Download .csv file</Button>
          <Button variant="primary" onClick={() => setMade(undefined)}>Close</Button>
        </SpaceBetween></Box>}>
          <SpaceBetween size="s">
            <Alert type="warning">This is the only time that the password can be seen.</Alert>
            <Copy text={made} label="password" shown={<Hidden text={made} />} />
          </SpaceBetween>
        </Modal>
      )}
    </Container>
  );
}

// Hidden is a secret that is shown on demand, for a minute.
export function Hidden({ text }: { text: string }) {
  const [shown, setShown] = useState(false);
  const show = () => {
    setShown(true);
    setTimeout(() => setShown(false), 60_000);
  };
  return (
    <>
      {shown ? text : "•".repeat(16)} <Button variant="inline-link" onClick={shown ? () => setShown(false) : show}>{shown ? "Hide" : "Show"}</Button>
    </>
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
                <Button disabled={!serial} onClick={() => setAsked("resync")}>Resync</Button>
                <Button onClick={() => setAsked("assign")}>Assign MFA device</Button>
              </SpaceBetween>
            }
          >
            Multi-factor authentication (MFA)
          </Header>
        }
        columnDefinitions={[
          { id: "type", header: "Type", cell: (d) => (d.SerialNumber?.includes(":mfa/") ? "Virtual" : "Passkey") },
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
            if (serial?.includes(":mfa/")) await iam().deleteVirtualMFADevice({ SerialNumber: serial });
            done("MFA device removed.");
          }}
        >
          Signing in no longer asks for its codes: {serial}.
        </Ask>
      )}
    </>
  );
}

function AssignMFA({ name, onDismiss, onDone }: { name?: string; onDismiss: () => void; onDone: () => void }) {
  const { session } = useSession();
  const [device, setDevice] = useState("");
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
          const out = (await iam().createVirtualMFADevice({ VirtualMFADeviceName: device })).VirtualMFADevice!;
          const bytes = out.QRCodePNG ?? new Uint8Array();
          setMade({
            serial: out.SerialNumber!, seed: new TextDecoder().decode(out.Base32StringSeed),
            image: "data:image/png;base64," + btoa(String.fromCharCode(...bytes)),
          });
        }}
      >
        <FormField label="Device name" constraintText="Letters, digits and + = , . @ - _"><Input value={device} onChange={(e) => setDevice(e.detail.value)} autoFocus /></FormField>
        <Box><b>Authenticator app</b>: codes from an app on your phone or computer.</Box>
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

// OtherCredentials are SSH keys, credentials of services and certificates.
function OtherCredentials({ name }: { name: string }) {
  const { data, error, reload } = useLoad(async () => {
    const UserName = name;
    const [ssh, services, certs] = await Promise.all([
      iam().listSSHPublicKeys({ UserName }), iam().listServiceSpecificCredentials({ UserName }), iam().listSigningCertificates({ UserName }),
    ]);
    return { ssh: ssh.SSHPublicKeys ?? [], services: services.ServiceSpecificCredentials ?? [], certs: certs.Certificates ?? [] };
  }, [name]);
  const [adding, setAdding] = useState<"ssh" | "cert">();
  const [text, setText] = useState("");
  const rows = [
    ...(data?.ssh ?? []).map((k) => ({ id: k.SSHPublicKeyId!, kind: "SSH public key", status: k.Status!, at: k.UploadDate, remove: () => iam().deleteSSHPublicKey({ UserName: name, SSHPublicKeyId: k.SSHPublicKeyId }) })),
    ...(data?.services ?? []).map((k) => ({ id: k.ServiceSpecificCredentialId!, kind: k.ServiceName!, status: k.Status!, at: k.CreateDate, remove: () => iam().deleteServiceSpecificCredential({ UserName: name, ServiceSpecificCredentialId: k.ServiceSpecificCredentialId }) })),
    ...(data?.certs ?? []).map((k) => ({ id: k.CertificateId!, kind: "X.509 signing certificate", status: k.Status!, at: k.UploadDate, remove: () => iam().deleteSigningCertificate({ UserName: name, CertificateId: k.CertificateId }) })),
  ];
  const [removing, setRemoving] = useState<(typeof rows)[number]>();
  const [made, setMade] = useState<{ user: string; password: string }>();
  const [failed, setFailed] = useState<Error>();
  const generate = async () => {
    try {
      const out = (await iam().createServiceSpecificCredential({ UserName: name, ServiceName: "codecommit.amazonaws.com" })).ServiceSpecificCredential!;
      setMade({ user: out.ServiceUserName ?? "", password: out.ServicePassword ?? "" });
      reload();
    } catch (e) {
      setFailed(e as Error);
    }
  };
  return (
    <>
      <Problem error={error ?? failed} />
      <Table
        items={rows} trackBy="id" empty="None." ariaLabels={{ tableLabel: "Other credentials" }}
        header={
          <Header variant="h2" counter={`(${rows.length})`} actions={
            <SpaceBetween direction="horizontal" size="xs">
              <Button onClick={() => setAdding("ssh")}>Upload SSH public key</Button>
              <Button onClick={() => void generate()}>Generate Git credentials</Button>
              <Button onClick={() => setAdding("cert")}>Upload X.509 certificate</Button>
            </SpaceBetween>
          }>SSH keys, Git credentials and certificates</Header>
        }
        columnDefinitions={[
          { id: "id", header: "ID", isRowHeader: true, cell: (r) => r.id },
          { id: "kind", header: "Kind", cell: (r) => r.kind },
          { id: "status", header: "Status", cell: (r) => r.status },
          { id: "at", header: "Created", cell: (r) => when(r.at) },
          { id: "delete", header: "Actions", cell: (r) => <Button variant="inline-link" ariaLabel={"Delete " + r.id} onClick={() => setRemoving(r)}>Delete</Button> },
        ]}
      />
      {adding && (
        <Ask
          title={adding === "ssh" ? "Upload SSH public key" : "Upload X.509 signing certificate"} verb="Upload" disabled={!text} onDismiss={() => setAdding(undefined)}
          onConfirm={async () => {
            if (adding === "ssh") await iam().uploadSSHPublicKey({ UserName: name, SSHPublicKeyBody: text });
            else await iam().uploadSigningCertificate({ UserName: name, CertificateBody: text });
            setAdding(undefined);
            setText("");
            reload();
          }}
        >
          <FormField label={adding === "ssh" ? "Public key" : "Certificate, as PEM"}><Area value={text} onChange={setText} /></FormField>
        </Ask>
      )}
      {removing && (
        <Typed title={`Delete ${removing.id}?`} name={removing.id} onDismiss={() => setRemoving(undefined)} onConfirm={async () => {
          await removing.remove();
          setRemoving(undefined);
          reload();
        }} />
      )}
      {made && (
        <Ask title="Git credentials" verb="Close" onDismiss={() => setMade(undefined)} onConfirm={async () => setMade(undefined)}>
          <Alert type="warning">This is the only time that the password can be seen.</Alert>
          <KeyValuePairs items={[{ label: "User name", value: <Copy text={made.user} label="user name" /> }, { label: "Password", value: <Copy text={made.password} label="password" shown={<Hidden text={made.password} />} /> }]} />
        </Ask>
      )}
    </>
  );
}

function Area({ value, onChange }: { value: string; onChange: (v: string) => void }) {
  return <Textarea rows={6} value={value} onChange={(e) => onChange(e.detail.value)} />;
}

function LastAccessed({ arn }: { arn: string }) {
  const { data, error, loading } = useLoad(async () => {
    const { JobId } = await iam().generateServiceLastAccessedDetails({ Arn: arn });
    for (let i = 0; i < 20; i++) {
      const out = await iam().getServiceLastAccessedDetails({ JobId });
      if (out.JobStatus !== "IN_PROGRESS") return out.ServicesLastAccessed ?? [];
      await new Promise((r) => setTimeout(r, 300));
    }
    return [];
  }, [arn]);
  return (
    <>
      <Problem error={error} what="Last accessed information is not available" />
      <Table
        items={data ?? []} loading={loading} trackBy="ServiceNamespace" empty="Nothing is known." ariaLabels={{ tableLabel: "Last accessed" }} header={<Header variant="h2">Last accessed services</Header>}
        columnDefinitions={[
          { id: "service", header: "Service", isRowHeader: true, cell: (s) => s.ServiceName },
          { id: "at", header: "Last accessed", cell: (s) => (s.LastAuthenticated ? ago(s.LastAuthenticated) : "Not accessed in the tracking period") },
        ]}
      />
    </>
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

