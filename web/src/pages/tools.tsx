import { Button, Container, ExpandableSection, FormField, Header, SegmentedControl, Select, SpaceBetween, StatusIndicator, Textarea } from "@cloudscape-design/components";
import type { EvaluationResult, SimulatePolicyResponse } from "@aws-sdk/client-iam";
import { useState } from "react";
import { ByCommand, doing } from "../doing";
import { emptyPolicy, PolicyEditor } from "../editor";
import { useRoute } from "../router";
import { iam } from "../session";
import { Listing, Problem, useLoad } from "../ui";
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
  const entries = context.split("\n").filter((l) => l.includes("=")).map((l) => ({ ContextKeyName: l.split("=")[0].trim(), ContextKeyType: "string" as const, ContextKeyValues: [l.slice(l.indexOf("=") + 1).trim()] }));
  const input = { ActionNames: lines(actions), ResourceArns: lines(resources).length ? lines(resources) : undefined, ContextEntries: entries.length ? entries : undefined };
  const simulation = mode === "principal" ? doing("simulatePrincipalPolicy", { PolicySourceArn: arn, ...input }) : doing("simulateCustomPolicy", { PolicyInputList: [text], ...input });
  const ready = input.ActionNames.length > 0 && (mode !== "principal" || arn !== "");
  const run = async () => {
    setBusy(true);
    setError(undefined);
    try {
      setResults(((await simulation.run()) as SimulatePolicyResponse).EvaluationResults ?? []);
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
          <Button variant="primary" loading={busy} disabled={!ready} onClick={() => void run()}>Run simulation</Button>
          {ready && <ByCommand calls={[simulation]} />}
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
