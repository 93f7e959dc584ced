import { Button, Link } from "@cloudscape-design/components";
import type { Group } from "@aws-sdk/client-iam";
import { useState } from "react";
import { doing } from "./doing";
import { flashed } from "./flash";
import { principal } from "./permissions";
import { PickGroups } from "./pick";
import { at } from "./router";
import { iam } from "./session";
import { all, Ask, Listing, useLoad, when } from "./ui";

// Policies names the policies of a group.
function Policies({ group }: { group: string }) {
  const { data, error } = useLoad(async () => {
    const [attached, inline] = await Promise.all([principal.group(group).attached(), principal.group(group).inline()]);
    return [...attached.map((p) => p.PolicyName), ...inline].join(", ");
  }, [group]);
  return <>{error ? error.name : data === undefined ? "…" : data || "None"}</>;
}

// UserGroups are the groups that a user is in.
export function UserGroups({ name: UserName }: { name: string }) {
  const { data, error, loading, reload } = useLoad(() => all(async (Marker?: string) => { const o = await iam().listGroupsForUser({ UserName, Marker }); return { items: o.Groups, marker: o.Marker }; }), [UserName]);
  const [selected, setSelected] = useState<Group[]>([]);
  const [chosen, setChosen] = useState<string[]>([]);
  const [asked, setAsked] = useState<"add" | "remove">();
  const done = async (text: string) => {
    setAsked(undefined);
    setChosen([]);
    setSelected([]);
    flashed(text);
    reload();
  };
  const several = (n: number) => `${n} group${n === 1 ? "" : "s"}`;
  return (
    <>
      <Listing<Group>
        name="User groups membership" thing="group" variant="container" items={data ?? []} loading={loading} error={error} id={(g) => g.GroupName ?? ""} select="multi" selected={selected} onSelect={setSelected}
        description="A user can be a member of up to 10 groups." empty="In no group."
        actions={<><Button disabled={selected.length === 0} onClick={() => setAsked("remove")}>Remove</Button><Button onClick={() => setAsked("add")}>Add user to groups</Button></>}
        columns={[
          { id: "name", header: "Group name", sortingField: "GroupName", isRowHeader: true, cell: (g) => <Link href={at("groups", "details", g.GroupName!)}>{g.GroupName}</Link> },
          { id: "policies", header: "Attached policies", cell: (g) => <Policies group={g.GroupName!} /> },
          { id: "created", header: "Creation time", sortingField: "CreateDate", hidden: true, cell: (g) => when(g.CreateDate) },
        ]}
      />
      {asked === "add" && (
        <Ask
          title="Add user to groups" verb="Add user to groups" size="large" disabled={chosen.length === 0} onDismiss={() => setAsked(undefined)}
          calls={chosen.map((GroupName) => doing("addUserToGroup", { UserName, GroupName }))} onConfirm={() => done(`Added to ${several(chosen.length)}.`)}
        >
          <PickGroups selected={chosen} onChange={setChosen} />
        </Ask>
      )}
      {asked === "remove" && (
        <Ask
          title={`Remove ${UserName} from ${several(selected.length)}?`} verb="Remove" onDismiss={() => setAsked(undefined)}
          calls={selected.map((g) => doing("removeUserFromGroup", { UserName, GroupName: g.GroupName }))} onConfirm={() => done(`Removed from ${several(selected.length)}.`)}
        >
          What these groups permit is no longer permitted to the user: {selected.map((g) => g.GroupName).join(", ")}.
        </Ask>
      )}
    </>
  );
}
