import { BarChart, Box, Button, Container, DatePicker, ExpandableSection, FormField, Header, Input, KeyValuePairs, Link, SegmentedControl, Select, SpaceBetween, StatusIndicator, Textarea } from "@cloudscape-design/components";
import type { EvaluationResult } from "@aws-sdk/client-iam";
import type { Event, LookupAttributeKey } from "@aws-sdk/client-cloudtrail";
import { useEffect, useState } from "react";
import { emptyPolicy, PolicyEditor, pretty } from "../editor";
import { at, useRoute } from "../router";
import { iam, sts, trail } from "../session";
import { ago, csv, daysSince, download, Listing, Problem, useLoad, when } from "../ui";
import type { Failure } from "../ui";

interface ReportRow extends Record<string, string> {
  user: string;
}

async function report(): Promise<{ text: string; rows: ReportRow[]; at?: Date }> {
  for (let i = 0; i < 30; i++) {
    if ((await iam().generateCredentialReport({})).State === "COMPLETE") break;
    await new Promise((r) => setTimeout(r, 500));
  }
  const out = await iam().getCredentialReport({});
  const text = new TextDecoder().decode(out.Content);
  const [head, ...lines] = text.trim().split(/\r?\n/).map((l) => l.split(","));
  return { text, at: out.GeneratedTime, rows: lines.map((l) => Object.fromEntries(head.map((h, i) => [h, l[i] ?? ""])) as ReportRow) };
}

export function CredentialReport() {
  const [state, setState] = useState<{ busy?: boolean; error?: Failure; at?: Date }>({});
  const run = () => {
    setState({ busy: true });
    report().then((r) => {
      download(`status_reports_${new Date().toISOString().slice(0, 19)}.csv`, r.text);
      setState({ at: r.at });
    }, (error: Failure) => setState({ error }));
  };
  return (
    <SpaceBetween size="l">
      <Header variant="h1" description="All IAM users of the account and the status of their passwords, access keys and MFA devices. A new one is made at most every 4 hours.">Credential report</Header>
      <Problem error={state.error} what="There is no report" />
      <Container><SpaceBetween size="m"><Button variant="primary" iconName="download" loading={state.busy} onClick={run}>Download credential report</Button>{state.at && <Box>Report of {when(state.at)}</Box>}<Link href="#/health">See it live, as credential health</Link></SpaceBetween></Container>
    </SpaceBetween>
  );
}

interface KeyRow { user: string; key: string; status: string; age?: number; used?: Date; idle?: number; service: string }

