import { filled, keyName, list, operators, parsed, servicesOf, statements } from "./document";
import type { Statement } from "./document";
import { levelOf, reference, serviceNames } from "./reference";

// Where the cursor stands: the way from the document down, and the text that was
// begun.
export interface Where {
  path: (string | number)[];
  key: boolean; // the name of a member is written, not a value
  inside: boolean; // of a string
  begun: string;
}

// whereIs reads a document up to the cursor. It takes texts that are not whole.
export function whereIs(text: string): Where {
  const open: { list: boolean; key?: string; index: number; wantsKey: boolean }[] = [];
  let inside = false;
  let begun = "";
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    const top = open.at(-1);
    if (inside) {
      if (c === "\\") begun += text[++i] ?? "";
      else if (c !== '"') begun += c;
      else {
        inside = false;
        if (top && !top.list && top.wantsKey) top.key = begun;
      }
      continue;
    }
    if (c === '"') {
      inside = true;
      begun = "";
    } else if (c === "{" || c === "[") open.push({ list: c === "[", index: 0, wantsKey: c === "{" });
    else if (c === "}" || c === "]") open.pop();
    else if (c === ":" && top) top.wantsKey = false;
    else if (c === "," && top) {
      if (top.list) top.index++;
      else {
        top.wantsKey = true;
        top.key = undefined;
      }
    }
  }
  const top = open.at(-1);
  const key = !!top && !top.list && top.wantsKey;
  const path = open.flatMap((o, i): (string | number)[] => (o.list ? [o.index] : o.key !== undefined && !(key && i === open.length - 1) ? [o.key] : []));
  return { path, key, inside, begun: inside ? begun : "" };
}

export interface Suggestion {
  value: string;
  meta: string;
}

const elements = ["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"];

// suggest is what may stand where the cursor is.
export async function suggest(before: string, after: string, kind: string, account: string): Promise<Suggestion[]> {
  const at = whereIs(before);
  const path = at.path.filter((p): p is string => typeof p === "string");
  const say = (meta: string, ...values: string[]) => values.map((value) => ({ value, meta }));
  if (path[0] === undefined) return at.key ? say("element", "Version", "Id", "Statement") : [];
  if (path[0] === "Version") return say("version", "2012-10-17");
  if (path[0] !== "Statement") return [];
  const own = await here(before, after, at);
  switch (path[1]) {
    case undefined:
      return at.key ? say("element", ...elements, ...(kind === "IDENTITY_POLICY" ? [] : ["Principal", "NotPrincipal"])) : [];
    case "Effect":
      return say("effect", "Allow", "Deny");
    case "Action":
    case "NotAction":
      return actions(at.begun);
    case "Resource":
    case "NotResource":
      return resources(own, account);
    case "Principal":
    case "NotPrincipal":
      return at.key ? say("principal", "AWS", "Service", "Federated", "CanonicalUser") : path[2] === "AWS" ? say("principal", `arn:aws:iam::${account}:root`, "*") : [];
    case "Condition":
      if (path[2] === undefined) return at.key ? [...say("operator", ...operators), ...say("operator", "ForAnyValue:StringEquals", "ForAllValues:StringEquals", "ForAnyValue:StringLike", "StringEqualsIfExists", "BoolIfExists")] : [];
      if (path[3] === undefined) return at.key ? keys(own) : [];
      return values(path[2], path[3]);
  }
  return [];
}

// here is the statement that the cursor is in, as far as it can be read: the
// text is mended by leaving out what was begun.
async function here(before: string, after: string, at: Where): Promise<Statement> {
  const index = typeof at.path[1] === "number" ? at.path[1] : 0;
  const head = at.inside ? before.slice(0, before.length - at.begun.length) : before;
  const tail = at.inside ? after.replace(/^[^"\n]*"?/, '"') : after;
  for (const text of [head + tail, head + (at.key ? '": 0' + tail.replace(/^"/, "") : tail), before + after, head + '"x"' + after]) {
    const doc = parsed(text);
    if (doc) return statements(doc)[index] ?? {};
  }
  // The actions before the cursor are better than nothing.
  const found = before.slice(before.lastIndexOf('"Effect"')).match(/"[\w-]+:[\w*?]+"/g) ?? [];
  return { Action: found.map((a) => a.slice(1, -1)) };
}

async function actions(begun: string): Promise<Suggestion[]> {
  const names = await serviceNames();
  const [prefix, rest] = begun.split(":", 2);
  if (rest === undefined) return [{ value: "*", meta: "all actions" }, ...Object.entries(names).sort().map(([p, name]) => ({ value: p + ":", meta: name }))];
  const page = await reference(prefix);
  if (!page) return [];
  const verbs = new Map<string, number>();
  for (const a of page.actions) {
    const verb = /^[A-Z][a-z]+/.exec(a.n)?.[0];
    if (verb) verbs.set(verb, (verbs.get(verb) ?? 0) + 1);
  }
  return [
    { value: `${prefix}:*`, meta: `all ${page.actions.length} actions` },
    ...page.actions.map((a) => ({ value: `${prefix}:${a.n}`, meta: levelOf(a) })),
    ...[...verbs].filter(([, n]) => n > 1).map(([verb, n]) => ({ value: `${prefix}:${verb}*`, meta: `${n} actions` })),
  ];
}

// resources are the ARNs of what the actions of the statement act on, or of all
// that their services have.
async function resources(s: Statement, account: string): Promise<Suggestion[]> {
  const named = list(s.Action);
  const out: Suggestion[] = [{ value: "*", meta: "all resources" }];
  const seen = new Set<string>();
  for (const prefix of servicesOf(named)) {
    const page = await reference(prefix);
    if (!page) continue;
    const own = page.actions.filter((a) => named.some((n) => n.toLowerCase() === `${prefix}:${a.n}`.toLowerCase()));
    const places = own.length ? new Set(own.flatMap((a) => a.r ?? [])) : new Set(page.resources.keys());
    for (const i of places) {
      const r = page.resources[i];
      const arn = filled(r.arn, account);
      if (!seen.has(arn)) out.push({ value: arn, meta: r.n });
      seen.add(arn);
    }
  }
  return out;
}

async function keys(s: Statement): Promise<Suggestion[]> {
  const out: Suggestion[] = [];
  for (const prefix of [...servicesOf(list(s.Action)), "aws"]) {
    for (const [name, type] of (await reference(prefix))?.keys ?? []) {
      if (prefix === "aws" || !name.startsWith("aws:")) out.push({ value: keyName(name), meta: type });
    }
  }
  return out;
}

async function values(operator: string, key: string): Promise<Suggestion[]> {
  const bool = /^Bool|^Null/.test(operator.replace(/^For\w+:/, ""));
  if (bool) return ["true", "false"].map((value) => ({ value, meta: key }));
  const variables = ["${aws:username}", "${aws:userid}", "${aws:PrincipalAccount}", "${aws:PrincipalTag/tag-key}"];
  return /^(String|Arn)/.test(operator.replace(/^For\w+:/, "")) ? variables.map((value) => ({ value, meta: "variable" })) : [];
}
