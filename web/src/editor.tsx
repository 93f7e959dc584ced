import { Alert, Box, FormField, Input, Link, SpaceBetween, Spinner } from "@cloudscape-design/components";
import CodeEditor from "@cloudscape-design/components/code-editor";
import type { CodeEditorProps } from "@cloudscape-design/components";
import { useEffect, useState } from "react";
import type { Principal } from "./permissions";
import { iam } from "./session";
import { Ask, Problem } from "./ui";
import type { Failure } from "./ui";

// The editor without inline styles and without workers from data: URLs.
async function loadAce() {
  const ace = (await import("ace-builds/src-noconflict/ace")).default;
  ace.config.set("useStrictCSP", true);
  ace.config.set("loadWorkerFromBlob", false);
  const [worker] = await Promise.all([
    import("ace-builds/src-noconflict/worker-json?url"),
    import("ace-builds/src-noconflict/ext-language_tools"),
    import("ace-builds/src-noconflict/mode-json"),
    import("ace-builds/src-noconflict/theme-cloud_editor"),
    import("ace-builds/src-noconflict/theme-cloud_editor_dark"),
    import("ace-builds/css/ace.css"),
    import("ace-builds/css/theme/cloud_editor.css"),
    import("ace-builds/css/theme/cloud_editor_dark.css"),
  ]);
  ace.config.setModuleUrl("ace/mode/json_worker", worker.default);
  return ace;
}

export const emptyPolicy = JSON.stringify({ Version: "2012-10-17", Statement: [{ Sid: "Statement1", Effect: "Allow", Action: [], Resource: [] }] }, null, 2);

interface Statement {
  Effect?: string;
  Action?: string | string[];
  NotAction?: string | string[];
  Resource?: string | string[];
}

const list = (v?: string | string[]) => (v === undefined ? [] : Array.isArray(v) ? v : [v]);

// remarks says what is risky or useless about a policy that parses.
export function remarks(text: string): string[] {
  let statements: Statement[];
  try {
    const doc = JSON.parse(text) as { Statement?: Statement | Statement[] };
    statements = Array.isArray(doc.Statement) ? doc.Statement : doc.Statement ? [doc.Statement] : [];
  } catch {
    return [];
  }
  const out: string[] = [];
  for (const [i, s] of statements.entries()) {
    const where = `Statement ${i + 1}`;
    if (s.Effect === "Allow" && list(s.Action).includes("*") && list(s.Resource).includes("*")) out.push(`Security: ${where} allows everything on everything.`);
    else if (s.Effect === "Allow" && list(s.Resource).includes("*") && list(s.Action).some((a) => /^iam:(\*|PassRole)$/i.test(a))) out.push(`Security: ${where} allows ${list(s.Action).join(", ")} on all resources.`);
    if (s.Effect === "Allow" && s.NotAction) out.push(`Security: ${where} allows all actions but some, also those that are yet to come.`);
    if (s.Action !== undefined && list(s.Action).length === 0) out.push(`Suggestion: ${where} has no action.`);
  }
  return out;
}

// PolicyEditor edits the JSON of a policy.
export function PolicyEditor({ value, onChange, label, readOnly }: { value: string; onChange?: (text: string) => void; label: string; readOnly?: boolean }) {
  const [ace, setAce] = useState<unknown>();
  const [height, setHeight] = useState(360);
  const [preferences, setPreferences] = useState<Partial<CodeEditorProps.Preferences>>({ wrapLines: true });
  useEffect(() => {
    void loadAce().then(setAce);
  }, []);
  const characters = value.replace(/\s/g, "").length;
  if (!ace) return <Spinner />;
  return (
    <SpaceBetween size="s">
      <CodeEditor
        ace={ace} language="json" value={value} ariaLabel={label}
        onDelayedChange={(e) => !readOnly && onChange?.(e.detail.value)}
        preferences={preferences} onPreferencesChange={(e) => setPreferences(e.detail)}
        themes={{ light: ["cloud_editor"], dark: ["cloud_editor_dark"] }}
        editorContentHeight={height} onEditorContentResize={(e) => setHeight(e.detail.height)}
      />
      <Box variant="small">{characters} characters, white space not counted</Box>
      {remarks(value).map((r) => <Alert key={r} type={r.startsWith("Security") ? "warning" : "info"}>{r}</Alert>)}
    </SpaceBetween>
  );
}


// InlineEditor makes or changes an inline policy.
export function InlineEditor({ of, name, onDismiss, onDone }: { of: Principal; name?: string; onDismiss: () => void; onDone: () => void }) {
  const [title, setTitle] = useState(name ?? "");
  const [text, setText] = useState(name ? undefined : emptyPolicy);
  const [error, setError] = useState<Failure>();
  useEffect(() => {
    if (name) of.document(name).then((d) => setText(pretty(d)), (e: Failure) => setError(e));
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [name]);
  return (
    <Ask
      title={name ? `Edit ${name}` : "Create inline policy"} verb="Save" size="large" disabled={!title || !text} onDismiss={onDismiss}
      onConfirm={async () => {
        await of.put(title, text ?? "");
        onDone();
      }}
    >
      <FormField label="Policy name"><Input value={title} disabled={name !== undefined} onChange={(e) => setTitle(e.detail.value)} /></FormField>
      {text !== undefined && <PolicyEditor value={text} onChange={setText} label="Policy" />}
      <Problem error={error} />
      <Link href="#/simulator" external target="_blank">Try it in the policy simulator</Link>
    </Ask>
  );
}

// pretty lays JSON out; what is not JSON stays.
export function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

// checkPolicy asks the API whether a policy's text is one, by simulating it.
export async function checkPolicy(text: string) {
  await iam().simulateCustomPolicy({ PolicyInputList: [text], ActionNames: ["iam:GetUser"] });
}