// Health shows all keys with what is wrong about them.
export function Health() {
  const { data, error, loading, reload } = useLoad(async (): Promise<KeyRow[]> => {
    const users = (await iam().listUsers({ MaxItems: 1000 })).Users ?? [];
    const rows: KeyRow[] = [];
    const queue = [...users];
    const worker = async () => {
      for (let u = queue.shift(); u; u = queue.shift()) {
        for (const k of (await iam().listAccessKeys({ UserName: u.UserName })).AccessKeyMetadata ?? []) {
          const used = (await iam().getAccessKeyLastUsed({ AccessKeyId: k.AccessKeyId })).AccessKeyLastUsed;
          rows.push({ user: u.UserName!, key: k.AccessKeyId!, status: k.Status!, age: daysSince(k.CreateDate), used: used?.LastUsedDate, idle: daysSince(used?.LastUsedDate), service: used?.ServiceName ?? "-" });
        }
      }
    };
    await Promise.all(Array.from({ length: 4 }, worker));
    return rows;
  }, []);
  const rows = data ?? [];
  const active = rows.filter((r) => r.status === "Active");
  const band = (of: (r: KeyRow) => number | undefined, low: number, high: number) => active.filter((r) => { const n = of(r); return n !== undefined && n >= low && n < high; }).length;
  const bands: [string, number, number][] = [["under 30", 0, 30], ["30-89", 30, 90], ["90-364", 90, 365], ["365+", 365, Infinity]];
  return (
    <SpaceBetween size="l">
      <Header variant="h1" description="Active keys by age and by the time since their last use, live.">Credential health</Header>
      <Container>
        <BarChart
          series={[{ title: "Age", type: "bar", data: bands.map(([x, l, h]) => ({ x, y: band((r) => r.age, l, h) })) }, { title: "Since last use", type: "bar", data: bands.map(([x, l, h]) => ({ x, y: band((r) => r.idle, l, h) })) }]}
          xTitle="Days" yTitle="Active keys" height={180} hideFilter ariaLabel="Active keys by age and use" empty="No active keys" xScaleType="categorical" statusType={loading && !data ? "loading" : "finished"} loadingText="Loading"
        />
      </Container>
      <Listing<KeyRow>
        name="Access keys" thing="key" items={rows} loading={loading} error={error} reload={reload} id={(r) => r.key} variant="container"
        actions={<Button iconName="download" onClick={() => download("keys.csv", csv([["User", "Key", "Status", "Age", "Unused days"], ...rows.map((r) => [r.user, r.key, r.status, String(r.age), String(r.idle ?? "")])]))}>Download .csv file</Button>}
        columns={[
          { id: "user", header: "User name", sortingField: "user", isRowHeader: true, cell: (r) => <Link href={at("users", "details", r.user) + "?section=security_credentials"}>{r.user}</Link> },
          { id: "key", header: "Access key ID", sortingField: "key", cell: (r) => r.key },
          { id: "status", header: "Status", sortingField: "status", cell: (r) => <StatusIndicator type={r.status === "Active" ? "success" : "stopped"}>{r.status}</StatusIndicator> },
          { id: "age", header: "Age in days", sortingField: "age", cell: (r) => r.age },
          { id: "used", header: "Last used", sortingField: "idle", cell: (r) => (r.used ? ago(r.used) : "Never") },
          { id: "service", header: "Service", sortingField: "service", cell: (r) => r.service },
          { id: "advice", header: "Advice", cell: (r) => (r.status !== "Active" ? "Delete it" : r.used === undefined && (r.age ?? 0) > 30 ? "Never used: deactivate it" : (r.idle ?? 0) > 90 ? "Unused: deactivate it" : (r.age ?? 0) > 90 ? <Link href={at("users", "details", r.user, "rotate")}>Rotate it</Link> : "Fine") },
        ]}
      />
    </SpaceBetween>
  );
}

const decisions = { allowed: ["success", "Allowed"], explicitDeny: ["error", "Explicitly denied"], implicitDeny: ["stopped", "Implicitly denied"] } as const;

