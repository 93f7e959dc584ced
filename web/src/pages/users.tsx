import { Alert, Box, Button, Link, SpaceBetween, StatusIndicator } from "@cloudscape-design/components";
import type { AccessKeyMetadata, User } from "@aws-sdk/client-iam";
import { useEffect, useState } from "react";
import type { ReactNode } from "react";
import { Bulk } from "../bulk";
import { userSteps } from "../cleanup";
import { DeleteAll } from "../deleteall";
import { doing } from "../doing";
import { at, go, useRoute } from "../router";
import { iam } from "../session";
import { absent, ago, Ask, daysSince, latest, Listing, Problem, useLoad, usePages, when } from "../ui";

interface UsedKey extends AccessKeyMetadata {
  used?: Date;
}

// parts are what the columns show of a user besides ListUsers. Each is asked for
// where a cell is seen that shows it, and once.
const parts = {
  groups: async (UserName: string) => (await iam().listGroupsForUser({ UserName })).Groups ?? [],
  mfa: async (UserName: string) => (await iam().listMFADevices({ UserName })).MFADevices?.map((d) => (d.SerialNumber?.includes(":mfa/") ? "Virtual" : "Passkey")) ?? [],
  password: async (UserName: string) => (await absent(iam().getLoginProfile({ UserName })))?.LoginProfile?.CreateDate,
  certificates: async (UserName: string) => (await iam().listSigningCertificates({ UserName })).Certificates ?? [],
  keys: async (UserName: string): Promise<UsedKey[]> => {
    const keys = (await iam().listAccessKeys({ UserName })).AccessKeyMetadata ?? [];
    return Promise.all(keys.map(async (k) => ({ ...k, used: (await iam().getAccessKeyLastUsed({ AccessKeyId: k.AccessKeyId })).AccessKeyLastUsed?.LastUsedDate })));
  },
};

type Part = keyof typeof parts;
type Shown<P extends Part> = Awaited<ReturnType<(typeof parts)[P]>>;

const known = new Map<string, Promise<unknown>>();

function partOf<P extends Part>(part: P, name: string): Promise<Shown<P>> {
  const id = part + " " + name;
  const found = known.get(id) ?? parts[part](name);
  known.set(id, found);
  found.catch(() => known.delete(id));
  return found as Promise<Shown<P>>;
}

function Of<P extends Part>({ user, part, show }: { user: User; part: P; show: (shown: Shown<P>) => ReactNode }) {
  const { data, error, loading } = useLoad(() => partOf(part, user.UserName!), [user.UserName, part]);
  if (error) return <StatusIndicator type="warning">{error.name === "AccessDenied" ? "Not permitted" : error.name}</StatusIndicator>;
  return <>{loading && data === undefined ? "…" : show(data as Shown<P>)}</>;
}

const age = (since?: Date) => { const days = daysSince(since); return days === undefined ? "-" : `${days} day${days === 1 ? "" : "s"}`; };

const oldest = (dates: Date[]) => (dates.length ? new Date(Math.min(...dates.map(Number))) : undefined);

const keyOf = (text: string) => /^AKIA[A-Z2-7]{16}$/.exec(text.trim().toUpperCase())?.[0];

