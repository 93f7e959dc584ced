import { Button, Container, DateRangePicker, FormField, Header, Input, KeyValuePairs, Link, Select, SpaceBetween } from "@cloudscape-design/components";
import type { DateRangePickerProps } from "@cloudscape-design/components";
import type { Event, LookupAttributeKey } from "@aws-sdk/client-cloudtrail";
import { useState } from "react";
import { PolicyEditor, pretty } from "../editor";
import { recordOf } from "../events";
import { at, useRoute } from "../router";
import { trail } from "../session";
import { Buttons, Copy, csv, download, Listing, Problem, useLoad, usePages, when } from "../ui";

const attributes: { value: LookupAttributeKey; label: string }[] = [
  { value: "ReadOnly", label: "Read-only" },
  { value: "EventName", label: "Event name" },
  { value: "EventSource", label: "Event source" },
  { value: "EventId", label: "Event ID" },
  { value: "Username", label: "User name" },
  { value: "AccessKeyId", label: "AWS access key" },
  { value: "ResourceName", label: "Resource name" },
  { value: "ResourceType", label: "Resource type" },
];

type Range = DateRangePickerProps.Value | null;

const units = { second: 1, minute: 60, hour: 3600, day: 86_400, week: 604_800, month: 2_592_000, year: 31_536_000 };

// bounds are the times of a range.
function bounds(range: Range): { StartTime?: Date; EndTime?: Date } {
  if (range?.type === "relative") return { StartTime: new Date(Date.now() - range.amount * units[range.unit] * 1000) };
  if (range?.type === "absolute") return { StartTime: new Date(range.startDate), EndTime: new Date(range.endDate) };
  return {};
}

const ranges = ([[30, "minute"], [1, "hour"], [12, "hour"], [1, "day"], [7, "day"], [90, "day"]] as const).map(([amount, unit]) => ({ key: `${amount}-${unit}`, amount, unit, type: "relative" as const }));

interface Filter {
  attribute: LookupAttributeKey;
  value: string;
}

// asked is the filter that a link to this page asks for.
function asked(query: URLSearchParams): Filter {
  if (query.get("key")) return { attribute: "AccessKeyId", value: query.get("key")! };
  const found = attributes.find((a) => query.get(a.value));
  return found ? { attribute: found.value, value: query.get(found.value)! } : { attribute: "ReadOnly", value: "false" };
}

export function Events() {
  const route = useRoute();
  const [filter, setFilter] = useState<Filter>(() => asked(route.query));
  const [draft, setDraft] = useState(filter);
  const [range, setRange] = useState<Range>(null);
  const pages = usePages(async (NextToken?: string) => {
    const attribute = filter.value ? [{ AttributeKey: filter.attribute, AttributeValue: filter.value }] : undefined;
    const out = await trail().lookupEvents({ LookupAttributes: attribute, ...bounds(range), MaxResults: 50, NextToken });
    return { items: out.Events ?? [], marker: out.NextToken };
  }, [filter, range]);
  const choose = (attribute: LookupAttributeKey) => setDraft({ attribute, value: attribute === "ReadOnly" ? "false" : "" });
  return (
    <SpaceBetween size="l">
      <Header variant="h1" description="The calls to this account's APIs of the last 90 days, the newest first.">Event history</Header>
      <Container>
        <SpaceBetween size="m" direction="horizontal">
          <FormField label="Lookup attributes">
            <Select selectedOption={attributes.find((a) => a.value === draft.attribute) ?? null} options={attributes} onChange={(e) => choose(e.detail.selectedOption.value as LookupAttributeKey)} />
          </FormField>
          <FormField label="Value">
            <Input value={draft.value} placeholder="Any" onChange={(e) => setDraft({ ...draft, value: e.detail.value })} onKeyDown={(e) => e.detail.key === "Enter" && setFilter({ ...draft })} />
          </FormField>
          <FormField label="Time">
            <DateRangePicker
              value={range} onChange={(e) => setRange(e.detail.value)} placeholder="The last 90 days" relativeOptions={ranges} isValidRange={(r) => (r ? { valid: true } : { valid: false, errorMessage: "Choose a range." })}
              i18nStrings={{ formatRelativeRange: (r) => `Last ${r.amount} ${r.unit}${r.amount > 1 ? "s" : ""}`, formatUnit: (unit, n) => unit + (n === 1 ? "" : "s") }}
            />
          </FormField>
          <FormField label={<span aria-hidden="true">&nbsp;</span>}><Button onClick={() => setFilter({ ...draft })}>Look up</Button></FormField>
        </SpaceBetween>
      </Container>
      <Listing<Event>
        name="Events" thing="event" variant="container" {...pages} partly={() => true} id={(e) => e.EventId ?? ""} placeholder="Search the events that are loaded"
        actions={
          <>
            <Button iconName="download" onClick={() => download("event_history.csv", csv(table(pages.items)))}>Download as CSV</Button>
            <Button iconName="download" onClick={() => download("event_history.json", JSON.stringify({ Records: pages.items.map(recordOf) }, null, 2), "application/json")}>Download as JSON</Button>
          </>
        }
        columns={[
          { id: "name", header: "Event name", sortingField: "EventName", isRowHeader: true, minWidth: 180, cell: (e) => <Link href={at("events", "details", e.EventId!)}>{e.EventName}</Link> },
          { id: "time", header: "Event time", sortingField: "EventTime", minWidth: 190, cell: (e) => when(e.EventTime) },
          { id: "user", header: "User name", sortingField: "Username", minWidth: 130, cell: (e) => e.Username ?? "-" },
          { id: "source", header: "Event source", sortingField: "EventSource", minWidth: 180, cell: (e) => e.EventSource },
          { id: "type", header: "Resource type", minWidth: 150, cell: (e) => e.Resources?.map((r) => r.ResourceType).join(", ") || "-" },
          { id: "resource", header: "Resource name", minWidth: 160, cell: (e) => e.Resources?.map((r) => r.ResourceName).join(", ") || "-" },
          { id: "error", header: "Error code", minWidth: 130, cell: (e) => recordOf(e).errorCode ?? "-" },
          { id: "id", header: "Event ID", sortingField: "EventId", hidden: true, cell: (e) => e.EventId },
          { id: "ip", header: "Source IP address", hidden: true, cell: (e) => recordOf(e).sourceIPAddress ?? "-" },
          { id: "key", header: "AWS access key", sortingField: "AccessKeyId", hidden: true, cell: (e) => e.AccessKeyId ?? "-" },
          { id: "readonly", header: "Read-only", sortingField: "ReadOnly", hidden: true, cell: (e) => e.ReadOnly ?? "-" },
        ]}
      />
    </SpaceBetween>
  );
}

