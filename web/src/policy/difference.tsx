import { Box } from "@cloudscape-design/components";

interface Line {
  sign: " " | "+" | "-";
  line: string;
}

// difference gives the lines that go and come between two texts.
function difference(before: string, after: string): Line[] {
  const a = before.split("\n");
  const b = after.split("\n");
  const length = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
  for (let i = a.length - 1; i >= 0; i--) for (let j = b.length - 1; j >= 0; j--) length[i][j] = a[i] === b[j] ? length[i + 1][j + 1] + 1 : Math.max(length[i + 1][j], length[i][j + 1]);
  const out: Line[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      out.push({ sign: " ", line: a[i++] });
      j++;
    } else if (j < b.length && (i >= a.length || length[i][j + 1] > length[i + 1][j])) out.push({ sign: "+", line: b[j++] });
    else out.push({ sign: "-", line: a[i++] });
  }
  return out;
}

// around is how many lines are shown before and behind what changed.
const around = 3;

// Difference shows what changes between two texts, with some lines around it.
export function Difference({ before, after }: { before: string; after: string }) {
  const lines = difference(before, after);
  if (lines.every((l) => l.sign === " ")) return <>No difference.</>;
  const near = (i: number) => lines.slice(Math.max(0, i - around), i + around + 1).some((l) => l.sign !== " ");
  const count = (sign: string) => lines.filter((l) => l.sign === sign).length;
  return (
    <>
      <Box variant="small">{`Lines that come: ${count("+")}; that go: ${count("-")}`}</Box>
      <pre tabIndex={0} aria-label="Difference">
        {lines.map((l, i) =>
          near(i) ? (
            <Box key={i} variant="code" color={l.sign === "+" ? "text-status-success" : l.sign === "-" ? "text-status-error" : "inherit"}>{`${l.sign} ${l.line}\n`}</Box>
          ) : near(i - 1) ? <span key={i}>{"  …\n"}</span> : null,
        )}
      </pre>
    </>
  );
}
