import { Alert, ProgressBar } from "@cloudscape-design/components";
import { useState } from "react";
import type { ReactNode } from "react";
import type { Step } from "./cleanup";
import { flashed } from "./flash";
import { Impact } from "./impact";
import type { Subject } from "./impact";
import { Problem, Typed, useLoad } from "./ui";

interface Deletion {
  kind: string;
  names: string[];
  impact: Subject;
  steps: (name: string) => Promise<Step[]>;
  disabled?: boolean;
  waiting?: boolean;
  children?: ReactNode;
  onDismiss: () => void;
  onDone: () => void;
}

// DeleteAll deletes things with all that hangs on them, in the order that the API
// demands, and shows how far it is. One is confirmed by its name, several by the
// word delete.
export function DeleteAll({ kind, names, impact, steps, disabled, waiting, children, onDismiss, onDone }: Deletion) {
  const { data, error } = useLoad(async () => (await Promise.all(names.map(steps))).flat(), names);
  const [done, setDone] = useState(0);
  const [now, setNow] = useState("");
  const one = names.length === 1;
  const what = one ? names[0] : `${names.length} ${kind}s`;
  return (
    <Typed
      title={`Delete ${what}?`} name={one ? names[0] : "delete"} onDismiss={onDismiss} disabled={!data || disabled} waiting={waiting || (!data && !error)}
      onConfirm={async () => {
        for (const [i, step] of (data ?? []).slice(done).entries()) {
          setNow(step.text);
          for (const call of step.calls) await call.run();
          setDone(done + i + 1);
        }
        onDone();
        setTimeout(() => flashed(one ? `The ${kind} ${what} is deleted.` : `${what} are deleted.`));
      }}
      shown={data?.flatMap((s) => s.calls)}
    >
      <Alert type="warning">Delete {one ? `the ${kind}` : "them"} permanently? What depends on {one ? "it" : "them"} stops working at once. This can't be undone.</Alert>
      <Impact of={impact} />
      {children}
      <Problem error={error} />
      {data && <div>These go, in this order:<ul>{data.map((s, i) => <li key={i}>{s.text}</li>)}</ul></div>}
      {now && data && <ProgressBar value={(100 * done) / data.length} label="Progress" description={now} />}
    </Typed>
  );
}