const table = (events: Event[]) => [
  ["Event ID", "Event time", "User name", "Event name", "Event source", "AWS access key", "Read-only", "Source IP address", "Error code"],
  ...events.map((e) => [e.EventId, e.EventTime?.toISOString(), e.Username, e.EventName, e.EventSource, e.AccessKeyId, e.ReadOnly, recordOf(e).sourceIPAddress, recordOf(e).errorCode]),
];

// EventPage shows one event.
export function EventPage({ name: EventId }: { name: string }) {
  const { data, error } = useLoad(async () => {
    const out = await trail().lookupEvents({ LookupAttributes: [{ AttributeKey: "EventId", AttributeValue: EventId }] });
    return out.Events?.[0] ?? null;
  }, [EventId]);
  const record = data ? recordOf(data) : {};
  const denied = /^(AccessDenied|Client\.UnauthorizedOperation|UnauthorizedOperation)/.test(record.errorCode ?? "");
  const why = "#/why?" + new URLSearchParams({ event: EventId, text: record.errorMessage ?? "" }).toString();
  return (
    <SpaceBetween size="l">
      <Header variant="h1" actions={data && <Buttons>{denied && <Button href={why}>Why denied?</Button>}<Button iconName="download" onClick={() => download(EventId + ".json", pretty(data.CloudTrailEvent ?? ""), "application/json")}>Download</Button></Buttons>}>
        {data?.EventName ?? "Event"}
      </Header>
      <Problem error={error} what="The event can't be shown" />
      {data === null && <Container>There is no such event in the last 90 days.</Container>}
      {data && (
        <SpaceBetween size="l">
          <Container header={<Header variant="h2">Details</Header>}>
            <KeyValuePairs columns={3} items={[
              { label: "Event time", value: when(data.EventTime) }, { label: "User name", value: data.Username ?? "-" }, { label: "Event name", value: data.EventName },
              { label: "Event source", value: data.EventSource }, { label: "AWS access key", value: data.AccessKeyId ? <Link href={"#/find?key=" + data.AccessKeyId}>{data.AccessKeyId}</Link> : "-" }, { label: "Source IP address", value: record.sourceIPAddress ?? "-" },
              { label: "Event ID", value: <Copy text={EventId} label="event ID" /> }, { label: "Request ID", value: record.requestID ? <Copy text={record.requestID} label="request ID" /> : "-" }, { label: "AWS Region", value: record.awsRegion ?? "-" },
              { label: "Error code", value: record.errorCode ?? "-" }, { label: "Read-only", value: data.ReadOnly ?? "-" }, { label: "User agent", value: record.userAgent ?? "-" },
              ...(record.errorMessage ? [{ label: "Error message", value: record.errorMessage }] : []),
            ]} />
          </Container>
          <Listing
            name="Resources referenced" thing="resource" variant="container" items={data.Resources ?? []} id={(r) => `${r.ResourceType} ${r.ResourceName}`}
            columns={[
              { id: "type", header: "Resource type", sortingField: "ResourceType", cell: (r) => r.ResourceType },
              { id: "name", header: "Resource name", sortingField: "ResourceName", isRowHeader: true, cell: (r) => <Link href={"#/events?" + new URLSearchParams({ ResourceName: r.ResourceName ?? "" }).toString()}>{r.ResourceName}</Link> },
            ]}
          />
          <Container header={<Header variant="h2">Event record</Header>}><PolicyEditor readOnly value={pretty(data.CloudTrailEvent ?? "")} label="Event record" /></Container>
        </SpaceBetween>
      )}
    </SpaceBetween>
  );
}
