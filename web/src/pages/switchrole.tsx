import { Alert, Button, Container, FormField, Header, Input, RadioGroup, SpaceBetween } from "@cloudscape-design/components";
import { useState } from "react";
import { useSession } from "../app";
import { go, useRoute } from "../router";
import { switchRole } from "../session";
import { Problem } from "../ui";
import type { Failure } from "../ui";

const colors = [["#f2b0a9", "Red"], ["#fbbf93", "Orange"], ["#fad791", "Yellow"], ["#b7ca9d", "Green"], ["#99bce3", "Blue"]];

export function SwitchRole() {
  const { session, setRole } = useSession();
  const route = useRoute();
  const [account, setAccount] = useState(route.query.get("account") ?? session.account);
  const [name, setName] = useState(route.query.get("roleName") ?? "");
  const [display, setDisplay] = useState(route.query.get("displayName") ?? "");
  const [color, setColor] = useState("#f2b0a9");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Failure>();
  const change = async () => {
    setBusy(true);
    setError(undefined);
    const role = { arn: `arn:aws:iam::${account}:role/${name}`, account, name, display: display || `${name} @ ${account}`, color };
    try {
      await switchRole(role);
      setRole(role);
      go("/home");
    } catch (e) {
      setError(e as Failure);
      setBusy(false);
    }
  };
  return (
    <SpaceBetween size="l">
      <Header variant="h1" description="Act as a role, with its permissions instead of yours, until you switch back.">Switch role</Header>
      {!session.user && <Alert type="info">The root user can't switch roles. Sign in as an IAM user.</Alert>}
      <Container>
        <SpaceBetween size="m">
          <FormField label="Account ID" constraintText="12 digits"><Input value={account} onChange={(e) => setAccount(e.detail.value)} /></FormField>
          <FormField label="IAM role name"><Input value={name} onChange={(e) => setName(e.detail.value)} /></FormField>
          <FormField label="Display name - optional"><Input value={display} onChange={(e) => setDisplay(e.detail.value)} /></FormField>
          <FormField label="Display color">
            <RadioGroup value={color} onChange={(e) => setColor(e.detail.value)} items={colors.map(([value, label]) => ({ value, label }))} />
          </FormField>
          <Problem error={error} what="You can't switch to this role" />
        </SpaceBetween>
      </Container>
      <Button variant="primary" loading={busy} disabled={!session.user || !name || !/^\d{12}$/.test(account)} onClick={() => void change()}>Switch role</Button>
    </SpaceBetween>
  );
}
