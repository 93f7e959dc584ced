import { Box, Button, HelpPanel, SpaceBetween } from "@cloudscape-design/components";
import { useState } from "react";
import { useCalls } from "./calls";
import { Code, useForm } from "./doing";

// Commands shows what the console did: as commands, and as it was asked for.
export function Commands() {
  const calls = useCalls();
  const [all, setAll] = useState(false);
  const { form, choice } = useForm(["command", "python", "terraform", "request"]);
  const shown = calls.filter((c) => (all || c.changes) && (form !== "terraform" || c.terraform)).slice(0, 50);
  return (
    <HelpPanel header={<h2>The same by command</h2>}>
      <SpaceBetween size="m">
        <p>Each call that this page made. The console has no other way in; what is secret is left out.</p>
        {choice}
        <Button onClick={() => setAll(!all)}>{all ? "Show changes only" : "Show reading calls too"}</Button>
        {shown.length === 0 && <p>No {all ? "calls" : "changes"} {form === "terraform" ? "for which Terraform has a resource" : "yet"}.</p>}
        {shown.map((c) => (
          <div key={c.id}>
            <Code text={c[form] ?? "It was not sent."} />
            <Box variant="small" display="block">
              {c.time.toLocaleTimeString("en")} · {c.error ?? "done"}
              {c.requestId && ` · request ${c.requestId}`}
            </Box>
          </div>
        ))}
      </SpaceBetween>
    </HelpPanel>
  );
}
