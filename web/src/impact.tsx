import type { Event } from "@aws-sdk/client-cloudtrail";
import { Box, Link, SpaceBetween, StatusIndicator } from "@cloudscape-design/components";
import { daysAgo, lookUp, recordOf, sessionKeys } from "./events";
import { principal } from "./permissions";
import { principalsOf } from "./policy/principals";
import { iam } from "./session";
import { ago, latest, Problem, useLoad } from "./ui";

// Subject is what is about to be deactivated, detached or deleted.
export type Subject = { key: string } | { policy: string } | { users: string[] } | { roles: string[] } | { groups: string[] };

// The bounds of what is looked at.
const days = 90;
const mostEvents = 500; // of all that are looked at together, an equal share for each
const leastEvents = 50; // of each
const mostSessions = 10; // of a role
const mostNames = 20; // users and roles that are looked at

interface Found {
  events: Event[];
  since?: Date; // calls before it may be missing
  used?: Date; // as the API has it
}

interface Use extends Found {
  of: string; // whose calls they are, in words
}

const share = (n: number) => Math.max(leastEvents, Math.floor(mostEvents / Math.max(n, 1)));

async function eventsOf(key: "AccessKeyId" | "Username", value: string, most: number): Promise<Found> {
  const { events, more } = await lookUp(key, value, daysAgo(days), most);
  return { events, since: more ? events.at(-1)?.EventTime : undefined };
}

// together are the calls of several: missing is what any of them misses.
const together = (found: Found[]): Found => ({
  events: found.flatMap((f) => f.events),
  since: latest(found.map((f) => f.since)),
  used: latest(found.map((f) => f.used)),
});

async function eventsOfRole(name: string, most: number): Promise<Found> {
  const role = (await iam().getRole({ RoleName: name })).Role;
  const { keys, more } = await sessionKeys(role?.Arn ?? "", daysAgo(days), most);
  const found = [];
  for (const key of keys.slice(0, mostSessions)) found.push(await eventsOf("AccessKeyId", key, share(mostSessions)));
  // A session that was not looked at may have made a call just now.
  const { events, since } = together(found);
  return { events, since: more || keys.length > mostSessions ? new Date() : since, used: role?.RoleLastUsed?.LastUsedDate };
}

// eventsOfAll are the calls of users and roles, as many as are looked at.
async function eventsOfAll(users: string[], roles: string[]): Promise<Found> {
  const names = [...users.map((name) => ({ name, role: false })), ...roles.map((name) => ({ name, role: true }))];
  const most = share(names.length);
  const found = [];
  for (const { name, role } of names.slice(0, mostNames)) found.push(await (role ? eventsOfRole(name, most) : eventsOf("Username", name, most)));
  const out = together(found);
  return { ...out, since: names.length > mostNames ? new Date() : out.since };
}

// decidedBy are those of the events that one of the policies decided, which are
// named by ARN, and inline ones by name, as an event's reason does.
const decidedBy = (policies: string[], found: Found): Found => ({ ...found, used: undefined, events: found.events.filter((e) => policies.some((p) => recordOf(e).sallyport?.reason?.endsWith(" of " + p))) });

// several names a number of things, and says how many of them are looked at.
const several = (n: number, thing: string) => (n === 1 ? `this ${thing}` : n > mostNames ? `the first ${mostNames} of these ${n} ${thing}s` : `these ${n} ${thing}s`);

async function eventsOfGroups(groups: string[]): Promise<Use> {
  const members = new Set<string>();
  const policies = new Set<string>();
  for (const name of groups.slice(0, mostNames)) {
    const own = principal.group(name);
    const [users, attached, inline] = await Promise.all([principalsOf({ kind: "group", name, inline: "" }), own.attached(), own.inline()]);
    users.users.forEach((u) => members.add(u));
    [...attached.map((p) => p.PolicyArn!), ...inline].forEach((p) => policies.add(p));
  }
  const found = decidedBy([...policies], await eventsOfAll([...members], []));
  const shown = members.size > mostNames ? `the first ${mostNames} of its ${members.size} members` : `its ${members.size} member${members.size === 1 ? "" : "s"}`;
  return { ...found, of: `calls of ${groups.length === 1 ? shown : shown.replace("its", "their")} that the policies of ${several(groups.length, "group")} allowed or denied` };
}

