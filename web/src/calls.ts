import { useSyncExternalStore } from "react";

// Call is a call that the console made: what it did, as a command.
export interface Call {
  id: number;
  time: Date;
  service: string;
  operation: string;
  command: string;
  requestId?: string;
  error?: string;
  changes: boolean;
}

let calls: Call[] = [];
const listeners = new Set<() => void>();
let count = 0;

function add(call: Call) {
  calls = [call, ...calls].slice(0, 200);
  for (const listener of listeners) listener();
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

const kebab = (name: string) =>
  name
    .replace(/([a-z0-9])([A-Z])/g, "$1-$2")
    .replace(/([A-Z]+)([A-Z][a-z])/g, "$1-$2")
    .toLowerCase();

// Their values are never kept: the command shows a place for them.
const secret = /password|secret|token|privatekey|authenticationcode|seed/i;

function quote(value: unknown): string {
  const text = typeof value === "string" ? value : value instanceof Date ? value.toISOString() : JSON.stringify(value);
  return /^[\w@%+=:,./-]+$/.test(text) ? text : "'" + text.replaceAll("'", "'\\''") + "'";
}

// commandOf is the command of the AWS CLI that does the same.
export function commandOf(service: string, operation: string, input: object): string {
  const parts = ["aws", service, kebab(operation)];
  for (const [name, value] of Object.entries(input)) {
    if (value === undefined || name === "MaxItems" || name === "Marker") continue;
    if (typeof value === "boolean") parts.push(`--${value ? "" : "no-"}${kebab(name)}`);
    else parts.push(`--${kebab(name)}`, secret.test(name) ? `'…'` : quote(value));
  }
  return parts.join(" ");
}

interface Client {
  middlewareStack: { add(middleware: unknown, options: object): void };
}

interface Answer {
  output?: { $metadata?: { requestId?: string } };
}

// record notes every call of a client.
export function record(service: string, client: unknown) {
  (client as Client).middlewareStack.add(
    (next: (args: unknown) => Promise<Answer>, context: { commandName?: string }) => async (args: { input: object }) => {
      const operation = (context.commandName ?? "").replace(/Command$/, "");
      const call: Call = {
        id: ++count,
        time: new Date(),
        service,
        operation,
        command: commandOf(service, operation, args.input),
        changes: !/^(Get|List|Simulate|Lookup|Generate|Validate|Decode)/.test(operation),
      };
      try {
        const answer = await next(args);
        add({ ...call, requestId: answer.output?.$metadata?.requestId });
        return answer;
      } catch (error) {
        const e = error as { name?: string; $metadata?: { requestId?: string } };
        add({ ...call, requestId: e.$metadata?.requestId, error: e.name ?? "error" });
        throw error;
      }
    },
    { step: "initialize", name: "record" },
  );
}
