import { Container, Header, SegmentedControl, SpaceBetween, StatusIndicator } from "@cloudscape-design/components";
import { useState } from "react";
import { Problem, useLoad } from "../ui";
import { PolicyText } from "./text";
import { Summary } from "./summary";

// Peek shows what a policy of a list permits.
export function Peek({ name, load }: { name: string; load: () => Promise<string> }) {
  const [form, setForm] = useState("summary");
  const { data, error } = useLoad(load, [name]);
  return (
    <Container header={<Header variant="h2" actions={<SegmentedControl label="Form" selectedId={form} onChange={(e) => setForm(e.detail.selectedId)} options={[{ id: "summary", text: "Summary" }, { id: "json", text: "JSON" }]} />}>{name}</Header>}>
      <SpaceBetween size="m">
        <Problem error={error} what="The policy can't be shown" />
        {data === undefined ? !error && <StatusIndicator type="loading">Loading</StatusIndicator> : form === "summary" ? <Summary text={data} /> : <PolicyText text={data} marks={[]} label={`Policy ${name}`} />}
      </SpaceBetween>
    </Container>
  );
}
