import { Alert, Badge, Box, Button, Container, ExpandableSection, FormField, Header, KeyValuePairs, SegmentedControl, Select, SpaceBetween, StatusIndicator, Textarea } from "@cloudscape-design/components";
import type { EvaluationResult } from "@aws-sdk/client-iam";
import { useEffect, useState } from "react";
import { emptyPolicy, PolicyEditor, pretty } from "../editor";
import { go, useRoute } from "../router";
import { iam, sts } from "../session";
import { Copy, Listing, missingAction, Problem, useLoad } from "../ui";
import type { Failure } from "../ui";

const decisions = { allowed: ["success", "Allowed"], explicitDeny: ["error", "Explicitly denied"], implicitDeny: ["stopped", "Implicitly denied"] } as const;

export function Simulator() {
  const route = useRoute();
  const [mode, setMode] = useState("principal");
  const [arn, setARN] = useState(route.query.get("principal") ?? "");
  const [text, setText] = useState(emptyPolicy);
  const [actions, setActions] = useState(route.query.get("action") ?? "");
  const [resources, setResources] = useState(route.query.get("resource") ?? "*");
  const [context, setContext] = useState("");
  const [results, setResults] = useState<EvaluationResult[]>();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Failure>();
  const principals = useLoad(async () => {
    const [users, groups, roles] = await Promise.all([iam().listUsers({ MaxItems: 1000 }), iam().listGroups({ MaxItems: 1000 }), iam().listRoles({ MaxItems: 1000 })]);
    const option = (name?: string, a?: string) => ({ label: name, value: a });
    return [
      { label: "Users", options: (users.Users ?? []).map((u) => option(u.UserName, u.Arn)) },
      { label: "User groups", options: (groups.Groups ?? []).map((g) => option(g.GroupName, g.Arn)) },
      { label: "Roles", options: (roles.Roles ?? []).map((r) => option(r.RoleName, r.Arn)) },
    ].filter((g) => g.options.length);
  }, []);
  const lines = (t: string) => t.split(/[\s,]+/).filter(Boolean);
  const run = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const input = {
        ActionNames: lines(actions), ResourceArns: lines(resources).length ? lines(resources) : undefined,
        ContextEntries: context.split("\n").filter((l) => l.includes("=")).map((l) => ({ ContextKeyName: l.split("=")[0].trim(), ContextKeyType: "string" as const, ContextKeyValues: [l.slice(l.indexOf("=") + 1).trim()] })),
      };
      const out = mode === "principal" ? await iam().simulatePrincipalPolicy({ ...input, PolicySourceArn: arn }) : await iam().simulateCustomPolicy({ ...input, PolicyInputList: [text] });
      setResults(out.EvaluationResults ?? []);
    } catch (e) {
      setError(e as Failure);
    } finally {
      setBusy(false);
    }
  };
  return (
    <SpaceBetween size="l">
      <Header variant="h1" description="See what policies permit, without making the calls.">Policy simulator</Header>
      <Container>
        <SpaceBetween size="m">
          <SegmentedControl label="Mode" selectedId={mode} onChange={(e) => setMode(e.detail.selectedId)} options={[{ id: "principal", text: "Principal mode" }, { id: "custom", text: "Custom mode" }]} />
          {mode === "principal" ? (
            <FormField label="User, group or role">
              <Select filteringType="auto" placeholder="Choose" selectedOption={arn ? { value: arn, label: arn } : null} options={principals.data ?? []} statusType={principals.loading ? "loading" : "finished"} onChange={(e) => setARN(e.detail.selectedOption.value ?? "")} />
            </FormField>
          ) : (
            <PolicyEditor value={text} onChange={setText} label="Policy" />
          )}
          <FormField label="Actions" description="One a line, such as s3:GetObject"><Textarea value={actions} onChange={(e) => setActions(e.detail.value)} /></FormField>
          <FormField label="Resource ARNs" description="One a line"><Textarea rows={2} value={resources} onChange={(e) => setResources(e.detail.value)} /></FormField>
          <ExpandableSection headerText="Context keys"><FormField label="Context" description="One a line, as aws:SourceIp=192.0.2.1"><Textarea value={context} onChange={(e) => setContext(e.detail.value)} /></FormField></ExpandableSection>
          <Button variant="primary" loading={busy} disabled={!lines(actions).length || (mode === "principal" && !arn)} onClick={() => void run()}>Run simulation</Button>
        </SpaceBetween>
      </Container>
      <Problem error={error} what="The simulation did not run" />
      {results && (
        <Listing<EvaluationResult>
          name="Results" thing="result" items={results} variant="container" id={(r) => `${r.EvalActionName} ${r.EvalResourceName}`}
          columns={[
            { id: "action", header: "Action", sortingField: "EvalActionName", isRowHeader: true, cell: (r) => r.EvalActionName },
            { id: "resource", header: "Resource", sortingField: "EvalResourceName", cell: (r) => r.EvalResourceName },
            { id: "decision", header: "Decision", sortingField: "EvalDecision", cell: (r) => { const [type, label] = decisions[r.EvalDecision as keyof typeof decisions] ?? ["info", r.EvalDecision]; return <StatusIndicator type={type}>{label}</StatusIndicator>; } },
            { id: "by", header: "Matching statement", cell: (r) => (r.MatchedStatements ?? []).map((m) => `${m.SourcePolicyId} ${m.StartPosition ? `line ${m.StartPosition.Line}` : ""}`).join("; ") || "None" },
            { id: "missing", header: "Missing context", cell: (r) => (r.MissingContextValues ?? []).join(", ") || "-" },
          ]}
        />
      )}
    </SpaceBetween>
  );
}

