import type { ContextEntry, EvaluationResult } from "@aws-sdk/client-iam";
import { Alert, Badge, Box, Button, Container, ExpandableSection, FormField, Header, KeyValuePairs, Link, SpaceBetween, StatusIndicator, Textarea } from "@cloudscape-design/components";
import { useEffect, useRef, useState } from "react";
import { useSession } from "../app";
import { lookUp, recordOf } from "../events";
import type { Recorded } from "../events";
import { conditions, covers, list, pretty, reaches, statements, parsed } from "../policy/document";
import { policiesOf } from "../policy/principals";
import type { Held } from "../policy/principals";
import { contextOf } from "../policy/replay";
import { offsetOf, PolicyText, statementSpans } from "../policy/text";
import type { Span } from "../policy/text";
import { go, useRoute } from "../router";
import { iam, sts } from "../session";
import { absent, Copy, missingAction, Problem, when } from "../ui";
import type { Failure } from "../ui";

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

// Inquiry is a request that was refused, as far as it is known.
interface Inquiry {
  who?: string;
  action?: string;
  resource: string;
  context: ContextEntry[];
  code?: string;
  message?: string;
  event?: Recorded;
  then?: string; // what was decided then, and by what
  explanation?: string; // of each policy as it was then
}

// eventOf finds the event of an event's or a request's id. Requests are found by
// the time that their ids hold.
async function eventOf(id: string): Promise<Recorded | undefined> {
  for (let attempt = 0; attempt < 4; attempt++) {
    const { events } = await lookUp("EventId", id, undefined, 1);
    if (events[0]) return { ...recordOf(events[0]) };
    const time = parseInt(id.replaceAll("-", "").slice(0, 12), 16);
    if (id[14] === "7") {
      const near = await lookUp(undefined, "", new Date(time - 2000), 1000, undefined, new Date(time + 2000));
      const found = near.events.map(recordOf).find((r) => r.requestID === id);
      if (found) return found;
    }
    await new Promise((r) => setTimeout(r, 400)); // events of reading calls follow a little later
  }
  return undefined;
}

function ofEvent(r: Recorded): Inquiry {
  const own = r.sallyport;
  return {
    who: r.userIdentity?.arn, action: own?.action, resource: own?.targets?.at(-1) ?? "*", context: contextOf({ CloudTrailEvent: JSON.stringify(r) }), code: r.errorCode, message: r.errorMessage, event: r,
    then: own?.decision ? `${own.decision === "Deny" ? "Denied" : "Allowed"}: ${own.reason}` : undefined, explanation: own?.explanation,
  };
}

function ofText(text: string): Inquiry {
  return {
    who: /User: (\S+) is not/.exec(text)?.[1], action: missingAction({ message: text }), resource: (/on resource: (\S+)/.exec(text)?.[1] ?? "*").replace(/[.,]$/, ""), context: [], message: text,
    then: /with an explicit deny/.test(text) ? `A statement denies it: ${/with an explicit deny in an? ([\w -]*(?:policy|boundary))/.exec(text)?.[1] ?? "a policy"}.` : (/because no (.*) allows/.exec(text) ? `Nothing allows it: no ${/because no (.*) allows/.exec(text)![1]} does.` : undefined),
  };
}

interface Decoded {
  explicitDeny?: boolean;
  context?: { principal?: { arn?: string }; action?: string; resource?: string; conditions?: { items?: { key: string; values?: { items?: { value: string }[] } }[] } };
  explanation?: { reason?: string };
}

async function ofMessage(EncodedMessage: string): Promise<Inquiry> {
  const text = (await sts().decodeAuthorizationMessage({ EncodedMessage })).DecodedMessage ?? "{}";
  const d = JSON.parse(text) as Decoded;
  return {
    who: d.context?.principal?.arn, action: d.context?.action, resource: d.context?.resource ?? "*",
    context: (d.context?.conditions?.items ?? []).map((c) => ({ ContextKeyName: c.key, ContextKeyType: "string", ContextKeyValues: (c.values?.items ?? []).map((v) => v.value) })),
    then: (d.explicitDeny ? "Denied by a statement" : "Denied: nothing allows it") + (d.explanation?.reason ? `: ${d.explanation.reason}` : ""), explanation: pretty(text),
  };
}

