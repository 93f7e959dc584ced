import { Alert, BarChart, Box, Button, ColumnLayout, Container, FormField, Header, Link, PieChart, Select, SpaceBetween, StatusIndicator } from "@cloudscape-design/components";
import { useState } from "react";
import { Code, doing } from "../doing";
import { flashed } from "../flash";
import { Impact } from "../impact";
import { at, go } from "../router";
import { iam } from "../session";
import { deactivated } from "../undo";
import { ago, Ask, csv, daysSince, download, Listing, Problem, Typed, useLoad, when } from "../ui";
import type { Failure } from "../ui";

type ReportRow = Record<string, string>;

// fields are those of a line of CSV.
const fields = (line: string) => [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)].slice(0, -1).map((m) => m[1].replace(/^"|"$/g, "").replaceAll('""', '"'));

// save downloads a report.
const save = (text: string) => download(`status_reports_${new Date().toISOString().slice(0, 19).replaceAll(":", "-")}.csv`, text);

async function report(): Promise<{ text: string; rows: ReportRow[]; at?: Date }> {
  while ((await iam().generateCredentialReport({})).State !== "COMPLETE") await new Promise((r) => setTimeout(r, 500));
  const out = await iam().getCredentialReport({});
  const text = new TextDecoder().decode(out.Content);
  const [head, ...lines] = text.trim().split(/\r?\n/).map((l) => fields(l + ","));
  return { text, at: out.GeneratedTime, rows: lines.map((l) => Object.fromEntries(head.map((h, i) => [h, l[i] ?? ""]))) };
}

export function CredentialReport() {
  const [state, setState] = useState<{ busy?: boolean; error?: Failure; at?: Date; users?: number }>({});
  const run = () => {
    setState({ busy: true });
    report().then(
      (r) => {
        save(r.text);
        setState({ at: r.at, users: r.rows.length - 1 });
      },
      (error: Failure) => setState({ error }),
    );
  };
  return (
    <SpaceBetween size="l">
      <Header variant="h1" description="The credentials report lists all your IAM users in this account and the status of their various credentials. After a report is created, it is stored for up to four hours.">
        Credential report of IAM users in this account
      </Header>
      <Problem error={state.error} what="There is no report" />
      <Container>
        <SpaceBetween size="m">
          <Button variant="primary" iconName="download" loading={state.busy} onClick={run}>Download credentials report</Button>
          {state.at && <StatusIndicator>Report of {when(state.at)}, {state.users} user{state.users === 1 ? "" : "s"} and root</StatusIndicator>}
          <Link href="#/health">See it live, as credential health</Link>
        </SpaceBetween>
      </Container>
      <Schedule />
    </SpaceBetween>
  );
}

// fetching is a command for a shell that stores the report, or fails: making one
// takes a moment, in which the API says that it is being made.
const fetching = "for i in 1 2 3 4 5 6 7 8 9 10; do aws iam generate-credential-report --query State --output text | grep -q COMPLETE && break; sleep 2; done; " +
  "report=$(aws iam get-credential-report --query Content --output text) && echo \"$report\" | base64 -d > \"credential-report-$(date +%F).csv\"";

const times = [
  { value: "0 6 * * *", label: "Every day" },
  { value: "0 6 * * 1", label: "Every Monday" },
  { value: "0 6 1 * *", label: "Every first of a month" },
];

// Schedule has what downloads the report regularly: the console runs in the browser
// and can't.
function Schedule() {
  const [time, setTime] = useState(times[1]);
  // In a crontab % ends the command.
  const line = `${time.value} export AWS_ENDPOINT_URL=${location.origin}; ${fetching.replaceAll("%", "\\%")}`;
  return (
    <Container header={<Header variant="h2" description="Nothing here runs while no browser is open: a scheduler of your own does, with the AWS CLI. Its keys need iam:GenerateCredentialReport and iam:GetCredentialReport.">Scheduled download</Header>}>
      <SpaceBetween size="m">
        <FormField label="How often"><Select selectedOption={time} options={times} onChange={(e) => setTime(times.find((t) => t.value === e.detail.selectedOption.value)!)} /></FormField>
        <div><Box variant="awsui-key-label">Line for crontab, at six o'clock</Box><Code text={line} /></div>
        <div><Box variant="awsui-key-label">Command for any other scheduler</Box><Code text={`export AWS_ENDPOINT_URL=${location.origin}; ${fetching}`} /></div>
      </SpaceBetween>
    </Container>
  );
}

