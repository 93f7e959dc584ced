import { parsed, statements } from "./document";

// Span is a part of a text, by offsets.
export type Span = [from: number, to: number];

// PolicyText shows the text of a policy with parts of it marked.
export function PolicyText({ text, marks, label }: { text: string; marks: Span[]; label: string }) {
  const out = [];
  let at = 0;
  for (const [from, to] of [...marks].sort((a, b) => a[0] - b[0])) {
    if (from < at || to <= from) continue;
    out.push(text.slice(at, from), <mark key={from}>{text.slice(from, to)}</mark>);
    at = to;
  }
  out.push(text.slice(at));
  return <pre tabIndex={0} aria-label={label}>{out}</pre>;
}

// statementSpans are where the statements stand in a text that pretty laid out.
export function statementSpans(text: string): Span[] {
  const doc = parsed(text);
  const indent = Array.isArray(doc?.Statement) ? "\n    " : "\n  ";
  let at = 0;
  return statements(doc).map((s): Span => {
    const own = JSON.stringify(s, null, 2).replaceAll("\n", indent);
    const from = text.indexOf(own, at);
    if (from >= 0) at = from + own.length;
    return [Math.max(from, 0), from < 0 ? 0 : at];
  });
}

// offsetOf is the offset of a line and a column, both from 1.
export const offsetOf = (text: string, line: number, column: number) => text.split("\n").slice(0, line - 1).reduce((n, l) => n + l.length + 1, 0) + column - 1;