// inquire finds out what was asked, from whatever there is of it.
async function inquire(text: string, request?: string): Promise<Inquiry> {
  const id = uuid.test(text.trim()) ? text.trim() : request;
  if (id) {
    const event = await eventOf(id).catch((e: Failure) => {
      if (!text || uuid.test(text.trim())) throw e; // who may not read the trail still has the text
      return undefined;
    });
    if (event) return ofEvent(event);
    if (uuid.test(text.trim())) throw Object.assign(new Error(`There is no event or request ${id} in the trail.`), { name: "Not found" });
  }
  const encoded = /Encoded authorization failure message: (\S+)/.exec(text)?.[1] ?? (/^[\w+/=-]{120,}$/.test(text.trim()) ? text.trim() : undefined);
  return encoded ? ofMessage(encoded) : ofText(text);
}

// Verdict is what one policy says of the request.
interface Verdict {
  held: Held;
  decision: string;
  marks: Span[];
  note: string;
}

interface Judgement {
  entity?: { kind: "user" | "role"; name: string; arn: string };
  verdicts: Verdict[];
  now?: EvaluationResult;
  trust?: string; // the policy of the role that was to be assumed
  fix?: string;
  tested?: string; // the decision with the fix
}

const decisions = { allowed: ["success", "Allows it"], explicitDeny: ["error", "Denies it"], implicitDeny: ["stopped", "Says nothing to it"] } as const;

// closest says of a policy that doesn't allow a request which statement comes
// near, and what keeps it from allowing.
function closest(text: string, q: Inquiry): { note: string; marks: Span[] } {
  const spans = statementSpans(text);
  for (const [i, s] of statements(parsed(text)).entries()) {
    if (s.Effect !== "Allow" || !covers(s, q.action ?? "")) continue;
    const name = s.Sid || `Statement ${i + 1}`;
    const marks: Span[] = [spans[i]];
    if (!reaches(s, q.resource)) return { marks, note: `${name} allows the action, but on ${s.NotResource !== undefined ? "all resources but " + list(s.NotResource).join(", ") : list(s.Resource).join(", ")}, not on ${q.resource}.` };
    const unmet = conditions(s).map((c) => `${c.key} ${c.operator} ${c.values.join(" or ")}`);
    return { marks, note: `${name} allows it only if ${unmet.join(", and ") || "its variables have values"}.` };
  }
  return { marks: [], note: "No statement of it allows the action." };
}

async function verdictOf(held: Held, q: Inquiry): Promise<Verdict> {
  const out = await iam().simulateCustomPolicy({ PolicyInputList: [held.text], ActionNames: [q.action!], ResourceArns: [q.resource], ContextEntries: q.context.length ? q.context : undefined });
  const r = out.EvaluationResults?.[0];
  const decision = r?.EvalDecision ?? "implicitDeny";
  if (decision === "implicitDeny") return { held, decision, ...closest(held.text, q) };
  const spans = statementSpans(held.text);
  const matched = (r?.MatchedStatements ?? []).map((m) => offsetOf(held.text, m.StartPosition?.Line ?? 1, m.StartPosition?.Column ?? 1));
  // A matched statement begins behind the bracket or the comma before it.
  const marks = matched.map((at) => spans.find((s) => s[1] > at)).filter((s): s is Span => s !== undefined);
  const names = marks.map((m) => { const i = spans.indexOf(m); return statements(parsed(held.text))[i]?.Sid || `Statement ${i + 1}`; });
  return { held, decision, marks, note: `${[...new Set(names)].join(", ")} ${decision === "allowed" ? "allows" : "denies"} it.` };
}

