import { Box, FormField, Header, Input, Link, SegmentedControl, SpaceBetween, Spinner } from "@cloudscape-design/components";
import CodeEditor from "@cloudscape-design/components/code-editor";
import type { CodeEditorProps } from "@cloudscape-design/components";
import { useEffect, useRef, useState } from "react";
import { useSession } from "./app";
import type { Principal } from "./permissions";
import { annotate, withHooks } from "./policy/ace";
import type { Ace, Annotation } from "./policy/ace";
import { suggest } from "./policy/complete";
import { Difference } from "./policy/difference";
import { emptyPolicy, pretty } from "./policy/document";
import { FindingTabs, marks, policyTypes, useFindings } from "./policy/findings";
import type { Kind } from "./policy/findings";
import { Replay } from "./policy/replay";
import { VisualEditor } from "./policy/visual";
import { iam } from "./session";
import { Ask, Problem } from "./ui";
import type { Failure } from "./ui";

export { emptyPolicy, pretty };

// PolicyEditor edits a policy: its JSON, with completion and with findings at
// their lines, or, of an identity policy, its statements as forms.
export function PolicyEditor({ value, onChange, label, readOnly, kind = "identity" }: { value: string; onChange?: (text: string) => void; label: string; readOnly?: boolean; kind?: Kind }) {
  const { session, role } = useSession();
  const [ace, setAce] = useState<unknown>();
  const [height, setHeight] = useState(360);
  const [preferences, setPreferences] = useState<Partial<CodeEditorProps.Preferences>>({ wrapLines: true });
  const [mode, setMode] = useState("json");
  const editor = useRef<Ace>(undefined);
  const mark = useRef<(all: Annotation[]) => void>(undefined);
  // What the editor told goes not back to it: more may have been typed by then.
  const told = useRef(value);
  const [given, setGiven] = useState(value);
  useEffect(() => {
    if (value !== told.current) setGiven(value);
    told.current = value;
  }, [value]);
  const change = (text: string) => {
    told.current = text;
    onChange?.(text);
  };
  const show = (next: string) => {
    setGiven(value);
    setMode(next);
  };
  const findings = useFindings(value, kind, readOnly);
  const account = role?.account ?? session.account;
  useEffect(() => {
    void withHooks({
      opened: (e) => {
        editor.current = e;
        mark.current = annotate(e);
        e.setReadOnly(readOnly ?? false);
      },
      suggest: readOnly ? undefined : (before, after) => suggest(before, after, policyTypes[kind], account),
    }).then(setAce);
  }, [readOnly, kind, account]);
  useEffect(() => {
    mark.current?.(marks(findings.found));
  }, [findings.found, ace, mode]);
  const characters = value.replace(/\s/g, "").length;
  if (!ace) return <Spinner />;
  return (
    <SpaceBetween size="s">
      {!readOnly && kind === "identity" && <SegmentedControl label="Policy editor" selectedId={mode} onChange={(e) => show(e.detail.selectedId)} options={[{ id: "visual", text: "Visual" }, { id: "json", text: "JSON" }]} />}
      {mode === "visual" ? <VisualEditor value={value} onChange={(text) => onChange?.(text)} account={account} /> : (
        <CodeEditor
          ace={ace} language="json" value={given} ariaLabel={label}
          onDelayedChange={(e) => !readOnly && change(e.detail.value)}
          preferences={preferences} onPreferencesChange={(e) => setPreferences(e.detail)}
          themes={{ light: ["cloud_editor"], dark: ["cloud_editor_dark"] }}
          editorContentHeight={height} onEditorContentResize={(e) => setHeight(e.detail.height)}
        />
      )}
      <Box variant="small">{characters} characters, white space not counted{!readOnly && mode === "json" && ". Ctrl+Space completes actions, resources and conditions."}</Box>
      {!readOnly && <FindingTabs findings={findings} onGo={(line, column) => {
        if (mode !== "json") show("json");
        setTimeout(() => {
          editor.current?.gotoLine(line, column, false);
          editor.current?.focus();
        });
      }} />}
    </SpaceBetween>
  );
}

// InlineEditor makes or changes an inline policy.
export function InlineEditor({ of, name, onDismiss, onDone }: { of: Principal; name?: string; onDismiss: () => void; onDone: () => void }) {
  const [title, setTitle] = useState(name ?? "");
  const [text, setText] = useState(name ? undefined : emptyPolicy);
  const [before, setBefore] = useState<string>();
  const [error, setError] = useState<Failure>();
  useEffect(() => {
    if (name) of.document(name).then((d) => { setBefore(pretty(d)); setText(pretty(d)); }, (e: Failure) => setError(e));
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
      {name && before !== undefined && text !== undefined && text !== before && (
        <>
          <Header variant="h3">What changes</Header>
          <Difference before={before} after={pretty(text)} />
          <Replay subject={{ kind: of.kind, name: of.name, inline: name }} before={before} after={text} />
        </>
      )}
      <Problem error={error} />
      <Link href="#/simulator" external target="_blank">Try it in the policy simulator</Link>
    </Ask>
  );
}

// checkPolicy asks the API whether a policy's text is one, by simulating it.
export async function checkPolicy(text: string) {
  await iam().simulateCustomPolicy({ PolicyInputList: [text], ActionNames: ["iam:GetUser"] });
}
