import { Box, Button, Container, FormField, Header, Input, KeyValuePairs, Link, SpaceBetween, Tabs } from "@cloudscape-design/components";
import type { Group, Policy, User } from "@aws-sdk/client-iam";
import { useState } from "react";
import { groupSteps } from "../cleanup";
import { DeleteAll } from "../deleteall";
import { doing } from "../doing";
import { flashed } from "../flash";
import { LastAccessed } from "../lastaccessed";
import { PermissionsTable, principal } from "../permissions";
import { PickPolicies, PickUsers } from "../pick";
import { at, go, useRoute } from "../router";
import { iam } from "../session";
import { all, Ask, Buttons, Copy, Listing, Problem, useLoad, usePages, when } from "../ui";
import type { Failure } from "../ui";

// membersOf gives a page of a group's users.
async function membersOf(GroupName: string, Marker?: string) {
  const o = await iam().getGroup({ GroupName, Marker, MaxItems: 1000 });
  return { items: o.Users ?? [], marker: o.Marker };
}

function Members({ name }: { name: string }) {
  const { data, error } = useLoad(async () => (await all((marker?: string) => membersOf(name, marker))).length, [name]);
  return <>{error ? error.name : (data ?? "…")}</>;
}

function Defined({ name }: { name: string }) {
  const { data, error } = useLoad(async () => {
    const [a, i] = await Promise.all([iam().listAttachedGroupPolicies({ GroupName: name }), iam().listGroupPolicies({ GroupName: name })]);
    return (a.AttachedPolicies?.length ?? 0) + (i.PolicyNames?.length ?? 0);
  }, [name]);
  return <>{error ? error.name : data === undefined ? "…" : data ? "Defined" : "Not defined"}</>;
}

export function Groups() {
  const pages = usePages(async (Marker?: string) => {
    const out = await iam().listGroups({ Marker, MaxItems: 1000 });
    return { items: out.Groups ?? [], marker: out.Marker };
  });
  const [selected, setSelected] = useState<Group[]>([]);
  const [deleting, setDeleting] = useState(false);
  const names = selected.map((g) => g.GroupName!);
  return (
    <>
      <Listing<Group>
        name="User groups" thing="group" {...pages} id={(g) => g.GroupName ?? ""} select="multi" selected={selected} onSelect={setSelected}
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
      {deleting && <DeleteAll kind="group" names={names} impact={{ groups: names }} steps={groupSteps} onDismiss={() => setDeleting(false)} onDone={() => { setDeleting(false); setSelected([]); pages.reload(); }} />}
    </>
  );
}

const nameForm = /^[\w+=,.@-]{1,128}$/;
const nameText = "Up to 128 characters: A-Z, a-z, 0-9, and + = , . @ _ -";

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
        <FormField label="User group name" constraintText={nameText}><Input value={name} onChange={(e) => setName(e.detail.value)} autoFocus /></FormField>
      </Container>
      <PickUsers selected={users} onChange={setUsers} />
      <PickPolicies selected={policies} onChange={setPolicies} />
      <Problem error={error} what="The group was not created as wanted" />
      <Box float="right"><Buttons>
        <Button variant="link" onClick={() => go("/groups")}>Cancel</Button>
        <Button variant="primary" loading={busy} disabled={!nameForm.test(name)} onClick={() => void create()}>Create user group</Button>
      </Buttons></Box>
    </SpaceBetween>
  );
}

