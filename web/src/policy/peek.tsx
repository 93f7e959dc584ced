import { Button, Container, Header, SegmentedControl, SpaceBetween, StatusIndicator } from "@cloudscape-design/components";
import { useState } from "react";
import { Buttons, Problem, useLoad } from "../ui";
import { pretty } from "./document";
import { Summary } from "./summary";
import { PolicyText } from "./text";

// Peek shows what a policy of a list permits, and its text.
export function Peek({ name, load, onDismiss }: { name: string; load: () => Promise<string>; onDismiss: () => void }) {
  const [form, setForm] = useState("json");
  const { data, error } = useLoad(async () => pretty(await load()), [name]);
  return (
    <Container
      header={
        <Header
          variant="h3"
          actions={
            <Buttons>
              <SegmentedControl label="Shown as" selectedId={form} onChange={(e) => setForm(e.detail.selectedId)} options={[{ id: "json", text: "JSON" }, { id: "summary", text: "Summary" }]} />
              {data && <Button onClick={() => void navigator.clipboard.writeText(data)}>Copy JSON</Button>}
              <Button onClick={onDismiss}>Close</Button>
            </Buttons>
          }
        >
          {name}
        </Header>
      }
    >
      <SpaceBetween size="m">
        <Problem error={error} what="The policy can't be shown" />
        {data === undefined ? !error && <StatusIndicator type="loading">Loading</StatusIndicator> : form === "summary" ? <Summary text={data} /> : <PolicyText text={data} marks={[]} label={"Document of " + name} />}
      </SpaceBetween>
    </Container>
  );
}
