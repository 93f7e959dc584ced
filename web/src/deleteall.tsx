import { Alert, ProgressBar } from "@cloudscape-design/components";
import { useState } from "react";
import type { Step } from "./cleanup";
import { flashed } from "./flash";
import { Impact } from "./impact";
import { Problem, Typed, useLoad } from "./ui";

// DeleteAll deletes a thing with all that hangs on it, in the order that the API
// demands, and shows how far it is.
export function DeleteAll({ kind, name, steps, onDismiss, onDone }: { kind: string; name: string; steps: (name: string) => Promise<Step[]>; onDismiss: () => void; onDone: () => void }) {
  const { data, error } = useLoad(() => steps(name), [name]);
  const [done, setDone] = useState(0);
  const [now, setNow] = useState("");
  return (
    <Typed
      title={`Delete ${name}?`} name={name} onDismiss={onDismiss} disabled={!data}
      onConfirm={async () => {
        for (const [i, step] of (data ?? []).entries()) {
          setNow(step.text);
          await step.run();
          setDone(i + 1);
        }
        onDone();
        setTimeout(() => flashed(`The ${kind} ${name} is deleted.`));
      }}
    >
      <Alert type="warning">Delete the {kind} permanently? What depends on it stops working at once. This can't be undone.</Alert>
      {kind === "user" && <Impact of={{ user: name }} />}
      {kind === "role" && <Impact of={{ role: name }} />}
      <Problem error={error} />
      {data && <div>These go, in this order:<ul>{data.map((s) => <li key={s.text}>{s.text}</li>)}</ul></div>}
      {now && data && <ProgressBar value={(100 * done) / data.length} label="Progress" description={now} />}
    </Typed>
  );
}
