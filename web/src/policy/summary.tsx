import { Box, Button, Header, SpaceBetween, StatusIndicator, Table, Toggle } from "@cloudscape-design/components";
import { useEffect, useState } from "react";
import { conditions, covers, list, matches, parsed, servicesOf, statements } from "./document";
import type { Statement } from "./document";
import { levelOf, levels, serviceNames, useReferences } from "./reference";
import type { Reference } from "./reference";

// Row is one service in a summary.
interface Row {
  prefix: string;
  name: string;
  access: string;
  resource: string;
  condition: string;
  known: boolean; // there is such a service
}

// Named is an action in the table of a service's actions.
interface Named {
  name: string;
  level: string;
  resource: string;
  condition: string;
}

const resourceOf = (s: Statement): string[] => (s.NotResource !== undefined ? ["all but " + list(s.NotResource).join(", ")] : list(s.Resource).map((r) => (r === "*" ? "All resources" : r)));
const conditionOf = (s: Statement): string[] => conditions(s).map((c) => `${c.key} | ${c.operator} | ${c.values.join(", ")}`);

// summed is one thing, or that there are several.
function summed(all: string[], none: string): string {
  const different = [...new Set(all)];
  return different.length === 0 ? none : different.length === 1 ? different[0] : "Multiple";
}

// conditionsOf sums the conditions of statements: one that has none holds always.
const conditionsOf = (of: Statement[]) => summed(of.flatMap((s) => (conditionOf(s).length ? conditionOf(s) : ["None"])), "None");

// touches says whether a statement may be about a service.
function touches(s: Statement, prefix: string): boolean {
  if (s.NotAction !== undefined) return !list(s.NotAction).some((a) => a === "*" || a.toLowerCase() === prefix + ":*");
  return list(s.Action).some((a) => a === "*" || a.toLowerCase().startsWith(prefix + ":"));
}

// whole says whether a statement takes all of a service.
const whole = (s: Statement, prefix: string) =>
  s.NotAction !== undefined ? !list(s.NotAction).some((a) => a === "*" || a.toLowerCase().startsWith(prefix + ":")) : list(s.Action).some((a) => a === "*" || a.toLowerCase() === prefix + ":*");

// access says how much of a service the statements take, by level, as in
// "Full: List, Limited: Read".
function access(of: Statement[], prefix: string, page?: Reference): string {
  if (of.some((s) => whole(s, prefix))) return "Full access";
  if (!page) return "Unknown";
  const full: string[] = [];
  const limited: string[] = [];
  for (const level of levels) {
    const all = page.actions.filter((a) => levelOf(a) === level);
    const taken = all.filter((a) => of.some((s) => covers(s, `${prefix}:${a.n}`)));
    if (taken.length) (taken.length === all.length ? full : limited).push(level);
  }
  if (full.length + limited.length === 0) return "None: no such action";
  return [full.length ? "Full: " + full.join(", ") : "", limited.length ? "Limited: " + limited.join(", ") : ""].filter(Boolean).join(". ");
}

// Summary says what a policy permits, by service, and of a service by action.
export function Summary({ text }: { text: string }) {
  const [names, setNames] = useState<Record<string, string>>();
  const [shown, setShown] = useState<{ prefix: string; deny: boolean }>();
  useEffect(() => {
    void serviceNames().then(setNames);
  }, []);
  const doc = parsed(text);
  const all = statements(doc);
  const named = servicesOf(all.flatMap((s) => [...list(s.Action), ...list(s.NotAction)]));
  const pages = useReferences([...named, ...(shown ? [shown.prefix] : [])]);
  if (!doc) return <StatusIndicator type="error">This is not JSON.</StatusIndicator>;
  if (!names) return <StatusIndicator type="loading">Loading</StatusIndicator>;
  if (shown) {
    const of = all.filter((s) => (s.Effect === "Deny") === shown.deny && touches(s, shown.prefix));
    return <Actions prefix={shown.prefix} name={names[shown.prefix] ?? shown.prefix} deny={shown.deny} of={of} page={pages.get(shown.prefix)} onBack={() => setShown(undefined)} />;
  }
  const rows = (deny: boolean): Row[] => {
    const of = all.filter((s) => (s.Effect === "Deny") === deny && (deny || s.Effect === "Allow"));
    const wide = of.some((s) => s.NotAction !== undefined || list(s.Action).includes("*"));
    return (wide ? [...new Set([...Object.keys(names), ...named])] : named)
      .map((prefix) => ({ prefix, own: of.filter((s) => touches(s, prefix)) }))
      .filter(({ own }) => own.length)
      .map(({ prefix, own }) => ({
        prefix, name: names[prefix] ?? prefix, known: prefix in names, access: prefix in names ? access(own, prefix, pages.get(prefix)) : "Unrecognized service",
        resource: summed(own.flatMap(resourceOf), "None"), condition: conditionsOf(own),
      }))
      .sort((a, b) => Number(b.known) - Number(a.known) || a.name.localeCompare(b.name));
  };
  const denied = rows(true);
  const allowed = rows(false);
  const total = Object.keys(names).length;
  return (
    <SpaceBetween size="l">
      {denied.length > 0 && <Services title="Explicit deny" rows={denied} total={total} onShow={(prefix) => setShown({ prefix, deny: true })} />}
      {(allowed.length > 0 || denied.length === 0) && <Services title="Allow" rows={allowed} total={total} onShow={(prefix) => setShown({ prefix, deny: false })} />}
    </SpaceBetween>
  );
}

