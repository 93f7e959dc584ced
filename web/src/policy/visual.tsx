import { Autosuggest, Box, Button, Checkbox, Container, FormField, Header, Input, Multiselect, SegmentedControl, Select, SpaceBetween, TokenGroup } from "@cloudscape-design/components";
import type { MultiselectProps } from "@cloudscape-design/components";
import { useEffect, useState } from "react";
import { conditions, filled, keyName, list, operators, parsed, servicesOf, statements, withConditions } from "./document";
import type { Condition, Statement } from "./document";
import { levelOf, levels, serviceNames, useReferences } from "./reference";

// VisualEditor edits the statements of a policy as forms. It changes the JSON in
// place: what it doesn't show stays.
export function VisualEditor({ value, onChange, account }: { value: string; onChange: (text: string) => void; account: string }) {
  const doc = parsed(value);
  if (!doc) return <Box>This is not JSON. Mend it in the JSON editor first.</Box>;
  const all = statements(doc);
  const put = (next: Statement[]) => onChange(JSON.stringify({ ...doc, Version: doc.Version ?? "2012-10-17", Statement: next }, null, 2));
  return (
    <SpaceBetween size="m">
      {all.map((s, i) => (
        <StatementForm
          key={i} number={i + 1} statement={s} account={account}
          onChange={(next) => put(all.map((x, j) => (j === i ? next : x)))}
          onRemove={all.length > 1 ? () => put(all.filter((_, j) => j !== i)) : undefined}
        />
      ))}
      <Button iconName="add-plus" onClick={() => put([...all, { Sid: `Statement${all.length + 1}`, Effect: "Allow", Action: [], Resource: [] }])}>Add more permissions</Button>
    </SpaceBetween>
  );
}

// one is a list of one as its item, as people write it.
const one = (all: string[]) => (all.length === 1 ? all[0] : all);

function StatementForm({ number, statement: s, account, onChange, onRemove }: { number: number; statement: Statement; account: string; onChange: (s: Statement) => void; onRemove?: () => void }) {
  const named = list(s.Action ?? s.NotAction);
  const actionsMember = s.NotAction !== undefined ? "NotAction" : "Action";
  const [names, setNames] = useState<Record<string, string>>({});
  const [service, setService] = useState(servicesOf(named)[0] ?? "");
  useEffect(() => {
    void serviceNames().then(setNames);
  }, []);
  const page = useReferences(service ? [service] : []).get(service);
  const shown = named.filter((a) => a.split(":", 1)[0].toLowerCase() === service);
  const actions: MultiselectProps.Options = page
    ? [
        { label: "All actions", options: [{ value: `${service}:*`, label: `All ${page.name} actions (${service}:*)` }] },
        ...levels.map((level) => ({ label: level, options: page.actions.filter((a) => levelOf(a) === level).map((a) => ({ value: `${service}:${a.n}`, label: a.n })) })).filter((g) => g.options.length),
      ]
    : [];
  const setActions = (next: string[]) => onChange({ ...s, [actionsMember]: next });
  return (
    <Container
      header={
        <Header variant="h3" actions={onRemove && <Button onClick={onRemove} ariaLabel={`Remove statement ${number}`}>Remove</Button>}>
          {`${s.Sid || `Statement ${number}`}: ${s.Effect ?? "no effect"}`}
        </Header>
      }
    >
      <SpaceBetween size="m">
        <SegmentedControl label={`Effect of statement ${number}`} selectedId={s.Effect ?? ""} onChange={(e) => onChange({ ...s, Effect: e.detail.selectedId })} options={[{ id: "Allow", text: "Allow" }, { id: "Deny", text: "Deny" }]} />
        <FormField label="Service">
          <Select
            filteringType="auto" placeholder="Choose a service" ariaLabel={`Service of statement ${number}`} virtualScroll selectedOption={service ? { value: service, label: names[service] ?? service } : null}
            options={Object.entries(names).sort((a, b) => a[1].localeCompare(b[1])).map(([prefix, label]) => ({ value: prefix, label, description: prefix }))}
            onChange={(e) => setService(e.detail.selectedOption.value ?? "")}
          />
        </FormField>
        <FormField label={actionsMember === "Action" ? "Actions" : "All actions except these"} description={service ? undefined : "Choose a service first."}>
          <Multiselect
            filteringType="auto" placeholder="Choose actions" ariaLabel={`Actions of statement ${number}`} disabled={!page} hideTokens virtualScroll options={actions}
            selectedOptions={shown.map((a) => ({ value: actions.flatMap((g) => ("options" in g ? g.options : [])).find((o) => o.value?.toLowerCase() === a.toLowerCase())?.value ?? a, label: a }))}
            onChange={(e) => setActions([...named.filter((a) => !shown.includes(a)), ...e.detail.selectedOptions.map((o) => o.value!)])}
          />
          <TokenGroup items={named.map((a) => ({ label: a, dismissLabel: `Remove ${a}` }))} onDismiss={(e) => setActions(named.filter((_, i) => i !== e.detail.itemIndex))} limit={12} />
        </FormField>
        <ResourceForm number={number} statement={s} account={account} onChange={onChange} />
        <ConditionForm number={number} statement={s} onChange={onChange} />
      </SpaceBetween>
    </Container>
  );
}