async function useOf(subject: Subject): Promise<Use> {
  if ("key" in subject) {
    const [last, found] = await Promise.all([iam().getAccessKeyLastUsed({ AccessKeyId: subject.key }), eventsOf("AccessKeyId", subject.key, mostEvents)]);
    return { ...found, used: last.AccessKeyLastUsed?.LastUsedDate, of: "calls by this key" };
  }
  if ("users" in subject) return { ...(await eventsOfAll(subject.users, [])), of: "calls of " + several(subject.users.length, "user") };
  if ("roles" in subject) return { ...(await eventsOfAll([], subject.roles)), of: `calls of the last ${mostSessions} sessions of ${several(subject.roles.length, "role")}` };
  if ("groups" in subject) return eventsOfGroups(subject.groups);
  // What a policy allowed is told by the events of those that have it.
  const { users, roles } = await principalsOf({ arn: subject.policy });
  const n = users.length + roles.length;
  return { ...decidedBy([subject.policy], await eventsOfAll(users, roles)), of: `calls ${n > mostNames ? `of the first ${mostNames} of the ${n} that have this policy ` : ""}that this policy allowed or denied` };
}

// Impact says what something was used for lately: who takes it away takes that
// away with it. Its place is as high from the start as it gets, so that nothing
// below moves away from under the pointer.
export function Impact({ of }: { of: Subject }) {
  const { data, error, loading } = useLoad(() => useOf(of), [JSON.stringify(of)]);
  return (
    <div className="impact">
      {error ? <Problem error={error} what="Its calls can't be shown" />
        : loading || !data ? <StatusIndicator type="loading">Looking for calls of the last {days} days</StatusIndicator>
          : <Shown of={of} data={data} />}
    </div>
  );
}

interface Line {
  name: string;
  events: Event[];
}

// lines are the events by what they have in common, the most frequent first.
function lines(events: Event[], most: number, by: (e: Event) => string | undefined): Line[] {
  const groups = new Map<string, Event[]>();
  for (const e of events) {
    const name = by(e) ?? "unknown";
    groups.set(name, [...(groups.get(name) ?? []), e]);
  }
  const sorted = [...groups].map(([name, events]) => ({ name, events })).sort((a, b) => b.events.length - a.events.length);
  const rest = sorted.slice(most);
  return rest.length ? [...sorted.slice(0, most), { name: `${rest.length} others`, events: rest.flatMap((l) => l.events) }] : sorted;
}

const action = (e: Event) => `${(e.EventSource ?? "").replace(".amazonaws.com", "")}:${e.EventName}`;

function Shown({ of, data }: { of: Subject; data: Use }) {
  const { events, since } = data;
  const last = latest([data.used, ...events.map((e) => e.EventTime)]);
  const count = (of: Event[], d: number) => `${of.filter((e) => e.EventTime! >= daysAgo(d)).length}${since && since > daysAgo(d) ? "+" : ""}`;
  const parts: [string, Line[]][] = [
    ["Service", lines(events, 3, (e) => e.EventSource?.replace(".amazonaws.com", ""))],
    ["Source IP address", lines(events, 2, (e) => recordOf(e).sourceIPAddress)],
    ["User agent", lines(events, 2, (e) => recordOf(e).userAgent?.split(" ")[0])],
  ];
  const row = (name: string, of: Event[]) => (
    <tr key={name}><th scope="row">{name}</th>{[1, 7, days].map((d) => <td key={d}>{count(of, d)}</td>)}</tr>
  );
  return (
    <SpaceBetween size="s">
      {last && last >= daysAgo(1)
        ? <StatusIndicator type="error">{`In use: the last call was ${ago(last)}.`}</StatusIndicator>
        : <StatusIndicator type={last ? "warning" : "success"}>{last ? `The last call was ${ago(last)}.` : `No call in the last ${days} days.`}</StatusIndicator>}
      <table className="uses">
        <thead><tr><th scope="col">Calls in</th>{[1, 7, days].map((d) => <th key={d} scope="col">{d === 1 ? "1 day" : `${d} days`}</th>)}</tr></thead>
        <tbody>{row("All", events)}</tbody>
        {events.length > 0 && parts.map(([title, of]) => (
          <tbody key={title}>
            <tr><th scope="rowgroup" colSpan={4}>{title}</th></tr>
            {of.map((l) => row(l.name, l.events))}
          </tbody>
        ))}
      </table>
      <Box variant="small" display="block">
        {events.length > 0 && `Most often ${lines(events, 3, action).map((l) => `${l.name} ${l.events.length}×`).join(", ")}. `}
        {`Of ${data.of}, in the trail of the last ${days} days${since ? "; not all were read: + says that there may be more" : ""}. `}
        {"key" in of && <Link href={`#/events?key=${of.key}`} fontSize="body-s">All its events</Link>}
      </Box>
    </SpaceBetween>
  );
}