export function Simulator() {
  const route = useRoute();
  const [mode, setMode] = useState("principal");
  const [arn, setARN] = useState(route.query.get("principal") ?? "");
  const [text, setText] = useState(emptyPolicy);
  const [actions, setActions] = useState(route.query.get("action") ?? "");
  const [resources, setResources] = useState(route.query.get("resource") ?? "*");
  const [context, setContext] = useState("");
  const [results, setResults] = useState<EvaluationResult[]>();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Failure>();
  const principals = useLoad(async () => {
    const [users, groups, roles] = await Promise.all([iam().listUsers({ MaxItems: 1000 }), iam().listGroups({ MaxItems: 1000 }), iam().listRoles({ MaxItems: 1000 })]);
    const option = (name?: string, a?: string) => ({ label: name, value: a });
    return [
      { label: "Users", options: (users.Users ?? []).map((u) => option(u.UserName, u.Arn)) },
      { label: "User groups", options: (groups.Groups ?? []).map((g) => option(g.GroupName, g.Arn)) },
      { label: "Roles", options: (roles.Roles ?? []).map((r) => option(r.RoleName, r.Arn)) },
    ].filter((g) => g.options.length);
  }, []);
  const lines = (t: string) => t.split(/[\s,]+/).filter(Boolean);
  const run = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const input = {
        ActionNames: lines(actions), ResourceArns: lines(resources).length ? lines(resources) : undefined,
        ContextEntries: context.split("\n").filter((l) => l.includes("=")).map((l) => ({ ContextKeyName: l.split("=")[0].trim(), ContextKeyType: "string" as const, ContextKeyValues: [l.slice(l.indexOf("=") + 1).trim()] })),
      };
      const out = mode === "principal" ? await iam().simulatePrincipalPolicy({ ...input, PolicySourceArn: arn }) : await iam().simulateCustomPolicy({ ...input, PolicyInputList: [text] });
      setResults(out.EvaluationResults ?? []);
    } catch (e) {
      setError(e as Failure);
    } finally {
      setBusy(false);
    }
  };
  return (
    <SpaceBetween size="l">
      <Header variant="h1" description="See what policies permit, without making the calls.">Policy simulator</Header>
      <Container>
        <SpaceBetween size="m">
          <SegmentedControl label="Mode" selectedId={mode} onChange={(e) => setMode(e.detail.selectedId)} options={[{ id: "principal", text: "Principal mode" }, { id: "custom", text: "Custom mode" }]} />
          {mode === "principal" ? (
            <FormField label="User, group or role">
              <Select filteringType="auto" placeholder="Choose" selectedOption={arn ? { value: arn, label: arn } : null} options={principals.data ?? []} statusType={principals.loading ? "loading" : "finished"} onChange={(e) => setARN(e.detail.selectedOption.value ?? "")} />
            </FormField>
          ) : (
            <PolicyEditor value={text} onChange={setText} label="Policy" />
          )}
          <FormField label="Actions" description="One a line, such as s3:GetObject"><Textarea value={actions} onChange={(e) => setActions(e.detail.value)} /></FormField>
          <FormField label="Resource ARNs" description="One a line"><Textarea rows={2} value={resources} onChange={(e) => setResources(e.detail.value)} /></FormField>
          <ExpandableSection headerText="Context keys"><FormField label="Context" description="One a line, as aws:SourceIp=192.0.2.1"><Textarea value={context} onChange={(e) => setContext(e.detail.value)} /></FormField></ExpandableSection>
          <Button variant="primary" loading={busy} disabled={!lines(actions).length || (mode === "principal" && !arn)} onClick={() => void run()}>Run simulation</Button>
        </SpaceBetween>
      </Container>
      <Problem error={error} what="The simulation did not run" />
      {results && (
        <Listing<EvaluationResult>
          name="Results" thing="result" items={results} variant="container" id={(r) => `${r.EvalActionName} ${r.EvalResourceName}`}
          columns={[
            { id: "action", header: "Action", sortingField: "EvalActionName", isRowHeader: true, cell: (r) => r.EvalActionName },
            { id: "resource", header: "Resource", sortingField: "EvalResourceName", cell: (r) => r.EvalResourceName },
            { id: "decision", header: "Decision", sortingField: "EvalDecision", cell: (r) => { const [type, label] = decisions[r.EvalDecision as keyof typeof decisions] ?? ["info", r.EvalDecision]; return <StatusIndicator type={type}>{label}</StatusIndicator>; } },
            { id: "by", header: "Matching statement", cell: (r) => (r.MatchedStatements ?? []).map((m) => `${m.SourcePolicyId} ${m.StartPosition ? `line ${m.StartPosition.Line}` : ""}`).join("; ") || "None" },
            { id: "missing", header: "Missing context", cell: (r) => (r.MissingContextValues ?? []).join(", ") || "-" },
          ]}
        />
      )}
    </SpaceBetween>
  );
}

const attributes: LookupAttributeKey[] = ["ReadOnly", "EventName", "Username", "AccessKeyId", "EventId", "EventSource", "ResourceName", "ResourceType"];

