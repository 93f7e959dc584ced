import { useSyncExternalStore } from "react";
import { terraformOf } from "./terraform";

// Call is a call that the console made: what it did, as a command, as a line of
// Python, as a resource of Terraform's, and as the request that went out.
export interface Call {
  id: number;
  time: Date;
  operation: string;
  command: string;
  python: string;
  terraform?: string;
  request?: string;
  requestId?: string;
  error?: string;
  message?: string; // of the error
  denied?: string; // the action that was missing
  told?: boolean; // the page says in its place that it failed
  changes: boolean;
}

let calls: Call[] = [];
const listeners = new Set<() => void>();
let count = 0;

function set(next: Call[]) {
  calls = next;
  for (const listener of listeners) listener();
}

const add = (call: Call) => set([call, ...calls].slice(0, 200));

// tell notes that the page tells of the failure of a request.
export function tell(requestId: string) {
  if (calls.some((c) => c.requestId === requestId && !c.told)) set(calls.map((c) => (c.requestId === requestId ? { ...c, told: true } : c)));
}

export function useCalls(): Call[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => calls,
  );
}

// missingIn is the action that the text of a denial says is missing.
export const missingIn = (text = "") => /perform: ([\w-]+:\w+)/.exec(text)?.[1];

const kebab = (name: string) =>
  name
    .replace(/([a-z0-9])([A-Z])/g, "$1-$2")
    .replace(/([A-Z]+)([A-Z][a-z])/g, "$1-$2")
    .toLowerCase();

// Their values are never kept: the command shows a place for them.
const secret = /password|secret|token|privatekey|authenticationcode|seed/i;

const paging = new Set(["MaxItems", "Marker", "MaxResults", "NextToken"]);

const isSecret = (name: string, value: unknown) => secret.test(name) && typeof value === "string";

const given = (input: object) => Object.entries(input).filter(([name, value]) => value !== undefined && !paging.has(name));

function quote(value: unknown): string {
  const text = typeof value === "string" ? value : value instanceof Date ? value.toISOString() : JSON.stringify(value);
  return /^[\w@%+=:,./-]+$/.test(text) ? text : "'" + text.replaceAll("'", "'\\''") + "'";
}

// commandOf is the command of the AWS CLI that does the same.
export function commandOf(service: string, operation: string, input: object): string {
  const parts = ["aws", service, kebab(operation)];
  for (const [name, value] of given(input)) {
    if (typeof value === "boolean") parts.push(`--${value ? "" : "no-"}${kebab(name)}`);
    else parts.push(`--${kebab(name)}`, isSecret(name, value) ? `'…'` : quote(value));
  }
  return parts.join(" ");
}

// pythonOf is the line of boto3 that does the same.
export function pythonOf(service: string, operation: string, input: object): string {
  const literal = (value: unknown): string => (typeof value === "boolean" ? (value ? "True" : "False") : JSON.stringify(value));
  const args = given(input).map(([name, value]) => `${name}=${isSecret(name, value) ? '"…"' : literal(value)}`);
  return `boto3.client("${service}").${kebab(operation).replaceAll("-", "_")}(${args.join(", ")})`;
}

interface Request {
  method: string;
  path: string;
  headers: Record<string, string>;
  body?: unknown;
}

// textOf is a signed request as it goes out, without what is secret in it.
function textOf(r: Request): string {
  const headers = Object.entries(r.headers).map(([name, value]) => {
    if (name.toLowerCase() === "x-amz-security-token") return `${name}: …`;
    return `${name}: ${value.replace(/Signature=[0-9a-f]+/, "Signature=…")}`;
  });
  let body = typeof r.body === "string" ? r.body : "";
  if (body.startsWith("{")) body = body.replace(/"(\w+)":"(?:[^"\\]|\\.)*"/g, (all, name: string) => (secret.test(name) ? `"${name}":"…"` : all));
  else body = body.replace(/([^&=]+)=([^&]*)/g, (all, name: string) => (secret.test(name) && !/Required$/.test(name) ? `${name}=…` : all));
  return [`${r.method} ${r.path} HTTP/1.1`, ...headers, "", body].join("\n");
}

interface Client {
  middlewareStack: { add(middleware: unknown, options: object): void };
}

interface Answer {
  output?: { $metadata?: { requestId?: string } };
}

interface Context {
  commandName?: string;
  sent?: string;
}

// record notes every call of a client.
export function record(service: string, client: unknown) {
  const stack = (client as Client).middlewareStack;
  stack.add(
    (next: (args: unknown) => Promise<Answer>, context: Context) => async (args: { input: object }) => {
      const operation = (context.commandName ?? "").replace(/Command$/, "");
      const call: Call = {
        id: ++count,
        time: new Date(),
        operation,
        command: commandOf(service, operation, args.input),
        python: pythonOf(service, operation, args.input),
        terraform: service === "iam" ? terraformOf(operation, args.input) : undefined,
        changes: !/^(Get|List|Simulate|Lookup|Generate|Validate|Decode)/.test(operation),
      };
      try {
        const answer = await next(args);
        add({ ...call, request: context.sent, requestId: answer.output?.$metadata?.requestId });
        return answer;
      } catch (error) {
        const e = error as { name?: string; message?: string; $metadata?: { requestId?: string } };
        add({ ...call, request: context.sent, requestId: e.$metadata?.requestId, error: e.name ?? "error", message: e.message, denied: missingIn(e.message) });
        throw error;
      }
    },
    { step: "initialize", name: "record" },
  );
  stack.add(
    (next: (args: unknown) => Promise<Answer>, context: Context) => (args: { request: Request }) => {
      context.sent = textOf(args.request);
      return next(args);
    },
    { step: "deserialize", name: "recordRequest", priority: "low" },
  );
}
