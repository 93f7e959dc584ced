import { Button, Container, FormField, Header, Input, KeyValuePairs, Link, SpaceBetween, Tabs } from "@cloudscape-design/components";
import type { Group, Policy, User } from "@aws-sdk/client-iam";
import { useState } from "react";
import { groupSteps } from "../cleanup";
import { DeleteAll } from "../deleteall";
import { flashed } from "../flash";
import { PermissionsTable, principal } from "../permissions";
import { PickPolicies } from "../pick";
import { at, go, useRoute } from "../router";
import { iam } from "../session";
import { all, Ask, Copy, Listing, Problem, useLoad, usePages, when } from "../ui";
import type { Failure } from "../ui";

function Members({ name }: { name: string }) {
  const { data } = useLoad(async () => (await iam().getGroup({ GroupName: name })).Users?.length ?? 0, [name]);
  return <>{data ?? "…"}</>;
}

function Defined({ name }: { name: string }) {
  const { data } = useLoad(async () => {
    const [a, i] = await Promise.all([iam().listAttachedGroupPolicies({ GroupName: name }), iam().listGroupPolicies({ GroupName: name })]);
    return (a.AttachedPolicies?.length ?? 0) + (i.PolicyNames?.length ?? 0);
  }, [name]);
  return <>{data === undefined ? "…" : data ? "Defined" : "Not defined"}</>;
}

export function Groups() {
  const pages = usePages(async (Marker?: string) => {
    const out = await iam().listGroups({ Marker, MaxItems: 1000 });
    return { items: out.Groups ?? [], marker: out.Marker };
  });
  const [selected, setSelected] = useState<Group[]>([]);
  const [deleting, setDeleting] = useState(false);
  return (
    <>
      <Listing<Group>
        name="User groups" thing="group" {...pages} id={(g) => g.GroupName ?? ""} select="single" selected={selected} onSelect={setSelected}
        description="A user group is a collection of IAM users. Use groups to specify permissions for a collection of users."
        actions={<><Button disabled={!selected.length} onClick={() => setDeleting(true)}>Delete</Button><Button variant="primary" onClick={() => go("/groups/create")}>Create group</Button></>}
        columns={[
          { id: "name", header: "Group name", sortingField: "GroupName", isRowHeader: true, cell: (g) => <Link href={at("groups", "details", g.GroupName!)}>{g.GroupName}</Link> },
          { id: "users", header: "Users", cell: (g) => <Members name={g.GroupName!} /> },
          { id: "permissions", header: "Permissions", cell: (g) => <Defined name={g.GroupName!} /> },
          { id: "arn", header: "ARN", sortingField: "Arn", hidden: true, cell: (g) => g.Arn },
          { id: "created", header: "Creation time", sortingField: "CreateDate", cell: (g) => when(g.CreateDate) },
        ]}
      />
      {deleting && <DeleteAll kind="group" name={selected[0].GroupName!} steps={groupSteps} onDismiss={() => setDeleting(false)} onDone={() => { setDeleting(false); setSelected([]); pages.reload(); }} />}
    </>
  );
}

export function CreateGroup() {
  const [name, setName] = useState("");
  const [users, setUsers] = useState<User[]>([]);
  const [policies, setPolicies] = useState<Policy[]>([]);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Failure>();
  const create = async () => {
    setBusy(true);
    try {
      await iam().createGroup({ GroupName: name });
      for (const u of users) await iam().addUserToGroup({ GroupName: name, UserName: u.UserName });
      for (const p of policies) await iam().attachGroupPolicy({ GroupName: name, PolicyArn: p.Arn });
      go("/groups");
      setTimeout(() => flashed(`Group ${name} created.`));
    } catch (e) {
      setError(e as Failure);
      setBusy(false);
    }
  };
  return (
    <SpaceBetween size="l">
      <Header variant="h1">Create user group</Header>
      <Container header={<Header variant="h2">Name the group</Header>}>
        <FormField label="User group name" constraintText="Up to 128 characters: A-Z, a-z, 0-9, and + = , . @ _ -"><Input value={name} onChange={(e) => setName(e.detail.value)} autoFocus /></FormField>
      </Container>
      <PickUsers selected={users} onChange={setUsers} />
      <PickPolicies selected={policies} onChange={setPolicies} />
      <Problem error={error} what="The group was not created as wanted" />
      <SpaceBetween direction="horizontal" size="xs">
        <Button variant="link" onClick={() => go("/groups")}>Cancel</Button>
        <Button variant="primary" loading={busy} disabled={!/^[\w+=,.@-]{1,128}$/.test(name)} onClick={() => void create()}>Create user group</Button>
      </SpaceBetween>
    </SpaceBetween>
  );
}