export function Events() {
  const route = useRoute();
  const key = route.query.get("key");
  const [attribute, setAttribute] = useState<LookupAttributeKey>(key ? "AccessKeyId" : "ReadOnly");
  const [value, setValue] = useState(key ?? "false");
  const [asked, setAsked] = useState({ attribute, value });
  const [from, setFrom] = useState("");
  const [events, setEvents] = useState<Event[]>([]);
  const [token, setToken] = useState<string>();
  const load = async (NextToken?: string) => trail().lookupEvents({
    LookupAttributes: asked.value ? [{ AttributeKey: asked.attribute, AttributeValue: asked.value }] : undefined, StartTime: from ? new Date(from) : undefined, MaxResults: 50, NextToken,
  });
  const { error, loading, reload } = useLoad(async () => {
    const out = await load();
    setEvents(out.Events ?? []);
    setToken(out.NextToken);
  }, [asked, from]);
  const [selected, setSelected] = useState<Event[]>([]);
  const more = async () => {
    const out = await load(token);
    setEvents((e) => [...e, ...(out.Events ?? [])]);
    setToken(out.NextToken);
  };
  return (
    <SpaceBetween size="l">
      <Listing<Event>
        name="Event history" thing="event" items={events} loading={loading} error={error} reload={reload} hasMore={token !== undefined} more={more} id={(e) => e.EventId ?? ""} select="single" selected={selected} onSelect={setSelected}
        description="The calls of the last 90 days."
        actions={
          <>
            <Select selectedOption={{ value: asked.attribute === attribute ? attribute : attribute, label: attribute }} options={attributes.map((a) => ({ value: a, label: a }))} onChange={(e) => setAttribute(e.detail.selectedOption.value as LookupAttributeKey)} ariaLabel="Lookup attribute" />
            <Input ariaLabel="Value" value={value} onChange={(e) => setValue(e.detail.value)} onKeyDown={(e) => e.detail.key === "Enter" && setAsked({ attribute, value })} />
            <DatePicker value={from} onChange={(e) => setFrom(e.detail.value)} placeholder="From" ariaLabel="From" openCalendarAriaLabel={() => "Choose a date"} />
            <Button onClick={() => setAsked({ attribute, value })}>Look up</Button>
            <Button iconName="download" ariaLabel="Download JSON" onClick={() => download("event_history.json", JSON.stringify({ Records: events.map((e) => JSON.parse(e.CloudTrailEvent ?? "{}")) }, null, 2), "application/json")} />
          </>
        }
        columns={[
          { id: "name", header: "Event name", sortingField: "EventName", isRowHeader: true, cell: (e) => e.EventName },
          { id: "time", header: "Event time", sortingField: "EventTime", cell: (e) => when(e.EventTime) },
          { id: "user", header: "User name", sortingField: "Username", cell: (e) => e.Username ?? "-" },
          { id: "source", header: "Event source", sortingField: "EventSource", cell: (e) => e.EventSource },
          { id: "type", header: "Resource type", cell: (e) => e.Resources?.[0]?.ResourceType ?? "-" },
          { id: "resource", header: "Resource name", cell: (e) => e.Resources?.[0]?.ResourceName ?? "-" },
        ]}
      />
      {selected[0] && <Container header={<Header variant="h2" actions={<Link href={`#/why?request=${selected[0].EventId}`}>Why was it decided so?</Link>}>{selected[0].EventName}</Header>}><PolicyEditor readOnly value={pretty(selected[0].CloudTrailEvent ?? "")} label="Event record" /></Container>}
    </SpaceBetween>
  );
}

// FindKey says whose an access key is, by one call.
export function FindKey() {
  const route = useRoute();
  const [id, setID] = useState(route.query.get("key") ?? "");
  const [found, setFound] = useState<{ user?: string; last?: Date; service?: string; account?: string }>();
  const [error, setError] = useState<Failure>();
  const find = async (AccessKeyId: string) => {
    setError(undefined);
    setFound(undefined);
    try {
      const [used, owner] = await Promise.all([iam().getAccessKeyLastUsed({ AccessKeyId }), sts().getAccessKeyInfo({ AccessKeyId }).catch(() => undefined)]);
      setFound({ user: used.UserName, last: used.AccessKeyLastUsed?.LastUsedDate, service: used.AccessKeyLastUsed?.ServiceName, account: owner?.Account });
    } catch (e) {
      setError(e as Failure);
    }
  };
  useEffect(() => {
    const key = route.query.get("key");
    if (key) void find(key);
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);
  return (
    <SpaceBetween size="l">
      <Header variant="h1" description="Paste the id of an access key to see whose it is.">Find an access key</Header>
      <Container><SpaceBetween size="m"><FormField label="Access key ID"><Input value={id} onChange={(e) => setID(e.detail.value.trim())} onKeyDown={(e) => e.detail.key === "Enter" && void find(id)} placeholder="AKIA…" /></FormField><Button variant="primary" disabled={!id} onClick={() => void find(id)}>Find</Button></SpaceBetween></Container>
      <Problem error={error} what="The key was not found" />
      {found && <Container header={<Header variant="h2">{id}</Header>}><KeyValuePairs columns={3} items={[
        { label: "Owner", value: found.user ? <Link href={at("users", "details", found.user) + "?section=security_credentials"}>{found.user}</Link> : "Root user or unknown" },
        { label: "Account", value: found.account ?? "-" }, { label: "Last used", value: found.last ? `${ago(found.last)}, ${found.service}` : "Never" },
      ]} /><Link href={`#/events?key=${id}`}>Its calls</Link></Container>}
    </SpaceBetween>
  );
}
