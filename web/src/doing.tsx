import { Box, ExpandableSection, SegmentedControl, SpaceBetween } from "@cloudscape-design/components";
import type { IAM } from "@aws-sdk/client-iam";
import { useState } from "react";
import { commandOf, pythonOf } from "./calls";
import { iam } from "./session";
import { Copy } from "./copy";
import { terraformOf } from "./terraform";

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

type Form = "command" | "python" | "terraform" | "request";

// useForm is the form in which calls are shown, and its choice.
export function useForm(forms: Form[]) {
  const [chosen, setForm] = useState<Form>("command");
  const form = forms.includes(chosen) ? chosen : forms[0];
  const names = { command: "AWS CLI", python: "Python", terraform: "Terraform", request: "Request" };
  const choice = <SegmentedControl label="Shown as" selectedId={form} onChange={(e) => setForm(e.detail.selectedId as Form)} options={forms.map((id) => ({ id, text: names[id] }))} />;
  return { form, choice };
}

// Code is a text to run elsewhere, with a button that copies it.
export function Code({ text }: { text: string }) {
  return <Copy text={text} label="command" shown={<Box variant="code"><span className="code">{text}</span></Box>} />;
}

// ByCommand says how to do by command what a dialog is about to do: by Terraform
// where it has a resource for it.
export function ByCommand({ calls }: { calls: Doing[] }) {
  const resources = calls.map((c) => terraformOf(c.operation, c.input)).filter((r) => r !== undefined);
  const { form, choice } = useForm(["command", "python", ...(resources.length ? ["terraform" as const] : [])]);
  if (calls.length === 0) return null;
  const all = form === "terraform" ? resources : calls.map((c) => (form === "python" ? pythonOf : commandOf)("iam", c.operation, c.input));
  const shown = all.slice(0, 50);
  const without = form === "terraform" ? calls.length - resources.length : 0;
  return (
    <ExpandableSection headerText="The same by command" variant="footer">
      <SpaceBetween size="xs">
        {choice}
        {shown.map((text, i) => <Code key={i} text={text} />)}
        {all.length > shown.length && <Box variant="small">and {all.length - shown.length} more</Box>}
        {without > 0 && <Box variant="small">{`No resource fits ${without} of these ${calls.length} calls.`}</Box>}
      </SpaceBetween>
    </ExpandableSection>
  );
}
