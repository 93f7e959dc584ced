import type { ContextEntry } from "@aws-sdk/client-iam";
import type { Event } from "@aws-sdk/client-cloudtrail";
import { Alert, Box, Button, Header, ProgressBar, Select, SpaceBetween, StatusIndicator, Table } from "@cloudscape-design/components";
import { useEffect, useRef, useState } from "react";
import { daysAgo, lookUp, recordOf, sessionKeys } from "../events";
import { iam } from "../session";
import { ago, Problem } from "../ui";
import type { Failure } from "../ui";
import { is, policiesOf, principalsOf } from "./principals";
import type { Documents, Held, Subject } from "./principals";

// The bounds of a replay. They are shown with its result.
const mostEvents = 200; // of a principal
const mostPrincipals = 25;
const mostCases = 400;
const mostSessions = 10; // of a role
const atOnce = 4; // calls

// Case is a request that was made, perhaps often: each is decided once.
interface Case {
  principal: string;
  held: Held[];
  action: string;
  resource: string;
  context: ContextEntry[];
  count: number;
  last: Date;
  eventId: string;
}

interface Result {
  calls: number;
  cases: number;
  principals: number;
  changed: (Case & { outcome: "lost" | "gained" })[];
  cut: boolean; // a bound was reached
}

// contextOf are the condition keys that an event tells of.
export function contextOf(e: Event): ContextEntry[] {
  const r = recordOf(e);
  const entry = (ContextKeyName: string, ContextKeyType: ContextEntry["ContextKeyType"], value?: string): ContextEntry[] => (value ? [{ ContextKeyName, ContextKeyType, ContextKeyValues: [value] }] : []);
  const id = r.userIdentity;
  const issuer = id?.sessionContext?.sessionIssuer;
  return [
    ...entry("aws:SourceIp", "ip", /^[\d.:a-f]+$/.test(r.sourceIPAddress ?? "") ? r.sourceIPAddress : undefined),
    ...entry("aws:CurrentTime", "date", r.eventTime),
    ...entry("aws:RequestedRegion", "string", r.awsRegion),
    ...entry("aws:UserAgent", "string", r.userAgent),
    ...entry("aws:PrincipalAccount", "string", id?.accountId),
    ...entry("aws:PrincipalArn", "string", issuer?.arn ?? id?.arn),
    ...entry("aws:userid", "string", id?.principalId),
    ...entry("aws:username", "string", id?.type === "IAMUser" ? id.userName : undefined),
    ...entry("aws:MultiFactorAuthPresent", "boolean", id?.sessionContext?.attributes?.mfaAuthenticated),
  ];
}

type Tell = (done: number, of: number, what: string) => void;

// gather finds the distinct requests of those that the policy says something to.
async function gather(subject: Subject, days: number, tell: Tell, cancelled: () => boolean): Promise<{ cases: Case[]; principals: number; cut: boolean }> {
  const { users, roles } = await principalsOf(subject);
  const who = [...users.map((name) => ({ kind: "user" as const, name })), ...roles.map((name) => ({ kind: "role" as const, name }))];
  let cut = who.length > mostPrincipals;
  const known: Documents = new Map();
  const cases = new Map<string, Case>();
  for (const [i, p] of who.slice(0, mostPrincipals).entries()) {
    tell(i, who.length, `Reading what ${p.name} did`);
    if (cancelled()) break;
    const held = await policiesOf(p.kind, p.name, known);
    let events: Event[] = [];
    if (p.kind === "user") {
      const look = await lookUp("Username", p.name, daysAgo(days), mostEvents, cancelled);
      events = look.events.filter((e) => recordOf(e).userIdentity?.type === "IAMUser");
      cut ||= look.more;
    } else {
      const role = (await iam().getRole({ RoleName: p.name })).Role;
      const { keys, more } = await sessionKeys(role?.Arn ?? "", daysAgo(days), mostEvents);
      cut ||= more || keys.length > mostSessions;
      for (const key of keys.slice(0, mostSessions)) events.push(...(await lookUp("AccessKeyId", key, daysAgo(days), mostEvents, cancelled)).events);
    }
    for (const e of events) {
      const r = recordOf(e);
      for (const resource of r.sallyport?.action ? (r.sallyport.targets ?? []) : []) {
        const id = JSON.stringify([p, r.sallyport?.action, resource, r.sourceIPAddress, r.userIdentity?.sessionContext?.attributes?.mfaAuthenticated]);
        const c = cases.get(id);
        if (c) c.count++;
        else if (cases.size < mostCases) cases.set(id, { principal: p.name, held, action: r.sallyport!.action!, resource, context: contextOf(e), count: 1, last: e.EventTime!, eventId: e.EventId ?? "" });
        else cut = true;
      }
    }
  }
  return { cases: [...cases.values()], principals: Math.min(who.length, mostPrincipals), cut };
}

// decide asks the simulator about one resource and some actions, with that text of
// the policy.
async function decide(c: Case, actions: string[], subject: Subject, text: string): Promise<Map<string, boolean>> {
  const texts = (boundary: boolean) => c.held.filter((h) => (h.boundary ?? false) === boundary).map((h) => (is(h, subject) ? text : h.text));
  if (texts(false).length === 0) return new Map(); // a boundary alone allows nothing
  const out = await iam().simulateCustomPolicy({
    PolicyInputList: texts(false), ActionNames: actions, ResourceArns: [c.resource], ContextEntries: c.context, MaxItems: 1000,
    PermissionsBoundaryPolicyInputList: texts(true).length ? texts(true) : undefined,
  });
  return new Map((out.EvaluationResults ?? []).map((r) => [r.EvalActionName!.toLowerCase(), r.EvalDecision === "allowed"]));
}

