// A policy document as the editor and the summary read it.

export type Many = string | string[];

export interface Statement extends Record<string, unknown> {
  Sid?: string;
  Effect?: string;
  Action?: Many;
  NotAction?: Many;
  Resource?: Many;
  NotResource?: Many;
  Principal?: unknown;
  NotPrincipal?: unknown;
  Condition?: Record<string, Record<string, unknown>>;
}

export interface Document extends Record<string, unknown> {
  Version?: string;
  Statement?: Statement | Statement[];
}

export const emptyPolicy = JSON.stringify({ Version: "2012-10-17", Statement: [{ Sid: "Statement1", Effect: "Allow", Action: [], Resource: [] }] }, null, 2);

// list is one or many as many, and nothing as none.
export const list = (v: unknown): string[] => (v === undefined || v === null ? [] : Array.isArray(v) ? v.map(String) : [String(v)]);

// pretty lays JSON out; what is not JSON stays.
export function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

// parsed is a document, or undefined where the text is none.
export function parsed(text: string): Document | undefined {
  try {
    const doc = JSON.parse(text) as Document;
    return typeof doc === "object" && doc !== null && !Array.isArray(doc) ? doc : undefined;
  } catch {
    return undefined;
  }
}

const isObject = (v: unknown) => typeof v === "object" && v !== null && !Array.isArray(v);

// statements are those of a document.
export function statements(doc: Document | undefined): Statement[] {
  const s = doc?.Statement;
  return (Array.isArray(s) ? s : s === undefined ? [] : [s]).filter(isObject);
}

// servicesOf are the prefixes of the services that actions name.
export const servicesOf = (actions: string[]) => [...new Set(actions.filter((a) => a.includes(":")).map((a) => a.split(":", 1)[0].toLowerCase()))];

const quoted = (text: string) => text.replace(/[.+^${}()|[\]\\]/g, "\\$&");

// matches compares a text with a pattern of * and ?.
export const matches = (pattern: string, text: string, fold = false) =>
  new RegExp("^" + quoted(pattern).replaceAll("*", ".*").replaceAll("?", ".") + "$", fold ? "is" : "s").test(text);

// covers says whether Action or NotAction of a statement takes an action.
export function covers(s: Statement, action: string): boolean {
  if (s.NotAction !== undefined) return !list(s.NotAction).some((a) => matches(a, action, true));
  return list(s.Action).some((a) => matches(a, action, true));
}

// reaches says whether Resource or NotResource takes a resource. Variables of
// the policy stand for anything.
export function reaches(s: Statement, resource: string): boolean {
  const open = (r: string) => r.replace(/\$\{[^}]*\}/g, "*");
  if (s.NotResource !== undefined) return !list(s.NotResource).some((r) => matches(open(r), resource));
  return s.Resource === undefined || list(s.Resource).some((r) => matches(open(r), resource));
}

export interface Condition {
  operator: string;
  key: string;
  values: string[];
}

// conditions are those of a statement, one for each key.
export const conditions = (s: Statement): Condition[] =>
  isObject(s.Condition) ? Object.entries(s.Condition ?? {}).flatMap(([operator, keys]) => (isObject(keys) ? Object.entries(keys).map(([key, v]) => ({ operator, key, values: list(v) })) : [])) : [];

// withConditions is the Condition element of conditions, or undefined for none.
export function withConditions(all: Condition[]): Statement["Condition"] {
  const out: Record<string, Record<string, unknown>> = {};
  for (const c of all) (out[c.operator] ??= {})[c.key] = c.values.length === 1 ? c.values[0] : c.values;
  return all.length ? out : undefined;
}

export const operators = [
  "StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike", "StringNotLike",
  "NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals",
  "DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals",
  "Bool", "BinaryEquals", "IpAddress", "NotIpAddress", "ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike", "Null",
];

// filled is the ARN of a kind of resource with what is known filled in. The rest
// are names that match nothing until they are replaced.
export const filled = (arn: string, account: string) =>
  arn.replace("${Partition}", "aws").replace("${Account}", account).replace("${Region}", "*").replace(/\$\{(\w+)\}/g, "$1");

// keyName is a condition key with a place for the tag's key.
export const keyName = (key: string) => key.replace(/\$\{TagKey\}|<key>/, "tag-key");