// judge says what the policies of now say, each by itself and all together, and
// what would have to change.
async function judge(q: Inquiry, account: string): Promise<Judgement> {
  const out: Judgement = { verdicts: [] };
  if (!q.action) return out;
  const fix = JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: q.action, Resource: q.resource }] }, null, 2);
  out.fix = fix;
  const m = /^arn:[\w-]+:(?:iam|sts)::(\d+):(user|assumed-role|role)\/(.+)$/.exec(q.who ?? "");
  if (!m || m[1] !== account) return out;
  const kind = m[2] === "user" ? "user" : "role";
  const name = m[2] === "assumed-role" ? m[3].split("/")[0] : m[3].replace(/^.*\//, "");
  const arn = kind === "user" ? (await absent(iam().getUser({ UserName: name })))?.User?.Arn : (await absent(iam().getRole({ RoleName: name })))?.Role?.Arn;
  if (!arn) return out; // it is gone
  out.entity = { kind, name, arn };
  const ask = { PolicySourceArn: arn, ActionNames: [q.action], ResourceArns: [q.resource], ContextEntries: q.context.length ? q.context : undefined };
  const held = await policiesOf(kind, name);
  [out.verdicts, out.now] = await Promise.all([Promise.all(held.map((h) => verdictOf(h, q))), iam().simulatePrincipalPolicy(ask).then((o) => o.EvaluationResults?.[0])]);
  const role = /^sts:AssumeRole/.test(q.action) ? /^arn:[\w-]+:iam::\d+:role\/(?:.*\/)?([^/]+)$/.exec(q.resource) : null;
  if (role) out.trust = pretty(decodeURIComponent((await absent(iam().getRole({ RoleName: role[1] })))?.Role?.AssumeRolePolicyDocument ?? ""));
  if (out.now?.EvalDecision === "allowed") out.fix = undefined;
  else out.tested = (await iam().simulatePrincipalPolicy({ ...ask, PolicyInputList: [fix] })).EvaluationResults?.[0]?.EvalDecision;
  return out;
}

