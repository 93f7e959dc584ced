import { Alert, Button, Container, FormField, Header, Input, KeyValuePairs, Link, SpaceBetween, StatusIndicator } from "@cloudscape-design/components";
import type { Event } from "@aws-sdk/client-cloudtrail";
import { useEffect, useState } from "react";
import { at, go, useRoute } from "../router";
import { iam, sts, trail } from "../session";
import { ago, Listing, Problem, useLoad, when } from "../ui";
import type { Failure } from "../ui";

interface Found {
  account?: string;
  user?: string; // empty for root
  status: string; // empty for a key that is no more
  created?: Date;
  used?: Date;
  service?: string;
  made: Event[]; // what was done to the key
  calls: Event[]; // what was done with it
}

// lookup gives the newest events that have the attribute.
async function lookup(AttributeKey: "AccessKeyId" | "ResourceName", AttributeValue: string): Promise<Event[]> {
  return (await trail().lookupEvents({ LookupAttributes: [{ AttributeKey, AttributeValue }], MaxResults: 50 })).Events ?? [];
}

// find says whose a key is: of the account's keys, or else of the trail.
async function find(AccessKeyId: string): Promise<Found> {
  const [info, used, made, calls] = await Promise.all([
    sts().getAccessKeyInfo({ AccessKeyId }).catch(() => undefined),
    iam().getAccessKeyLastUsed({ AccessKeyId }).catch((e: Failure) => e),
    lookup("ResourceName", AccessKeyId).catch(() => []),
    lookup("AccessKeyId", AccessKeyId).catch(() => []),
  ]);
  const found = { account: info?.Account, made, calls };
  if (!("AccessKeyLastUsed" in used)) {
    if (made.length + calls.length === 0) throw used;
    return { ...found, user: calls[0]?.Username ?? made.flatMap((e) => e.Resources ?? []).find((r) => r.ResourceType === "AWS::IAM::User")?.ResourceName, status: "", used: calls[0]?.EventTime, service: calls[0]?.EventSource };
  }
  const keys = (await iam().listAccessKeys({ UserName: used.UserName || undefined }).catch(() => undefined))?.AccessKeyMetadata ?? [];
  const key = keys.find((k) => k.AccessKeyId === AccessKeyId);
  const last = used.AccessKeyLastUsed;
  return { ...found, user: used.UserName, status: key?.Status ?? "", created: key?.CreateDate, used: last?.LastUsedDate, service: last?.ServiceName };
}

// FindKey says whose an access key is, also of one that was deleted.
export function FindKey() {
  const route = useRoute();
  const asked = route.query.get("key") ?? "";
  const [id, setID] = useState(asked);
  useEffect(() => setID(asked), [asked]);
  const { data, error, loading } = useLoad(async () => (asked ? find(asked) : undefined), [asked]);
  const go_ = () => go("/find?key=" + encodeURIComponent(id));
  return (
    <SpaceBetween size="l">
      <Header variant="h1" description="Paste the id of an access key to see whose it is, also of one that was deleted.">Find an access key</Header>
      <Container>
        <SpaceBetween size="m">
          <FormField label="Access key ID"><Input value={id} onChange={(e) => setID(e.detail.value.trim().toUpperCase())} onKeyDown={(e) => e.detail.key === "Enter" && go_()} placeholder="AKIA…" /></FormField>
          <Button variant="primary" disabled={!id} loading={loading && asked !== ""} onClick={go_}>Find</Button>
        </SpaceBetween>
      </Container>
      <Problem error={error} what="The key was not found" />
      {data && (
        <SpaceBetween size="l">
          <Container header={<Header variant="h2">{asked}</Header>}>
            <KeyValuePairs columns={3} items={[
              { label: "Owner", value: data.user ? <Link href={at("users", "details", data.user) + "?section=security_credentials"}>{data.user}</Link> : "Root user" },
              { label: "Status", value: data.status ? <StatusIndicator type={data.status === "Active" ? "success" : "stopped"}>{data.status}</StatusIndicator> : <StatusIndicator type="error">Deleted</StatusIndicator> },
              { label: "Account", value: data.account ?? "-" }, { label: "Created", value: when(data.created ?? data.made.find((e) => e.EventName === "CreateAccessKey")?.EventTime) },
              { label: "Last used", value: data.used ? ago(data.used) : "Never" }, { label: "Last used service", value: data.service ?? "-" },
            ]} />
          </Container>
          {!data.status && <Alert type="info">The account has no such key now. What is shown is what the trail remembers of it.</Alert>}
          <Calls name="Changes of this key" events={data.made} />
          <Calls name="Calls by this key" events={data.calls} />
        </SpaceBetween>
      )}
    </SpaceBetween>
  );
}

function Calls({ name, events }: { name: string; events: Event[] }) {
  return (
    <Listing<Event>
      name={name} thing="event" variant="container" items={events} id={(e) => e.EventId ?? ""}
      columns={[
        { id: "name", header: "Event name", sortingField: "EventName", isRowHeader: true, cell: (e) => <Link href={at("events", "details", e.EventId!)}>{e.EventName}</Link> },
        { id: "time", header: "Event time", sortingField: "EventTime", cell: (e) => when(e.EventTime) },
        { id: "user", header: "User name", sortingField: "Username", cell: (e) => e.Username ?? "-" },
        { id: "source", header: "Event source", sortingField: "EventSource", cell: (e) => e.EventSource },
      ]}
    />
  );
}
