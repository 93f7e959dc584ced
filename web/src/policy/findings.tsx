import type { PolicyType, ValidatePolicyFinding, ValidatePolicyResourceType } from "@aws-sdk/client-accessanalyzer";
import { Box, Button, Link, SpaceBetween, StatusIndicator, Tabs } from "@cloudscape-design/components";
import { useEffect, useState } from "react";
import { analyzer } from "../session";
import { missingAction } from "../ui";
import type { Failure } from "../ui";
import type { Annotation } from "./ace";

// The types of policies, and what the API calls them.
export type Kind = "identity" | "trust" | "resource";

export const policyTypes: Record<Kind, PolicyType> = { identity: "IDENTITY_POLICY", trust: "RESOURCE_POLICY", resource: "RESOURCE_POLICY" };

// validate asks for all that is to be said of a policy.
export async function validate(policyDocument: string, kind: Kind): Promise<ValidatePolicyFinding[]> {
  const all: ValidatePolicyFinding[] = [];
  let nextToken: string | undefined;
  do {
    const out = await analyzer().validatePolicy({
      policyDocument, policyType: policyTypes[kind], nextToken, validatePolicyResourceType: kind === "trust" ? ("AWS::IAM::AssumeRolePolicyDocument" as ValidatePolicyResourceType) : undefined,
    });
    all.push(...(out.findings ?? []));
    nextToken = out.nextToken;
  } while (nextToken);
  return all;
}

export interface Findings {
  found: ValidatePolicyFinding[];
  error?: Failure;
  busy: boolean;
}

// pause is how long nobody must have typed before a policy is looked at.
const pause = 400;

// useFindings are what is to be said of the text, some time after it changed.
export function useFindings(text: string, kind: Kind, off?: boolean): Findings {
  const [state, setState] = useState<Findings>({ found: [], busy: !off });
  useEffect(() => {
    if (off) return;
    let left = false;
    setState((s) => ({ ...s, busy: true }));
    const timer = setTimeout(() => {
      validate(text, kind).then(
        (found) => left || setState({ found, busy: false }),
        (error: Failure) => left || setState({ found: [], error, busy: false }),
      );
    }, pause);
    return () => {
      left = true;
      clearTimeout(timer);
    };
  }, [text, kind, off]);
  return state;
}

// marks are findings as ace shows them at their lines. Errors of the syntax it
// finds itself, and suggestions stand in their list only.
export const marks = (found: ValidatePolicyFinding[]): Annotation[] =>
  found.filter((f) => f.issueCode !== "JSON_SYNTAX_ERROR" && f.findingType !== "SUGGESTION").flatMap((f) => (f.locations ?? []).map((l): Annotation => ({
    row: (l.span?.start?.line ?? 1) - 1, column: l.span?.start?.column ?? 0, text: f.findingDetails ?? "", type: f.findingType === "ERROR" ? "error" : "warning",
  })));

const tabs = [["SECURITY_WARNING", "Security", "security warnings"], ["ERROR", "Errors", "errors"], ["WARNING", "Warnings", "warnings"], ["SUGGESTION", "Suggestions", "suggestions"]] as const;

// title is a code in words: "Invalid action".
const title = (code = "") => code.charAt(0) + code.slice(1).toLowerCase().replaceAll("_", " ");

// FindingTabs lists findings by their type, each with a way to its place.
export function FindingTabs({ findings, onGo }: { findings: Findings; onGo: (line: number, column: number) => void }) {
  const [chosen, setChosen] = useState<string>();
  const of = (type: string) => findings.found.filter((f) => f.findingType === type);
  const first = tabs.find(([type]) => of(type).length)?.[0] ?? "SECURITY_WARNING";
  if (findings.error) {
    const action = missingAction(findings.error);
    return <Box variant="small">{action ? `The policy is checked when it is saved: to see findings here you need ${action}.` : `The policy could not be checked: ${findings.error.message}`}</Box>;
  }
  return (
    <Tabs
      ariaLabel="Findings" activeTabId={chosen ?? first} onChange={(e) => setChosen(e.detail.activeTabId)}
      tabs={tabs.map(([type, label, many]) => ({
        id: type, label: `${label}: ${of(type).length}`,
        content: (
          <SpaceBetween size="xs">
            {of(type).length === 0 && <StatusIndicator type={findings.busy ? "in-progress" : "success"}>{findings.busy ? "Looking" : `No ${many}`}</StatusIndicator>}
            {of(type).map((f, i) => (
              <div key={i}>
                <Box fontWeight="bold" display="inline">{title(f.issueCode)}: </Box>{f.findingDetails}{" "}
                {(f.locations ?? []).slice(0, 5).map((l, j) => (
                  <Button key={j} variant="inline-link" onClick={() => onGo(l.span?.start?.line ?? 1, l.span?.start?.column ?? 0)}>
                    {`Line ${l.span?.start?.line}, column ${(l.span?.start?.column ?? 0) + 1}`}
                  </Button>
                ))}{" "}
                <Link href={f.learnMoreLink} external target="_blank" fontSize="body-s">Learn more</Link>
              </div>
            ))}
          </SpaceBetween>
        ),
      }))}
    />
  );
}