// Why explains a refusal, from its text, the id of its request or event, or an
// encoded message.
export function Why() {
  const route = useRoute();
  const { session, role } = useSession();
  const asked = route.query.get("request") ?? route.query.get("event") ?? undefined;
  const [text, setText] = useState(route.query.get("text") || asked || "");
  const [found, setFound] = useState<{ q: Inquiry; j?: Judgement }>();
  const [error, setError] = useState<Failure>();
  const [busy, setBusy] = useState(false);
  const run = useRef(0);
  const account = role?.account ?? session.account;
  const explain = async (request?: string) => {
    const own = ++run.current;
    setBusy(true);
    setError(undefined);
    setFound(undefined);
    try {
      const q = await inquire(text, request);
      if (own !== run.current) return;
      setFound({ q });
      const j = await judge(q, account);
      if (own === run.current) setFound({ q, j });
    } catch (e) {
      if (own === run.current) setError(e as Failure);
    } finally {
      if (own === run.current) setBusy(false);
    }
  };
  useEffect(() => {
    if (text) void explain(asked);
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);
  return (
    <SpaceBetween size="l">
      <Header variant="h1" description="See what led to a refusal: which policy decided, by which statement, and what would have to change.">Why denied?</Header>
      <Container>
        <SpaceBetween size="s">
          <FormField label="Error text, request ID, event ID or encoded message" stretch><Textarea rows={4} value={text} onChange={(e) => setText(e.detail.value)} /></FormField>
          <Button variant="primary" loading={busy} disabled={!text.trim()} onClick={() => void explain()}>Explain</Button>
        </SpaceBetween>
      </Container>
      {found && !found.q.action && !found.q.event && <Alert type="info">This text names no action. Paste the whole message, or the request ID that stands below it.</Alert>}
      {found && (found.q.action || found.q.event) && <Found q={found.q} j={found.j} />}
      <Problem error={error} what="It can't be explained further" />
    </SpaceBetween>
  );
}

function Found({ q, j }: { q: Inquiry; j?: Judgement }) {
  const e = q.event;
  return (
    <SpaceBetween size="l">
      <Container header={<Header variant="h2">How it was decided</Header>}>
        <SpaceBetween size="m">
          <KeyValuePairs columns={3} items={[
            { label: "Who", value: q.who ?? "-" }, { label: "Action", value: q.action ? <Badge>{q.action}</Badge> : `${e?.eventSource?.split(".")[0]}:${e?.eventName}` }, { label: "Resource", value: q.resource },
            ...(e ? [{ label: "When", value: when(e.eventTime) }, { label: "Request ID", value: e.requestID }, { label: "Event ID", value: e.eventID }] : []),
          ]} />
          {q.then ? <StatusIndicator type={/^Allowed/.test(q.then) ? "success" : "error"}>{q.then}</StatusIndicator>
            : e && <StatusIndicator type="info">No policy decided this: it was refused otherwise.</StatusIndicator>}
          {q.code && <Box><b>{q.code}</b>{`: ${q.message ?? ""}`}</Box>}
          {/^Allowed/.test(q.then ?? "") && q.code && <Box>The policies allowed the call; the service refused it for what it was to do.</Box>}
          {q.explanation && <ExpandableSection headerText="Each policy as it was then" defaultExpanded={!j?.entity}><pre tabIndex={0} aria-label="Explanation">{q.explanation}</pre></ExpandableSection>}
          {e && <ExpandableSection headerText="The event"><pre tabIndex={0} aria-label="Event record">{JSON.stringify(e, null, 2)}</pre></ExpandableSection>}
        </SpaceBetween>
      </Container>
      {j?.entity && <Now q={q} j={j} />}
      {j && q.action && <Change q={q} j={j} />}
    </SpaceBetween>
  );
}

function Now({ q, j }: { q: Inquiry; j: Judgement }) {
  const [type, label] = decisions[(j.now?.EvalDecision ?? "implicitDeny") as keyof typeof decisions];
  const order = { explicitDeny: 0, allowed: 1, implicitDeny: 2 } as Record<string, number>;
  return (
    <Container header={<Header variant="h2" counter={`(${j.verdicts.length})`} description="Each policy that says something to the caller, by itself, as it is now.">The policies now</Header>}>
      <SpaceBetween size="s">
        <StatusIndicator type={type}>{`All together: ${label.toLowerCase()}${j.now?.PermissionsBoundaryDecisionDetail?.AllowedByPermissionsBoundary === false ? "; the permissions boundary doesn't allow it" : ""}.`}</StatusIndicator>
        {j.verdicts.length === 0 && <Box>{`${j.entity?.name} has no policies: nothing is allowed.`}</Box>}
        {[...j.verdicts].sort((a, b) => order[a.decision] - order[b.decision]).map((v) => {
          const [kind, says] = decisions[v.decision as keyof typeof decisions] ?? decisions.implicitDeny;
          return (
            <ExpandableSection
              key={v.held.name + v.held.via} defaultExpanded={v.decision === "explicitDeny" || v.marks.length > 0}
              headerText={<>{v.held.name} <StatusIndicator type={kind}>{says}</StatusIndicator></>} headerDescription={`${v.held.via}. ${v.note}`}
            >
              <Link href={v.held.place}>Open {v.held.name}</Link>
              <PolicyText text={v.held.text} marks={v.marks} label={`Policy ${v.held.name}`} />
            </ExpandableSection>
          );
        })}
        {j.trust !== undefined && <ExpandableSection headerText="The role's trust policy" headerDescription="It must name the caller too."><PolicyText text={j.trust} marks={[]} label="Trust policy" /></ExpandableSection>}
        <Button onClick={() => go(`/simulator?principal=${encodeURIComponent(j.entity!.arn)}&action=${encodeURIComponent(q.action!)}&resource=${encodeURIComponent(q.resource)}`)}>Try it in the simulator</Button>
      </SpaceBetween>
    </Container>
  );
}

function Change({ q, j }: { q: Inquiry; j: Judgement }) {
  const denying = j.verdicts.filter((v) => v.decision === "explicitDeny");
  const narrow = j.verdicts.filter((v) => v.held.boundary && v.decision !== "allowed");
  const explicit = denying.length > 0 || (!j.entity && /^A statement denies/.test(q.then ?? ""));
  return (
    <Container header={<Header variant="h2">What would have to change</Header>}>
      <SpaceBetween size="s">
        {j.entity && j.now?.EvalDecision === "allowed" && <StatusIndicator>By now the policies allow it: make the call again.</StatusIndicator>}
        {denying.map((v) => <Box key={v.held.name + v.held.via}>{`The statement in ${v.held.name} that denies it must go or be narrowed: a deny wins over every allow. `}<Link href={v.held.place}>{`Open ${v.held.name}`}</Link></Box>)}
        {explicit && !j.entity && <Box>A deny wins over every allow: no further permission helps, the statement must change.</Box>}
        {narrow.map((v) => <Box key={v.held.name}>{`The permissions boundary ${v.held.name} must allow it too. `}<Link href={v.held.place}>{`Open ${v.held.name}`}</Link></Box>)}
        {j.fix && !explicit && (
          <>
            <Box variant="h3">The least that would allow it</Box>
            <Copy text={j.fix} label="policy" shown={<pre tabIndex={0} aria-label="Policy">{j.fix}</pre>} />
            {j.tested && <StatusIndicator type={j.tested === "allowed" ? "success" : "warning"}>{j.tested === "allowed" ? "Tested: with this policy added, the call would be allowed." : "Tested: with this policy alone it would still be denied."}</StatusIndicator>}
          </>
        )}
      </SpaceBetween>
    </Container>
  );
}