function PickUsers({ selected, onChange }: { selected: User[]; onChange: (u: User[]) => void }) {
  const pages = usePages(async (Marker?: string) => {
    const out = await iam().listUsers({ Marker, MaxItems: 1000 });
    return { items: out.Users ?? [], marker: out.Marker };
  });
  return (
    <Listing<User>
      name="Users" thing="user" {...pages} variant="container" id={(u) => u.UserName ?? ""} select="multi" selected={selected} onSelect={onChange}
      columns={[
        { id: "name", header: "User name", sortingField: "UserName", isRowHeader: true, cell: (u) => u.UserName },
        { id: "created", header: "Creation time", sortingField: "CreateDate", cell: (u) => when(u.CreateDate) },
      ]}
    />
  );
}

export function GroupPage({ name }: { name: string }) {
  const route = useRoute();
  const { data, error, loading, reload } = useLoad(async () => {
    const [group, users] = await Promise.all([
      iam().getGroup({ GroupName: name }),
      all(async (Marker?: string) => { const o = await iam().getGroup({ GroupName: name, Marker }); return { items: o.Users, marker: o.Marker }; }),
    ]);
    return { group: group.Group!, users };
  }, [name]);
  const [selected, setSelected] = useState<User[]>([]);
  const [chosen, setChosen] = useState<User[]>([]);
  const [asked, setAsked] = useState<"add" | "remove" | "delete">();
  return (
    <SpaceBetween size="l">
      <Header variant="h1" actions={<Button onClick={() => setAsked("delete")}>Delete</Button>}>{name}</Header>
      <Problem error={error} what="The group can't be shown" />
      {data && (
        <>
          <Container header={<Header variant="h2">Summary</Header>}>
            <KeyValuePairs columns={3} items={[{ label: "User group name", value: name }, { label: "Creation time", value: when(data.group.CreateDate) }, { label: "ARN", value: <Copy text={data.group.Arn ?? ""} label="ARN" /> }]} />
          </Container>
          <Tabs
            activeTabId={route.query.get("section") ?? "users"} onChange={(e) => go(`/groups/details/${encodeURIComponent(name)}?section=${e.detail.activeTabId}`)}
            tabs={[
              {
                id: "users", label: "Users",
                content: (
                  <Listing<User>
                    name="Users in this group" thing="user" items={data.users} loading={loading} variant="container" id={(u) => u.UserName ?? ""} select="multi" selected={selected} onSelect={setSelected}
                    actions={<><Button disabled={!selected.length} onClick={() => setAsked("remove")}>Remove</Button><Button onClick={() => setAsked("add")}>Add users</Button></>}
                    columns={[
                      { id: "name", header: "User name", sortingField: "UserName", isRowHeader: true, cell: (u) => <Link href={at("users", "details", u.UserName!)}>{u.UserName}</Link> },
                      { id: "created", header: "Creation time", sortingField: "CreateDate", cell: (u) => when(u.CreateDate) },
                    ]}
                  />
                ),
              },
              { id: "permissions", label: "Permissions", content: <PermissionsTable of={principal.group(name)} /> },
            ]}
          />
        </>
      )}
      {asked === "add" && (
        <Ask title="Add users" verb="Add users" size="large" disabled={!chosen.length} onDismiss={() => setAsked(undefined)} onConfirm={async () => {
          for (const u of chosen) await iam().addUserToGroup({ GroupName: name, UserName: u.UserName });
          setAsked(undefined);
          setChosen([]);
          reload();
        }}>
          <PickUsers selected={chosen} onChange={setChosen} />
        </Ask>
      )}
      {asked === "remove" && (
        <Ask title="Remove users from the group?" verb="Remove" onDismiss={() => setAsked(undefined)} onConfirm={async () => {
          for (const u of selected) await iam().removeUserFromGroup({ GroupName: name, UserName: u.UserName });
          setAsked(undefined);
          setSelected([]);
          reload();
        }}>
          They lose what the group permits: {selected.map((u) => u.UserName).join(", ")}.
        </Ask>
      )}
      {asked === "delete" && <DeleteAll kind="group" name={name} steps={groupSteps} onDismiss={() => setAsked(undefined)} onDone={() => go("/groups")} />}
    </SpaceBetween>
  );
}