interface KeyRow {
  user: string;
  key: string; // empty where only the report is known
  status: string;
  age?: number;
  used?: Date;
  idle?: number;
  service: string;
  advice: string;
}

const adviceTo = (r: Omit<KeyRow, "advice">): string => {
  if (r.status !== "Active") return "Delete";
  if (!r.used && (r.age ?? 0) > 30) return "Never used: deactivate";
  if ((r.idle ?? 0) > 90) return "Unused: deactivate";
  return (r.age ?? 0) > 90 ? "Old: rotate" : "Fine";
};

const rowOf = (user: string, key: string, status: string, created?: Date | string, used?: Date, service = "-"): KeyRow => {
  const row = { user, key, status, age: daysSince(created), used, idle: daysSince(used), service };
  return { ...row, advice: adviceTo(row) };
};

// reported are the keys as the report has them: without their ids.
function reported(rows: ReportRow[]): KeyRow[] {
  const date = (text = "") => (/^\d{4}-/.test(text) ? new Date(text) : undefined);
  return rows.slice(1).flatMap((r) =>
    [1, 2].filter((n) => date(r[`access_key_${n}_last_rotated`])).map((n) => {
      const of = (name: string) => r[`access_key_${n}_${name}`];
      return rowOf(r.user, "", of("active") === "true" ? "Active" : "Inactive", of("last_rotated"), date(of("last_used_date")), of("last_used_service"));
    }),
  );
}

const few = 200; // users whose keys are asked for one by one

// live are the keys as they are now, where the users are few.
async function live(): Promise<KeyRow[] | undefined> {
  const out = await iam().listUsers({ MaxItems: few });
  if (out.IsTruncated) return undefined;
  const rows: KeyRow[] = [];
  const queue = [...(out.Users ?? [])];
  const worker = async () => {
    for (let u = queue.shift(); u; u = queue.shift()) {
      for (const k of (await iam().listAccessKeys({ UserName: u.UserName })).AccessKeyMetadata ?? []) {
        const used = (await iam().getAccessKeyLastUsed({ AccessKeyId: k.AccessKeyId })).AccessKeyLastUsed;
        rows.push(rowOf(u.UserName!, k.AccessKeyId!, k.Status!, k.CreateDate, used?.LastUsedDate, used?.ServiceName));
      }
    }
  };
  await Promise.all(Array.from({ length: 4 }, worker));
  return rows.sort((a, b) => a.user.localeCompare(b.user));
}

const bands: [string, number, number][] = [["under 30", 0, 30], ["30-89", 30, 90], ["90-364", 90, 365], ["365+", 365, Infinity]];

function Charts({ rows, users, loading }: { rows: KeyRow[]; users: ReportRow[]; loading: boolean }) {
  const active = rows.filter((r) => r.status === "Active");
  const band = (of: (r: KeyRow) => number | undefined, low: number, high: number) => active.filter((r) => { const n = of(r); return n !== undefined && n >= low && n < high; }).length;
  const signing = users.slice(1).filter((r) => r.password_enabled === "true");
  const safe = signing.filter((r) => r.mfa_active === "true").length;
  return (
    <ColumnLayout columns={2}>
      <Container header={<Header variant="h2" description="Age, and time since the last use">Active keys by age</Header>}>
        <BarChart
          series={[{ title: "Age", type: "bar", data: bands.map(([x, l, h]) => ({ x, y: band((r) => r.age, l, h) })) }, { title: "Since last use", type: "bar", data: bands.map(([x, l, h]) => ({ x, y: band((r) => r.idle, l, h) })) }]}
          xTitle="Days" yTitle="Active keys" height={180} hideFilter ariaLabel="Active keys by age and use" empty="No active keys" xScaleType="categorical" statusType={loading ? "loading" : "finished"} loadingText="Loading"
        />
      </Container>
      <Container header={<Header variant="h2" description="Users who can sign in to the console">Passwords and MFA</Header>}>
        <PieChart
          data={[{ title: "With MFA", value: safe }, { title: "Without MFA", value: signing.length - safe }]} size="small" hideFilter ariaLabel="Users with a password, by MFA" empty="Nobody has a password"
          statusType={loading ? "loading" : "finished"} loadingText="Loading" innerMetricValue={String(signing.length)} innerMetricDescription="users" variant="donut"
        />
      </Container>
    </ColumnLayout>
  );
}