// useOwner finds whose an access key is while its id is being searched for.
function useOwner(text: string, items: User[]) {
  const [owner, setOwner] = useState<{ key: string; user: User }>();
  const key = keyOf(text);
  useEffect(() => {
    if (!key) return;
    let left = false;
    const find = async () => {
      const { UserName } = await iam().getAccessKeyLastUsed({ AccessKeyId: key });
      const user = items.find((u) => u.UserName === UserName) ?? (await iam().getUser({ UserName })).User;
      if (user && !left) setOwner({ key, user });
    };
    find().catch(() => undefined); // nobody's
    return () => {
      left = true;
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [key]);
  return owner?.key === key ? owner : undefined;
}

export function Users() {
  const route = useRoute();
  const pages = usePages(async (Marker?: string) => {
    const out = await iam().listUsers({ Marker, MaxItems: 1000 });
    return { items: out.Users ?? [], marker: out.Marker };
  });
  const [text, setText] = useState("");
  const owner = useOwner(text, pages.items);
  const [selected, setSelected] = useState<User[]>([]);
  const [asked, setAsked] = useState<"delete" | "bulk">();
  useState(() => known.clear()); // what was seen before may have changed
  const reload = () => {
    known.clear();
    setSelected([]);
    setAsked(undefined);
    pages.reload();
  };
  // An owner that isn't loaded yet stands with the others, and needs no more pages.
  const items = owner && !pages.items.some((u) => u.UserName === owner.user.UserName) ? [...pages.items, owner.user] : pages.items;
  return (
    <>
      <Listing<User>
        name="Users" thing="user" {...pages} items={items} hasMore={pages.hasMore} partly={(t) => keyOf(t) !== undefined} reload={reload} id={(u) => u.UserName ?? ""}
        description="An IAM user is an identity with long-term credentials that is used to interact with an account."
        placeholder="Search users by name or access key ID" initialText={route.query.get("text") ?? ""}
        onText={setText} search={(u, t) => owner?.key === t.trim().toUpperCase() && owner.user.UserName === u.UserName}
        select="multi" selected={selected} onSelect={setSelected}
        actions={
          <>
            <Button disabled={selected.length === 0} onClick={() => setAsked("bulk")}>Change many</Button>
            <Button disabled={selected.length === 0} onClick={() => setAsked("delete")}>Delete</Button>
            <Button variant="primary" onClick={() => go("/users/create")}>Create user</Button>
          </>
        }
        columns={[
          { id: "name", header: "User name", sortingField: "UserName", isRowHeader: true, width: 160, cell: (u) => <Link href={at("users", "details", u.UserName!)}>{u.UserName}</Link> },
          { id: "path", header: "Path", sortingField: "Path", width: 100, cell: (u) => u.Path },
          { id: "groups", header: "Groups", width: 110, cell: (u) => <Of user={u} part="groups" show={(g) => g.length} /> },
          { id: "activity", header: "Last activity", width: 195, cell: (u) => <Of user={u} part="keys" show={(k) => ago(latest([u.PasswordLastUsed, ...k.map((x) => x.used)]))} /> },
          { id: "mfa", header: "MFA", width: 90, cell: (u) => <Of user={u} part="mfa" show={(m) => [...new Set(m)].join(", ") || "-"} /> },
          { id: "password", header: "Password age", width: 150, cell: (u) => <Of user={u} part="password" show={age} /> },
          { id: "signin", header: "Console last sign-in", sortingField: "PasswordLastUsed", width: 205, cell: (u) => when(u.PasswordLastUsed) },
          { id: "key", header: "Access key ID", width: 270, cell: (u) => <Of user={u} part="keys" show={(k) => (k.length ? k.map((x) => <div key={x.AccessKeyId}>{x.Status} - {x.AccessKeyId}</div>) : "-")} /> },
          { id: "age", header: "Active key age", width: 150, cell: (u) => <Of user={u} part="keys" show={(k) => age(oldest(k.filter((x) => x.Status === "Active").map((x) => x.CreateDate!)))} /> },
          { id: "used", header: "Access key last used", hidden: true, width: 200, cell: (u) => <Of user={u} part="keys" show={(k) => ago(latest(k.map((x) => x.used)))} /> },
          { id: "arn", header: "ARN", sortingField: "Arn", hidden: true, width: 300, cell: (u) => u.Arn },
          { id: "created", header: "Creation time", sortingField: "CreateDate", hidden: true, width: 200, cell: (u) => when(u.CreateDate) },
          { id: "console", header: "Console access", hidden: true, width: 150, cell: (u) => <Of user={u} part="password" show={(p) => (p ? "Enabled" : "Disabled")} /> },
          { id: "certs", header: "Signing certs", hidden: true, width: 130, cell: (u) => <Of user={u} part="certificates" show={(c) => c.length || "-"} /> },
        ]}
      />
      {asked === "delete" && <DeleteUsers users={selected} onDismiss={() => setAsked(undefined)} onDone={reload} />}
      {asked === "bulk" && <Bulk users={selected.map((u) => u.UserName!)} onDismiss={reload} />}
    </>
  );
}

// DeleteUsers deletes users with all that hangs on them, once none of their keys
// is active.
export function DeleteUsers({ users, ...rest }: { users: User[]; onDismiss: () => void; onDone: () => void }) {
  const names = users.map((u) => u.UserName!);
  const { data, error, reload } = useLoad(async () => Promise.all(users.map(async (u) => ({ ...u, keys: await parts.keys(u.UserName!) }))), names);
  const [asked, setAsked] = useState(false);
  const active = (data ?? []).flatMap((u) => u.keys.filter((k) => k.Status === "Active"));
  const seen = latest((data ?? []).flatMap((u) => [u.PasswordLastUsed, ...u.keys.map((k) => k.used)]));
  if (asked) {
    return (
      <Ask
        title={`Deactivate ${active.length} access key${active.length === 1 ? "" : "s"}?`} verb="Deactivate" onDismiss={() => setAsked(false)}
        calls={active.map((k) => doing("updateAccessKey", { UserName: k.UserName, AccessKeyId: k.AccessKeyId, Status: "Inactive" }))}
        onConfirm={async () => { reload(); setAsked(false); }}
      >
        Whoever uses {active.map((k) => k.AccessKeyId).join(", ")} gets errors from the next call on.
      </Ask>
    );
  }
  return (
    <DeleteAll kind="user" names={names} impact={{ users: names }} steps={userSteps} waiting={!data && !error} disabled={active.length > 0} {...rest}>
      <SpaceBetween size="s">
        <Problem error={error} />
        {data && <Box>Last activity: <b>{ago(seen)}</b></Box>}
        {active.length > 0 && (
          <Alert type="error" header="There are active access keys" action={<Button onClick={() => setAsked(true)}>Deactivate</Button>}>
            Deactivate them first, and see that nothing misses them: {active.map((k) => `${k.AccessKeyId} (${k.used ? "used " + ago(k.used) : "never used"})`).join(", ")}.
          </Alert>
        )}
      </SpaceBetween>
    </DeleteAll>
  );
}
