import { Alert, Button, FormField, Input, ProgressBar, RadioGroup, Select, SpaceBetween, StatusIndicator } from "@cloudscape-design/components";
import type { StatusIndicatorProps } from "@cloudscape-design/components";
import { useState } from "react";
import { doing } from "./doing";
import type { Doing } from "./doing";
import { iam } from "./session";
import { all, Ask, csv, daysSince, download, Listing, Problem, useLoad } from "./ui";
import type { Failure } from "./ui";

interface Row {
  user: string;
  text: string;
  state: StatusIndicatorProps.Type;
  calls: Doing[];
}

type Work = "keys" | "mfa" | "group" | "leave" | "tag";

const works: { value: Work; label: string; asks?: string }[] = [
  { value: "keys", label: "Deactivate old access keys", asks: "At least so many days old" },
  { value: "mfa", label: "Require MFA" },
  { value: "group", label: "Add to a group", asks: "Group" },
  { value: "leave", label: "Remove from a group", asks: "Group" },
  { value: "tag", label: "Tag", asks: "Tag, as key=value" },
];

// Who has this policy may only set up MFA and leave, until MFA is given.
const requireMFA = {
  PolicyName: "RequireMFA",
  PolicyDocument: JSON.stringify({
    Version: "2012-10-17",
    Statement: [{
      Sid: "DenyAllWithoutMFA", Effect: "Deny",
      NotAction: ["iam:ChangePassword", "iam:CreateVirtualMFADevice", "iam:EnableMFADevice", "iam:GetUser", "iam:ListMFADevices", "iam:ListVirtualMFADevices", "iam:ResyncMFADevice", "sts:GetSessionToken"],
      Resource: "*", Condition: { BoolIfExists: { "aws:MultiFactorAuthPresent": "false" } },
    }],
  }),
};

const nothing = (user: string, text: string): Row => ({ user, text, state: "info", calls: [] });
const change = (user: string, text: string, ...calls: Doing[]): Row => ({ user, text, state: "pending", calls });

// plan is what the work would do for one user.
async function plan(work: Work, UserName: string, value: string): Promise<Row> {
  const c = iam();
  switch (work) {
    case "keys": {
      const keys = (await c.listAccessKeys({ UserName })).AccessKeyMetadata ?? [];
      const old = keys.filter((k) => k.Status === "Active" && (daysSince(k.CreateDate) ?? 0) >= Number(value));
      if (old.length === 0) return nothing(UserName, "No active key that old");
      return change(UserName, `Deactivate ${old.map((k) => k.AccessKeyId).join(", ")}`, ...old.map((k) => doing("updateAccessKey", { UserName, AccessKeyId: k.AccessKeyId, Status: "Inactive" })));
    }
    case "mfa": {
      const names = await all(async (Marker?: string) => { const o = await c.listUserPolicies({ UserName, Marker }); return { items: o.PolicyNames, marker: o.Marker }; });
      if (names.includes(requireMFA.PolicyName)) return nothing(UserName, "Has the policy RequireMFA already");
      const devices = (await c.listMFADevices({ UserName })).MFADevices ?? [];
      return change(UserName, `Add the inline policy RequireMFA; has ${devices.length || "no"} MFA device${devices.length === 1 ? "" : "s"}`, doing("putUserPolicy", { UserName, ...requireMFA }));
    }
    case "tag": {
      const [Key, Value = ""] = value.split("=", 2);
      return change(UserName, `Tag ${Key} = ${Value}`, doing("tagUser", { UserName, Tags: [{ Key, Value }] }));
    }
    default: {
      const inside = ((await c.listGroupsForUser({ UserName })).Groups ?? []).some((g) => g.GroupName === value);
      if (work === "group") return inside ? nothing(UserName, `Is in ${value} already`) : change(UserName, `Add to ${value}`, doing("addUserToGroup", { UserName, GroupName: value }));
      return inside ? change(UserName, `Remove from ${value}`, doing("removeUserFromGroup", { UserName, GroupName: value })) : nothing(UserName, `Is not in ${value}`);
    }
  }
}

// eachOf works on all items, a few at a time, and keeps their order.
async function eachOf<T, R>(items: T[], work: (item: T) => Promise<R>, progress: (done: number) => void): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  let done = 0;
  const worker = async () => {
    while (next < items.length) {
      const i = next++;
      results[i] = await work(items[i]);
      progress(++done);
    }
  };
  await Promise.all(Array.from({ length: 4 }, worker));
  return results;
}