export function GroupPage({ name }: { name: string }) {
  const route = useRoute();
  const { data, error } = useLoad(async () => (await iam().getGroup({ GroupName: name, MaxItems: 1 })).Group!, [name]);
  const [asked, setAsked] = useState<"rename" | "delete">();
  const [next, setNext] = useState(name);
  return (
    <SpaceBetween size="l">
      <Header variant="h1" actions={<Buttons><Button disabled={!data} onClick={() => setAsked("rename")}>Edit</Button><Button disabled={!data} onClick={() => setAsked("delete")}>Delete</Button></Buttons>}>{name}</Header>
      <Problem error={error} what="The group can't be shown" />
      {data && (
        <SpaceBetween size="l">
          <Container header={<Header variant="h2">Summary</Header>}>
            <KeyValuePairs columns={3} items={[{ label: "User group name", value: name }, { label: "Creation time", value: when(data.CreateDate) }, { label: "ARN", value: <Copy text={data.Arn ?? ""} label="ARN" /> }]} />
          </Container>
          <Tabs
            activeTabId={route.query.get("section") ?? "users"} onChange={(e) => go(`/groups/details/${encodeURIComponent(name)}?section=${e.detail.activeTabId}`)}
            tabs={[
              { id: "users", label: "Users", content: <GroupUsers name={name} /> },
              { id: "permissions", label: "Permissions", content: <PermissionsTable of={principal.group(name)} /> },
              { id: "access_advisor", label: "Access Advisor", content: <LastAccessed arn={data.Arn ?? ""} /> },
            ]}
          />
        </SpaceBetween>
      )}
      {asked === "rename" && (
        <Ask
          title="Edit user group name" verb="Save changes" disabled={next === name || !nameForm.test(next)} onDismiss={() => setAsked(undefined)} calls={[doing("updateGroup", { GroupName: name, NewGroupName: next })]}
          onConfirm={async () => {
            go("/groups/details/" + encodeURIComponent(next));
            setTimeout(() => flashed(`The group is now called ${next}.`));
          }}
        >
          <FormField label="User group name" constraintText={nameText}><Input value={next} onChange={(e) => setNext(e.detail.value)} autoFocus /></FormField>
        </Ask>
      )}
      {asked === "delete" && <DeleteAll kind="group" names={[name]} impact={{ groups: [name] }} steps={groupSteps} onDismiss={() => setAsked(undefined)} onDone={() => go("/groups")} />}
    </SpaceBetween>
  );
}

function GroupUsers({ name: GroupName }: { name: string }) {
  const pages = usePages((marker?: string) => membersOf(GroupName, marker), [GroupName]);
  const [selected, setSelected] = useState<User[]>([]);
  const [chosen, setChosen] = useState<User[]>([]);
  const [asked, setAsked] = useState<"add" | "remove">();
  const several = (n: number) => `${n} user${n === 1 ? "" : "s"}`;
  const done = async (text: string) => {
    setAsked(undefined);
    setChosen([]);
    setSelected([]);
    flashed(text);
    pages.reload();
  };
  return (
    <>
      <Listing<User>
        name="Users in this group" thing="user" {...pages} variant="container" id={(u) => u.UserName ?? ""} select="multi" selected={selected} onSelect={setSelected}
        actions={<><Button disabled={!selected.length} onClick={() => setAsked("remove")}>Remove</Button><Button onClick={() => setAsked("add")}>Add users</Button></>}
        columns={[
          { id: "name", header: "User name", sortingField: "UserName", isRowHeader: true, cell: (u) => <Link href={at("users", "details", u.UserName!)}>{u.UserName}</Link> },
          { id: "signin", header: "Console last sign-in", sortingField: "PasswordLastUsed", cell: (u) => when(u.PasswordLastUsed) },
          { id: "created", header: "Creation time", sortingField: "CreateDate", cell: (u) => when(u.CreateDate) },
        ]}
      />
      {asked === "add" && (
        <Ask title="Add users" verb="Add users" size="large" disabled={!chosen.length} onDismiss={() => setAsked(undefined)} calls={chosen.map((u) => doing("addUserToGroup", { GroupName, UserName: u.UserName }))} onConfirm={() => done(`${several(chosen.length)} added.`)}>
          <PickUsers selected={chosen} onChange={setChosen} />
        </Ask>
      )}
      {asked === "remove" && (
        <Ask title={`Remove ${several(selected.length)} from the group?`} verb="Remove" onDismiss={() => setAsked(undefined)} calls={selected.map((u) => doing("removeUserFromGroup", { GroupName, UserName: u.UserName }))} onConfirm={() => done(`${several(selected.length)} removed.`)}>
          They lose what the group permits: {selected.map((u) => u.UserName).join(", ")}.
        </Ask>
      )}
    </>
  );
}
