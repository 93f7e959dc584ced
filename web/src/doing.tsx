import { Box, ExpandableSection, SegmentedControl, SpaceBetween } from "@cloudscape-design/components";
import type { IAM } from "@aws-sdk/client-iam";
import { useState } from "react";
import { commandOf, pythonOf } from "./calls";
import { iam } from "./session";
import { Copy } from "./copy";

// Doing is a call that a dialog is about to make, as data: what the dialog shows
// as a command is what it then does.
export interface Doing {
  operation: string;
  input: object;
  run: () => Promise<unknown>;
}

type Operation = { [K in keyof IAM]: IAM[K] extends (input: never, ...rest: never[]) => unknown ? K : never }[keyof IAM] & string;

export function doing<K extends Operation>(name: K, input: Parameters<IAM[K]>[0]): Doing {
  const run = () => (iam() as unknown as Record<string, (input: unknown) => Promise<unknown>>)[name](input);
  return { operation: name[0].toUpperCase() + name.slice(1), input: input as object, run };
}

type Form = "command" | "python" | "request";

// useForm is the form in which calls are shown, and its choice.
export function useForm(forms: Form[]) {
  const [form, setForm] = useState<Form>("command");
  const names = { command: "AWS CLI", python: "Python", request: "Request" };
  const choice = <SegmentedControl label="Shown as" selectedId={form} onChange={(e) => setForm(e.detail.selectedId as Form)} options={forms.map((id) => ({ id, text: names[id] }))} />;
  return { form, choice };
}

// Code is a text to run elsewhere, with a button that copies it.
export function Code({ text }: { text: string }) {
  return <Copy text={text} label="command" shown={<Box variant="code"><span className="code">{text}</span></Box>} />;
}

// ByCommand says how to do by command what a dialog is about to do.
export function ByCommand({ calls }: { calls: Doing[] }) {
  const { form, choice } = useForm(["command", "python"]);
  if (calls.length === 0) return null;
  const shown = calls.slice(0, 50);
  return (
    <ExpandableSection headerText="The same by command" variant="footer">
      <SpaceBetween size="xs">
        {choice}
        {shown.map((c, i) => <Code key={i} text={form === "python" ? pythonOf("iam", c.operation, c.input) : commandOf("iam", c.operation, c.input)} />)}
        {calls.length > shown.length && <Box variant="small">and {calls.length - shown.length} more</Box>}
      </SpaceBetween>
    </ExpandableSection>
  );
}