const failed = (row: Pick<Row, "user">, e: unknown): Row => ({ user: row.user, text: `${(e as Failure).name}: ${(e as Failure).message}`, state: "error", calls: [] });

// Bulk changes many users: first it says what it would do, then it does that.
export function Bulk({ users, onDismiss }: { users: string[]; onDismiss: () => void }) {
  const [work, setWork] = useState<Work>("keys");
  const [value, setValue] = useState("90");
  const [rows, setRows] = useState<Row[]>();
  const [done, setDone] = useState(false);
  const [progress, setProgress] = useState<number>();
  const asks = works.find((w) => w.value === work)?.asks;
  const changes = (rows ?? []).filter((r) => r.calls.length);
  const run = async (row: Row): Promise<Row> => {
    if (row.calls.length === 0) return row;
    try {
      for (const call of row.calls) await call.run();
      return { ...row, state: "success", calls: [] };
    } catch (e) {
      return failed(row, e);
    }
  };
  const confirm = async () => {
    if (done || (rows && changes.length === 0)) return onDismiss();
    setProgress(0);
    if (!rows) setRows(await eachOf(users, (user) => plan(work, user, value).catch((e: unknown) => failed({ user }, e)), setProgress));
    else {
      setRows(await eachOf(rows, run, setProgress));
      setDone(true);
    }
    setProgress(undefined);
  };
  const verb = done || (rows && changes.length === 0) ? "Close" : rows ? `Change ${changes.length} user${changes.length === 1 ? "" : "s"}` : "Dry run";
  // The key starts the dialog anew after each step, so that its button is free again.
  return (
    <Ask
      key={done ? "done" : rows ? "run" : "plan"} size="large" title={`Change ${users.length} user${users.length === 1 ? "" : "s"}`} verb={verb} disabled={asks !== undefined && !value}
      onDismiss={onDismiss} onConfirm={confirm} shown={done ? [] : changes.flatMap((r) => r.calls)}
    >
      {!rows ? (
        <SpaceBetween size="m">
          <FormField label="What to do">
            <RadioGroup
              value={work} items={works}
              onChange={(e) => {
                setWork(e.detail.value as Work);
                setValue(e.detail.value === "keys" ? "90" : "");
              }}
            />
          </FormField>
          {asks && <FormField label={asks}>{asks === "Group" ? <PickGroup value={value} onChange={setValue} /> : <Input value={value} onChange={(e) => setValue(e.detail.value)} />}</FormField>}
        </SpaceBetween>
      ) : (
        <SpaceBetween size="m">
          {done ? <Alert type={rows.some((r) => r.state === "error") ? "warning" : "success"}>{rows.filter((r) => r.state === "success").length} changed, {rows.filter((r) => r.state === "error").length} failed.</Alert> : <Alert type="info">Nothing is changed yet: this is what would be done.</Alert>}
          <Listing<Row>
            name="Outcome for each user" thing="user" variant="container" items={rows} id={(r) => r.user}
            kinds={{ label: "All outcomes", options: ["Change", "Nothing to do", "Error"], of: (r) => ({ error: "Error", info: "Nothing to do" } as Record<string, string>)[r.state] ?? "Change" }}
            actions={done && <Button iconName="download" onClick={() => download("report.csv", csv([["User", "Outcome", "State"], ...rows.map((r) => [r.user, r.text, r.state])]))}>Download report</Button>}
            columns={[
              { id: "user", header: "User", sortingField: "user", isRowHeader: true, cell: (r) => r.user },
              { id: "text", header: "Outcome", sortingField: "text", minWidth: 300, cell: (r) => <StatusIndicator type={r.state} wrapText>{r.text}</StatusIndicator> },
            ]}
          />
        </SpaceBetween>
      )}
      {progress !== undefined && <ProgressBar value={(100 * progress) / users.length} label="Progress" additionalInfo={`${progress} of ${users.length} users`} />}
    </Ask>
  );
}

function PickGroup({ value, onChange }: { value: string; onChange: (name: string) => void }) {
  const { data, error, loading } = useLoad(() => all(async (Marker?: string) => { const o = await iam().listGroups({ Marker, MaxItems: 1000 }); return { items: o.Groups, marker: o.Marker }; }), []);
  return (
    <>
      <Select
        filteringType="auto" placeholder="Choose a group" empty="No groups" statusType={loading ? "loading" : "finished"} selectedOption={value ? { value, label: value } : null}
        options={(data ?? []).map((g) => ({ value: g.GroupName, label: g.GroupName }))} onChange={(e) => onChange(e.detail.selectedOption.value ?? "")}
      />
      <Problem error={error} />
    </>
  );
}