function ResourceForm({ number, statement: s, account, onChange }: { number: number; statement: Statement; account: string; onChange: (s: Statement) => void }) {
  const member = s.NotResource !== undefined ? "NotResource" : "Resource";
  const arns = list(s[member]);
  const named = list(s.Action ?? s.NotAction);
  const pages = useReferences(servicesOf(named));
  const [begun, setBegun] = useState("");
  const kinds = [...pages].flatMap(([prefix, page]) => {
    if (!page) return [];
    const own = page.actions.filter((a) => named.some((n) => n.toLowerCase() === `${prefix}:${a.n}`.toLowerCase()));
    const places = own.length ? new Set(own.flatMap((a) => a.r ?? [])) : new Set(page.resources.keys());
    return [...places].map((i) => ({ value: filled(page.resources[i].arn, account), description: page.resources[i].n }));
  });
  const put = (next: string[]) => onChange({ ...s, [member]: one(next) });
  const add = () => {
    if (begun) put([...arns.filter((a) => a !== "*"), begun]);
    setBegun("");
  };
  const everything = member === "Resource" && arns.length === 1 && arns[0] === "*";
  return (
    <FormField label={member === "Resource" ? "Resources" : "All resources except these"} description="Add the ARN of each, or choose a form of it and put the names in.">
      <SpaceBetween size="xs">
        {member === "Resource" && <Checkbox checked={everything} onChange={(e) => put(e.detail.checked ? ["*"] : [])}>All resources</Checkbox>}
        {!everything && (
          <>
            <SpaceBetween size="xs" direction="horizontal">
              <Autosuggest
                value={begun} onChange={(e) => setBegun(e.detail.value)} options={kinds} placeholder="arn:aws:…" ariaLabel={`ARN for statement ${number}`}
                enteredTextLabel={(v) => `Use "${v}"`} empty="Type an ARN" onKeyDown={(e) => e.detail.key === "Enter" && add()}
              />
              <Button disabled={!begun} onClick={add} ariaLabel={`Add ARN to statement ${number}`}>Add ARN</Button>
            </SpaceBetween>
            <TokenGroup items={arns.map((a) => ({ label: a, dismissLabel: `Remove ${a}` }))} onDismiss={(e) => put(arns.filter((_, i) => i !== e.detail.itemIndex))} limit={12} />
          </>
        )}
      </SpaceBetween>
    </FormField>
  );
}

function ConditionForm({ number, statement: s, onChange }: { number: number; statement: Statement; onChange: (s: Statement) => void }) {
  const all = conditions(s);
  const pages = useReferences([...servicesOf(list(s.Action ?? s.NotAction)), "aws"]);
  const [next, setNext] = useState<Condition>({ operator: "StringEquals", key: "", values: [] });
  const put = (changed: Condition[]) => {
    const { Condition: _old, ...rest } = s;
    const Condition = withConditions(changed);
    onChange(Condition ? { ...rest, Condition } : rest);
  };
  const keys = [...pages].flatMap(([prefix, page]) => (page?.keys ?? []).filter(([name]) => prefix === "aws" || !name.startsWith("aws:")).map(([name, type]) => ({ value: keyName(name), description: type })));
  return (
    <FormField label="Request conditions - optional">
      <SpaceBetween size="xs">
        <TokenGroup
          items={all.map((c) => ({ label: `${c.key} ${c.operator} ${c.values.join(", ")}`, dismissLabel: `Remove the condition on ${c.key}` }))}
          onDismiss={(e) => put(all.filter((_, i) => i !== e.detail.itemIndex))}
        />
        <SpaceBetween size="xs" direction="horizontal">
          <Select ariaLabel={`Operator for statement ${number}`} selectedOption={{ value: next.operator, label: next.operator }} options={operators.map((o) => ({ value: o, label: o }))} onChange={(e) => setNext({ ...next, operator: e.detail.selectedOption.value! })} />
          <Autosuggest ariaLabel={`Condition key for statement ${number}`} placeholder="Condition key" value={next.key} options={keys} enteredTextLabel={(v) => `Use "${v}"`} onChange={(e) => setNext({ ...next, key: e.detail.value })} />
          <Input ariaLabel={`Values for statement ${number}`} placeholder="Values, with commas between" value={next.values.join(",")} onChange={(e) => setNext({ ...next, values: e.detail.value ? e.detail.value.split(",") : [] })} />
          <Button
            ariaLabel={`Add condition to statement ${number}`} disabled={!next.key || next.values.length === 0}
            onClick={() => {
              put([...all.filter((c) => c.key !== next.key || c.operator !== next.operator), { ...next, values: next.values.map((v) => v.trim()) }]);
              setNext({ ...next, key: "", values: [] });
            }}
          >
            Add condition
          </Button>
        </SpaceBetween>
      </SpaceBetween>
    </FormField>
  );
}