// Health shows all keys with what is wrong about them, and mends it.
export function Health() {
  const { data, error, loading, reload } = useLoad(async () => {
    const [now, all] = await Promise.all([live(), report()]);
    return { rows: now ?? reported(all.rows), users: all.rows, text: all.text, live: now !== undefined, at: all.at };
  }, []);
  const rows = data?.rows ?? [];
  const [asked, setAsked] = useState<KeyRow>();
  const close = () => setAsked(undefined);
  const done = async (text: string) => {
    close();
    flashed(text);
    reload();
  };
  const off = async ({ user, key }: KeyRow) => {
    close();
    deactivated(`${key} deactivated.`, [{ UserName: user, AccessKeyId: key }], reload);
    reload();
  };
  const page = (r: KeyRow) => at("users", "details", r.user) + "?section=security_credentials";
  const mend = (r: KeyRow) => {
    if (r.advice === "Fine") return "Fine";
    if (!r.key) return <Link href={page(r)}>{r.advice}</Link>;
    const press = r.advice.endsWith("rotate") ? () => go(at("users", "details", r.user, "rotate").slice(1)) : () => setAsked(r);
    return <Button variant="inline-link" ariaLabel={`${r.advice} ${r.key}`} onClick={press}>{r.advice}</Button>;
  };
  return (
    <SpaceBetween size="l">
      <Header variant="h1" description="All access keys with their age and last use, and what to do about them.">Credential health</Header>
      <Problem error={error} what="The credentials can't be shown" />
      {data && !data.live && <Alert type="info">The account has more than {few} users: this is its credential report of {when(data.at)}, which is made anew every four hours.</Alert>}
      <Charts rows={rows} users={data?.users ?? []} loading={loading && !data} />
      <Listing<KeyRow>
        name="Access keys" thing="key" items={rows} loading={loading} reload={reload} id={(r) => r.user + " " + r.key} variant="container"
        kinds={{ label: "All advice", options: [...new Set(rows.map((r) => r.advice))], of: (r) => r.advice }}
        actions={<><Button iconName="download" disabled={!data} onClick={() => save(data!.text)}>Download credentials report</Button><Button iconName="download" onClick={() => download("keys.csv", csv([["User", "Key", "Status", "Age", "Unused days", "Advice"], ...rows.map((r) => [r.user, r.key, r.status, String(r.age), String(r.idle ?? ""), r.advice])]))}>Download .csv file</Button></>}
        columns={[
          { id: "user", header: "User name", sortingField: "user", isRowHeader: true, cell: (r) => <Link href={page(r)}>{r.user}</Link> },
          { id: "key", header: "Access key ID", sortingField: "key", width: 240, cell: (r) => r.key || "-" },
          { id: "status", header: "Status", sortingField: "status", cell: (r) => <StatusIndicator type={r.status === "Active" ? "success" : "stopped"}>{r.status}</StatusIndicator> },
          { id: "age", header: "Age in days", sortingField: "age", cell: (r) => r.age },
          { id: "used", header: "Last used", sortingField: "idle", cell: (r) => (r.used ? ago(r.used) : "Never") },
          { id: "service", header: "Service", sortingField: "service", cell: (r) => r.service },
          { id: "advice", header: "Advice", sortingField: "advice", minWidth: 180, cell: mend },
        ]}
      />
      {asked?.status === "Active" && (
        <Ask title={`Deactivate ${asked.key}?`} verb="Deactivate" onDismiss={close} calls={[doing("updateAccessKey", { UserName: asked.user, AccessKeyId: asked.key, Status: "Inactive" })]} onConfirm={() => off(asked)}>
          <Impact of={{ key: asked.key }} />
          You can activate it again here and on the page of {asked.user}.
        </Ask>
      )}
      {asked?.status === "Inactive" && (
        <Typed title={`Delete ${asked.key}?`} name={asked.key} onDismiss={close} calls={[doing("deleteAccessKey", { UserName: asked.user, AccessKeyId: asked.key })]} onConfirm={() => done(`${asked.key} deleted.`)}>
          <Impact of={{ key: asked.key }} />
          <Alert type="warning">A deleted key can't be recovered.</Alert>
        </Typed>
      )}
      <Schedule />
    </SpaceBetween>
  );
}
