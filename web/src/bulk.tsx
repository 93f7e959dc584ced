import { Alert, FormField, Input, RadioGroup, SpaceBetween, StatusIndicator, Table } from "@cloudscape-design/components";
import type { StatusIndicatorProps } from "@cloudscape-design/components";
import { useState } from "react";
import { iam } from "./session";
import { Ask, daysSince } from "./ui";
import type { Failure } from "./ui";

interface Row {
  user: string;
  text: string;
  state: StatusIndicatorProps.Type;
  run?: () => Promise<unknown>;
}

type Work = "keys" | "group" | "tag";

// plan is what the work would do for one user.
async function plan(work: Work, UserName: string, value: string): Promise<Row> {
  const c = iam();
  if (work === "keys") {
    const keys = (await c.listAccessKeys({ UserName })).AccessKeyMetadata ?? [];
    const old = keys.filter((k) => k.Status === "Active" && (daysSince(k.CreateDate) ?? 0) >= Number(value));
    if (old.length === 0) return { user: UserName, text: "No active key that old", state: "info" };
    return {
      user: UserName, text: `Deactivate ${old.map((k) => k.AccessKeyId).join(", ")}`, state: "pending",
      run: () => Promise.all(old.map((k) => c.updateAccessKey({ UserName, AccessKeyId: k.AccessKeyId, Status: "Inactive" }))),
    };
  }
  if (work === "group") {
    const groups = (await c.listGroupsForUser({ UserName })).Groups ?? [];
    if (groups.some((g) => g.GroupName === value)) return { user: UserName, text: `Is in ${value} already`, state: "info" };
    return { user: UserName, text: `Add to ${value}`, state: "pending", run: () => c.addUserToGroup({ UserName, GroupName: value }) };
  }
  const [Key, Value = ""] = value.split("=", 2);
  return { user: UserName, text: `Tag ${Key} = ${Value}`, state: "pending", run: () => c.tagUser({ UserName, Tags: [{ Key, Value }] }) };
}

// Bulk changes many users: first it says what it would do, then it does that.
export function Bulk({ users, onDismiss }: { users: string[]; onDismiss: () => void }) {
  const [work, setWork] = useState<Work>("keys");
  const [value, setValue] = useState("90");
  const [rows, setRows] = useState<Row[]>();
  const [done, setDone] = useState(false);
  const confirm = async () => {
    if (done) return onDismiss();
    if (!rows) {
      setRows(await Promise.all(users.map((u) => plan(work, u, value).catch((e: Failure): Row => ({ user: u, text: e.message ?? "", state: "error" })))));
      return;
    }
    const next = [...rows];
    for (const [i, row] of next.entries()) {
      if (!row.run) continue;
      try {
        await row.run();
        next[i] = { ...row, run: undefined, state: "success" };
      } catch (e) {
        next[i] = { ...row, run: undefined, state: "error", text: (e as Failure).message ?? "" };
      }
      setRows([...next]);
    }
    setDone(true);
  };
  const label = { keys: "At least so many days old", group: "Group name", tag: "Tag, as key=value" }[work];
  // The key starts the dialog anew after each step, so that its button is free again.
  return (
    <Ask key={done ? "done" : rows ? "run" : "plan"} size="large" title={`Change ${users.length} user${users.length === 1 ? "" : "s"}`} verb={done ? "Close" : rows ? "Run" : "Dry run"} disabled={!value} onDismiss={onDismiss} onConfirm={confirm}>
      {!rows ? (
        <SpaceBetween size="m">
          <FormField label="What to do">
            <RadioGroup
              value={work}
              onChange={(e) => {
                setWork(e.detail.value as Work);
                setValue(e.detail.value === "keys" ? "90" : "");
              }}
              items={[{ value: "keys", label: "Deactivate old access keys" }, { value: "group", label: "Add to a group" }, { value: "tag", label: "Tag" }]}
            />
          </FormField>
          <FormField label={label}><Input value={value} onChange={(e) => setValue(e.detail.value)} /></FormField>
        </SpaceBetween>
      ) : (
        <SpaceBetween size="m">
          {!done && <Alert type="info">Nothing is changed yet: this is what would be done.</Alert>}
          <Table<Row>
            variant="embedded" items={rows} trackBy="user" ariaLabels={{ tableLabel: "Outcome for each user" }}
            columnDefinitions={[
              { id: "user", header: "User", isRowHeader: true, cell: (r) => r.user },
              { id: "text", header: "Outcome", cell: (r) => <StatusIndicator type={r.state}>{r.text}</StatusIndicator> },
            ]}
          />
        </SpaceBetween>
      )}
    </Ask>
  );
}