// few is how many services are shown before one asks for all.
const few = 20;

function Services({ title, rows, total, onShow }: { title: string; rows: Row[]; total: number; onShow: (prefix: string) => void }) {
  const [whole, setWhole] = useState(false);
  const known = rows.filter((r) => r.known).length;
  return (
    <Table<Row>
      variant="embedded" items={whole ? rows : rows.slice(0, few)} empty="This policy grants nothing." wrapLines ariaLabels={{ tableLabel: title }}
      header={<Header variant="h3" counter={`(${known} of ${total} services)`} actions={rows.length > few && <Toggle checked={whole} onChange={(e) => setWhole(e.detail.checked)}>{`Show all ${rows.length}`}</Toggle>}>{title}</Header>}
      columnDefinitions={[
        { id: "service", header: "Service", isRowHeader: true, cell: (r) => (r.known ? <Button variant="inline-link" onClick={() => onShow(r.prefix)}>{r.name}</Button> : <StatusIndicator type="warning">{r.name}</StatusIndicator>) },
        { id: "access", header: "Access level", cell: (r) => r.access },
        { id: "resource", header: "Resource", cell: (r) => r.resource },
        { id: "condition", header: "Request condition", cell: (r) => r.condition },
      ]}
    />
  );
}

// Actions are those of a service that statements are about, by level, and what
// they name that there isn't.
function Actions({ prefix, name, deny, of, page, onBack }: { prefix: string; name: string; deny: boolean; of: Statement[]; page?: Reference; onBack: () => void }) {
  const [others, setOthers] = useState(false);
  if (!page) return <StatusIndicator type="loading">Loading</StatusIndicator>;
  const taken = (a: string) => of.filter((s) => covers(s, a));
  const rows: Named[] = page.actions.map((a) => {
    const own = taken(`${prefix}:${a.n}`);
    return { name: a.n, level: levelOf(a), resource: own.length ? summed(own.flatMap(resourceOf), "None") : "", condition: own.length ? conditionsOf(own) : "" };
  });
  const inside = rows.filter((r) => taken(`${prefix}:${r.name}`).length);
  const outside = rows.filter((r) => !taken(`${prefix}:${r.name}`).length);
  const unknown = of.flatMap((s) => list(s.Action)).filter((a) => a.toLowerCase().startsWith(prefix + ":") && !page.actions.some((x) => matches(a, `${prefix}:${x.n}`, true)));
  return (
    <SpaceBetween size="m">
      <Header variant="h3" counter={`(${inside.length} of ${rows.length} actions)`} actions={<SpaceBetween direction="horizontal" size="xs"><Toggle checked={others} onChange={(e) => setOthers(e.detail.checked)}>{`Show the other ${outside.length}`}</Toggle><Button iconName="arrow-left" onClick={onBack}>All services</Button></SpaceBetween>}>
        {`${name}: ${deny ? "denied" : "allowed"} actions`}
      </Header>
      {levels.map((level) => {
        const items = (others ? outside : inside).filter((r) => r.level === level);
        return items.length > 0 && (
          <Table<Named>
            key={level} variant="embedded" items={items} wrapLines ariaLabels={{ tableLabel: level }} header={<Header variant="h3" counter={`(${items.length})`}>{level}</Header>}
            columnDefinitions={[
              { id: "action", header: "Action", isRowHeader: true, cell: (r) => r.name },
              { id: "resource", header: "Resource", cell: (r) => r.resource || "-" },
              { id: "condition", header: "Request condition", cell: (r) => r.condition || "-" },
            ]}
          />
        );
      })}
      {unknown.length > 0 && <Box><StatusIndicator type="warning">Unrecognized actions</StatusIndicator> {unknown.join(", ")}</Box>}
    </SpaceBetween>
  );
}