// replay decides past requests with the policy as it is and as it would be.
async function replay(subject: Subject, before: string, after: string, days: number, tell: Tell, cancelled: () => boolean): Promise<Result> {
  const { cases, principals, cut } = await gather(subject, days, tell, cancelled);
  const batches = new Map<string, Case[]>();
  for (const c of cases) {
    const id = JSON.stringify([c.principal, c.resource, c.context.filter((k) => k.ContextKeyName !== "aws:CurrentTime")]);
    batches.set(id, [...(batches.get(id) ?? []), c]);
  }
  const queue = [...batches.values()];
  const changed: Result["changed"] = [];
  let done = 0;
  const worker = async () => {
    for (let batch = queue.shift(); batch && !cancelled(); batch = queue.shift()) {
      const first = batch[0];
      const actions = [...new Set(batch.map((c) => c.action))];
      const [was, would] = await Promise.all([decide(first, actions, subject, before), decide(first, actions, subject, after)]);
      for (const c of batch) {
        const a = was.get(c.action.toLowerCase()) ?? false;
        const b = would.get(c.action.toLowerCase()) ?? false;
        if (a !== b) changed.push({ ...c, outcome: a ? "lost" : "gained" });
      }
      tell(++done, batches.size, "Deciding them with both policies");
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  changed.sort((a, b) => b.outcome.localeCompare(a.outcome) || b.count - a.count); // lost before gained
  return { calls: cases.reduce((n, c) => n + c.count, 0), cases: cases.length, principals, changed, cut };
}

const periods = [1, 7, 30, 90];

// Replay says which calls of the past a changed policy would deny, and which it
// would allow that were denied.
export function Replay({ subject, before, after }: { subject: Subject; before: string; after: string }) {
  const [days, setDays] = useState(30);
  const [progress, setProgress] = useState<{ done: number; of: number; what: string }>();
  const [result, setResult] = useState<Result>();
  const [error, setError] = useState<Failure>();
  const run = useRef(0);
  useEffect(() => setResult(undefined), [after]);
  useEffect(() => () => void run.current++, []);
  const start = async () => {
    const own = ++run.current;
    const cancelled = () => run.current !== own;
    setResult(undefined);
    setError(undefined);
    setProgress({ done: 0, of: 1, what: "Looking who has the policy" });
    try {
      const out = await replay(subject, before, after, days, (done, of, what) => cancelled() || setProgress({ done, of, what }), cancelled);
      if (!cancelled()) setResult(out);
    } catch (e) {
      if (!cancelled()) setError(e as Failure);
    } finally {
      if (!cancelled()) setProgress(undefined);
    }
  };
  const cancel = () => {
    run.current++;
    setProgress(undefined);
  };
  const number = (outcome: string) => result?.changed.filter((c) => c.outcome === outcome).reduce((n, c) => n + c.count, 0) ?? 0;
  return (
    <SpaceBetween size="s">
      <Header
        variant="h3" description="Decide the calls of those who have this policy anew, with the text above. Nothing is changed by that."
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Select ariaLabel="Period" disabled={progress !== undefined} selectedOption={{ value: String(days), label: `Last ${days} days` }} options={periods.map((d) => ({ value: String(d), label: d === 1 ? "Last day" : `Last ${d} days` }))} onChange={(e) => setDays(Number(e.detail.selectedOption.value))} />
            {progress ? <Button onClick={cancel}>Cancel replay</Button> : <Button onClick={() => void start()}>Replay past calls</Button>}
          </SpaceBetween>
        }
      >
        Replay
      </Header>
      {progress && <ProgressBar value={(100 * progress.done) / progress.of} label={progress.what} />}
      <Problem error={error} what="The calls can't be replayed" />
      {result && (
        <>
          {result.calls === 0 ? <StatusIndicator type="info">{result.principals === 0 ? "Nobody has this policy: there is nothing to replay." : "Nobody who has this policy made a call in that time."}</StatusIndicator>
            : result.changed.length === 0 ? <StatusIndicator>{`No call would be decided otherwise: ${result.calls} calls, ${result.cases} of them different, by ${result.principals} of those who have the policy.`}</StatusIndicator>
              : <Alert type={number("lost") ? "warning" : "info"} header={`${number("lost")} calls that were allowed would be denied, ${number("gained")} that were denied would be allowed`}>{`Of ${result.calls} calls, ${result.cases} of them different, by ${result.principals} of those who have the policy.`}</Alert>}
          {result.changed.length > 0 && (
            <Table
              variant="embedded" items={result.changed} ariaLabels={{ tableLabel: "Calls that would be decided otherwise" }} wrapLines
              columnDefinitions={[
                { id: "outcome", header: "Outcome", cell: (c) => <StatusIndicator type={c.outcome === "lost" ? "error" : "success"}>{c.outcome === "lost" ? "Would be denied" : "Would be allowed"}</StatusIndicator> },
                { id: "who", header: "Who", isRowHeader: true, cell: (c) => c.principal },
                { id: "action", header: "Action", cell: (c) => c.action },
                { id: "resource", header: "Resource", cell: (c) => c.resource },
                { id: "count", header: "Calls", cell: (c) => c.count },
                { id: "last", header: "Last", cell: (c) => ago(c.last) },
              ]}
            />
          )}
          <Box variant="small">
            {`Read are at most the latest ${mostEvents} calls of each of ${mostPrincipals} users and roles, of a role those of its last ${mostSessions} sessions${result.cut ? "; there were more" : "; that was all"}. `}
            Calls that are alike are decided once, with the address, the MFA and the time of the latest. Tags, session policies, policies on resources and those of an organization are not looked at.
          </Box>
        </>
      )}
    </SpaceBetween>
  );
}