// Why explains a denial from its text.
export function Why() {
  const route = useRoute();
  const [text, setText] = useState(route.query.get("text") ?? "");
  const [decoded, setDecoded] = useState<string>();
  const [error, setError] = useState<Failure>();
  const action = missingAction({ message: text });
  const who = /User: (\S+) is not/.exec(text)?.[1];
  const resource = /on resource: (\S+)/.exec(text)?.[1] ?? "*";
  const encoded = /Encoded authorization failure message: (\S+)/.exec(text)?.[1];
  const explicit = /with an explicit deny/.test(text);
  const kind = /(?:no|explicit deny in an?) ([\w ]*(?:policy|boundary))/.exec(text)?.[1];
  const principal = who?.replace(/^arn:aws:sts::(\d+):assumed-role\/([^/]+)\/.*$/, "arn:aws:iam::$1:role/$2");
  const fix = action && JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: action, Resource: resource.replace(/[.,]$/, "") }] }, null, 2);
  useEffect(() => setDecoded(undefined), [text]);
  return (
    <SpaceBetween size="l">
      <Header variant="h1" description="Paste the text of a denial to see what led to it.">Why denied?</Header>
      <Container><FormField label="Error text"><Textarea rows={5} value={text} onChange={(e) => setText(e.detail.value)} /></FormField></Container>
      {text && !action && !encoded && <Alert type="info">This text names no action. Paste the whole message.</Alert>}
      {encoded && <Button onClick={() => sts().decodeAuthorizationMessage({ EncodedMessage: encoded }).then((o) => setDecoded(pretty(o.DecodedMessage ?? "")), (e: Failure) => setError(e))}>Decode the message</Button>}
      <Problem error={error} />
      {decoded && <pre tabIndex={0} aria-label="Decoded message">{decoded}</pre>}
      {action && (
        <Container header={<Header variant="h2">How it was decided</Header>}>
          <SpaceBetween size="m">
            <KeyValuePairs columns={3} items={[{ label: "Who", value: who ?? "-" }, { label: "Action", value: <Badge>{action}</Badge> }, { label: "Resource", value: resource }]} />
            {explicit ? <StatusIndicator type="error">A statement denies it{kind ? `, in an ${kind}` : ""}. A deny wins over every allow: no further permission helps, the statement must change.</StatusIndicator>
              : <StatusIndicator type="stopped">No {kind ?? "policy"} allows it. Nothing denies it either.</StatusIndicator>}
            <Button onClick={() => go(`/simulator?principal=${encodeURIComponent(principal ?? "")}&action=${encodeURIComponent(action)}&resource=${encodeURIComponent(resource.replace(/[.,]$/, ""))}`)}>Try it in the simulator</Button>
            {!explicit && fix && <div><Box variant="h3">The least that would allow it</Box><Copy text={fix} label="policy" shown={<pre tabIndex={0} aria-label="Policy">{fix}</pre>} /></div>}
          </SpaceBetween>
        </Container>
      )}
    </SpaceBetween>
  );
}
