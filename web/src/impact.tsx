import type { Event } from "@aws-sdk/client-cloudtrail";
import { Box, KeyValuePairs, Link, SpaceBetween, StatusIndicator } from "@cloudscape-design/components";
import { daysAgo, lookUp, recordOf, sessionKeys } from "./events";
import type { Look, Recorded } from "./events";
import { principalsOf } from "./policy/principals";
import { iam } from "./session";
import { ago, Problem, useLoad } from "./ui";

// Subject is what is about to be deactivated, detached or deleted.
export type Subject = { key: string } | { user: string } | { role: string } | { policy: string };

// The bounds of what is looked at.
const days = 90;
const mostEvents = 500;
const mostSessions = 10;

interface Use {
  used?: Date; // as the API has it
  service?: string;
  events: Event[];
  more: boolean;
  of: string; // whose calls they are, in words
}

async function eventsOfRole(name: string): Promise<Look & { used?: Date }> {
  const role = (await iam().getRole({ RoleName: name })).Role;
  const { keys, more } = await sessionKeys(role?.Arn ?? "", daysAgo(days), mostEvents);
  const out: Look & { used?: Date } = { events: [], more: more || keys.length > mostSessions, used: role?.RoleLastUsed?.LastUsedDate };
  for (const key of keys.slice(0, mostSessions)) {
    const one = await lookUp("AccessKeyId", key, daysAgo(days), mostEvents - out.events.length);
    out.events.push(...one.events);
    out.more ||= one.more;
    if (out.events.length >= mostEvents) break;
  }
  return out;
}

async function useOf(subject: Subject): Promise<Use> {
  if ("key" in subject) {
    const [last, look] = await Promise.all([iam().getAccessKeyLastUsed({ AccessKeyId: subject.key }), lookUp("AccessKeyId", subject.key, daysAgo(days), mostEvents)]);
    return { used: last.AccessKeyLastUsed?.LastUsedDate, service: last.AccessKeyLastUsed?.ServiceName, ...look, of: "this key" };
  }
  if ("user" in subject) return { ...(await lookUp("Username", subject.user, daysAgo(days), mostEvents)), of: "this user" };
  if ("role" in subject) return { ...(await eventsOfRole(subject.role)), of: `the last ${mostSessions} sessions of this role` };
  // What a policy allowed is told by the events of those that have it.
  const { users, roles } = await principalsOf({ arn: subject.policy });
  const out: Use = { events: [], more: false, of: "calls that this policy allowed or denied" };
  for (const look of [...users.map((u) => () => lookUp("Username", u, daysAgo(days), mostEvents)), ...roles.map((r) => () => eventsOfRole(r))]) {
    const one = await look();
    out.events.push(...one.events.filter((e) => recordOf(e).sallyport?.reason?.endsWith(" of " + subject.policy)));
    out.more ||= one.more;
  }
  return out;
}

interface Group {
  service: string;
  action: string;
  count: number;
  last: Date;
}

function grouped(events: Event[]): Group[] {
  const groups = new Map<string, Group>();
  for (const e of events) {
    const service = (e.EventSource ?? "").replace(".amazonaws.com", "");
    const id = `${service}:${e.EventName}`;
    const g = groups.get(id) ?? { service, action: e.EventName ?? "", count: 0, last: e.EventTime! };
    g.count++;
    if (e.EventTime! > g.last) g.last = e.EventTime!;
    groups.set(id, g);
  }
  return [...groups.values()].sort((a, b) => b.count - a.count);
}

// Impact says what something was used for lately: who takes it away takes that
// away with it. Its place is as high from the start as it gets, so that nothing
// below moves away from under the pointer.
export function Impact({ of }: { of: Subject }) {
  const { data, error, loading } = useLoad(() => useOf(of), [JSON.stringify(of)]);
  return (
    <div style={{ minHeight: "11rem" }}>
      {error ? <Problem error={error} what="Its calls can't be shown" />
        : loading || !data ? <StatusIndicator type="loading">Looking for calls of the last {days} days</StatusIndicator>
          : <Shown of={of} data={data} />}
    </div>
  );
}

const named = (all: string[], n: number) => all.slice(0, n).join(", ") + (all.length > n ? ` and ${all.length - n} others` : "");

function Shown({ of, data }: { of: Subject; data: Use }) {
  const within = (d: number) => data.events.filter((e) => e.EventTime! >= daysAgo(d)).length;
  const count = (d: number) => `${within(d)}${data.more && within(d) === data.events.length ? " or more" : ""}`;
  const latest = data.events.reduce<Date | undefined>((t, e) => (!t || e.EventTime! > t ? e.EventTime : t), data.used);
  const groups = grouped(data.events);
  const distinct = (pick: (r: Recorded) => string | undefined) => [...new Set(data.events.map((e) => pick(recordOf(e))).filter((v) => v !== undefined))];
  return (
    <SpaceBetween size="s">
      {latest && latest >= daysAgo(1)
        ? <StatusIndicator type="error">{`In use: the last call was ${ago(latest)}.`}</StatusIndicator>
        : <StatusIndicator type={latest ? "warning" : "success"}>{latest ? `The last call was ${ago(latest)}.` : `No call in the last ${days} days.`}</StatusIndicator>}
      <KeyValuePairs columns={3} items={[{ label: "Calls in 1 day", value: count(1) }, { label: "Calls in 7 days", value: count(7) }, { label: `Calls in ${days} days`, value: count(days) }]} />
      {groups.length > 0 && (
        <Box variant="small" display="block">
          {`${named(groups.map((g) => `${g.service}:${g.action} ${g.count}×, ${ago(g.last)}`), 3)}. `}
          {`From ${named(distinct((r) => r.sourceIPAddress), 2)}, by ${named(distinct((r) => r.userAgent?.split(" ")[0]), 2)}.`}
        </Box>
      )}
      <Box variant="small" display="block">
        {`Of ${data.of}, in the trail of the last ${days} days${data.more ? `; only the latest ${mostEvents} calls were read` : ""}. `}
        {"key" in of && <Link href={`#/events?key=${of.key}`} fontSize="body-s">All its events</Link>}
      </Box>
    </SpaceBetween>
  );
}
