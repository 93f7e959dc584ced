import { useCollection } from "@cloudscape-design/collection-hooks";
import {
  Alert, Box, Button, CollectionPreferences, FormField, Header, Input, Link, Modal, Pagination, Popover, SpaceBetween, StatusIndicator, Table, TextFilter,
} from "@cloudscape-design/components";
import type { TableProps } from "@cloudscape-design/components";
import { useCallback, useEffect, useRef, useState } from "react";
import type { ReactNode } from "react";

// Failure is what an error of the API has.
export interface Failure {
  name?: string;
  message?: string;
  $metadata?: { requestId?: string };
}

// Loaded is what a page is waiting for.
export interface Loaded<T> {
  data?: T;
  error?: Failure;
  loading: boolean;
  reload: () => void;
}

// useLoad loads when the deps change, and on reload.
export function useLoad<T>(load: () => Promise<T>, deps: unknown[]): Loaded<T> {
  const [state, setState] = useState<{ data?: T; error?: Failure; loading: boolean }>({ loading: true });
  const [turn, setTurn] = useState(0);
  const loader = useRef(load);
  loader.current = load;
  useEffect(() => {
    let left = false;
    setState((s) => ({ ...s, loading: true, error: undefined }));
    loader.current().then(
      (data) => left || setState({ data, loading: false }),
      (error: Failure) => left || setState({ error, loading: false }),
    );
    return () => {
      left = true;
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [turn, ...deps]);
  const reload = useCallback(() => setTurn((n) => n + 1), []);
  return { ...state, reload };
}

// absent gives undefined where the API says that there is no such thing.
export async function absent<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (e) {
    if ((e as Failure).name === "NoSuchEntityException" || (e as Failure).name === "NoSuchEntity") return undefined;
    throw e;
  }
}

// missingAction is the action that a denial says is missing.
export function missingAction(e: Failure): string | undefined {
  return /perform: ([\w-]+:\w+)/.exec(e.message ?? "")?.[1];
}

// Problem says in words what went wrong, with the code and the request's id.
export function Problem({ error, what }: { error?: Failure; what?: string }) {
  if (!error) return null;
  const action = missingAction(error);
  const id = error.$metadata?.requestId;
  return (
    <Alert type="error" header={action ? `You need permission for ${action}` : (what ?? "That did not work")}>
      {error.message}
      <Box variant="small" display="block" color="inherit">
        {error.name}
        {id && ` · request ${id}`}
        {(id || action) && (
          <>
            {" · "}
            <Link href={`#/why?${id ? `request=${id}&` : ""}text=${encodeURIComponent(error.message ?? "")}`} fontSize="body-s">
              Why?
            </Link>
          </>
        )}
      </Box>
    </Alert>
  );
}

export const when = (d?: Date | string) => (d ? new Date(d).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" }) : "-");

export const daysSince = (d?: Date | string) => (d ? Math.floor((Date.now() - new Date(d).getTime()) / 86_400_000) : undefined);

export function ago(d?: Date | string): string {
  if (!d) return "-";
  const seconds = Math.max(0, (Date.now() - new Date(d).getTime()) / 1000);
  for (const [name, length] of [["day", 86_400], ["hour", 3600], ["minute", 60]] as const) {
    const n = Math.floor(seconds / length);
    if (n > 0) return `${n} ${name}${n > 1 ? "s" : ""} ago`;
  }
  return "less than a minute ago";
}

// download gives the person a file.
export function download(name: string, text: string, type = "text/csv") {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// csv makes a file as AWS's console does: with a byte order mark and CRLF.
export function csv(rows: (string | undefined)[][]): string {
  const field = (v = "") => (/[",\r\n]/.test(v) ? '"' + v.replaceAll('"', '""') + '"' : v);
  return "\ufeff" + rows.map((r) => r.map(field).join(",") + "\r\n").join("");
}

// Copy is a text with a button that copies it.
export function Copy({ text, label, shown }: { text: string; label: string; shown?: ReactNode }) {
  const [failed, setFailed] = useState(false);
  return (
    <span>
      <Popover
        size="small" position="top" triggerType="custom" dismissButton={false}
        content={<StatusIndicator type={failed ? "error" : "success"}>{failed ? "Not copied" : label + " copied"}</StatusIndicator>}
      >
        <Button
          variant="inline-icon" iconName="copy" ariaLabel={"Copy " + label}
          onClick={() => void navigator.clipboard.writeText(text).then(() => setFailed(false), () => setFailed(true))}
        />
      </Popover>{" "}
      {shown ?? text}
    </span>
  );
}

// Typed asks for a destructive step: the name must be typed.
export function Typed(props: {
  title: string; name: string; verb?: string; children?: ReactNode; disabled?: boolean; onDismiss: () => void; onConfirm: () => Promise<void>;
}) {
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Failure>();
  const verb = props.verb ?? "Delete";
  const confirm = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await props.onConfirm();
    } catch (e) {
      setError(e as Failure);
      setBusy(false);
    }
  };
  return (
    <Modal
      visible header={props.title} onDismiss={props.onDismiss}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={props.onDismiss}>Cancel</Button>
            <Button variant="primary" loading={busy} disabled={text !== props.name || props.disabled} onClick={() => void confirm()}>{verb}</Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        {props.children}
        <FormField label={<>To confirm, enter <b>{props.name}</b> in the field.</>}>
          <Input value={text} onChange={(e) => setText(e.detail.value)} placeholder={props.name} ariaLabel="Confirmation" autoFocus disableBrowserAutocorrect />
        </FormField>
        <Problem error={error} />
      </SpaceBetween>
    </Modal>
  );
}

// Ask asks for a step with a button.
export function Ask(props: { title: string; verb: string; children?: ReactNode; disabled?: boolean; onDismiss: () => void; onConfirm: () => Promise<void>; size?: "medium" | "large" }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Failure>();
  const confirm = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await props.onConfirm();
    } catch (e) {
      setError(e as Failure);
      setBusy(false);
    }
  };
  return (
    <Modal
      visible header={props.title} onDismiss={props.onDismiss} size={props.size}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={props.onDismiss}>Cancel</Button>
            <Button variant="primary" loading={busy} disabled={props.disabled} onClick={() => void confirm()}>{props.verb}</Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        {props.children}
        <Problem error={error} />
      </SpaceBetween>
    </Modal>
  );
}

// Page is one page of a list that the API gives in pages.
export interface Page<T> {
  items: T[];
  marker?: string;
}

// usePages loads the first page, and further ones when they are asked for.
export function usePages<T>(load: (marker?: string) => Promise<Page<T>>, deps: unknown[] = []) {
  const [extra, setExtra] = useState<T[]>([]);
  const [marker, setMarker] = useState<string | undefined>();
  const first = useLoad(async () => {
    const page = await load();
    setExtra([]);
    setMarker(page.marker);
    return page.items;
  }, deps);
  const more = async () => {
    if (!marker) return;
    const page = await load(marker);
    setExtra((items) => [...items, ...page.items]);
    setMarker(page.marker);
  };
  const items = first.data ? [...first.data, ...extra] : [];
  return { items, error: first.error, loading: first.loading, hasMore: marker !== undefined, more, reload: first.reload };
}

type Columns<T> = (TableProps.ColumnDefinition<T> & { id: string; hidden?: boolean })[];

// Listing is a table that filters, sorts, pages and remembers its columns.
export function Listing<T>(props: {
  name: string; // of the things, for the header
  thing: string; // one of them
  items: readonly T[];
  columns: Columns<T>;
  id: (item: T) => string;
  loading?: boolean;
  error?: Failure;
  hasMore?: boolean;
  more?: () => Promise<void>;
  actions?: ReactNode;
  description?: ReactNode;
  select?: "single" | "multi";
  selected?: T[];
  onSelect?: (items: T[]) => void;
  search?: (item: T, text: string) => boolean;
  variant?: TableProps["variant"];
  placeholder?: string;
  reload?: () => void;
  initialText?: string;
}) {
  const storage = "sallyport-columns-" + props.name;
  const [preferences, setPreferences] = useState(() => {
    const standard = { pageSize: 20, wrapLines: false, contentDisplay: props.columns.map((c) => ({ id: c.id, visible: !c.hidden })) };
    try {
      const stored = JSON.parse(localStorage.getItem(storage) ?? "null") as typeof standard | null;
      return stored && stored.contentDisplay.length === props.columns.length ? stored : standard;
    } catch {
      return standard;
    }
  });
  const text = (item: T) => props.columns.map((c) => (c.sortingField ? String((item as Record<string, unknown>)[c.sortingField] ?? "") : "")).join(" ");
  const { items, actions, collectionProps, filterProps, paginationProps, filteredItemsCount } = useCollection(props.items, {
    filtering: {
      defaultFilteringText: props.initialText,
      filteringFunction: (item, t) => (text(item) + props.id(item)).toLowerCase().includes(t.toLowerCase()) || (props.search?.(item, t) ?? false),
      empty: <Box textAlign="center">{props.error ? "Not loaded." : `No ${props.name.toLowerCase()}.`}</Box>,
      noMatch: <Box textAlign="center">Nothing matches. <Button variant="inline-link" onClick={() => actions.setFiltering("")}>Clear filter</Button></Box>,
    },
    pagination: { pageSize: preferences.pageSize },
    sorting: {},
  });
  const title = props.name;
  return (
    <SpaceBetween size="m">
      <Problem error={props.error} what={`The ${title.toLowerCase()} can't be shown`} />
      <Table<T>
        {...collectionProps}
        items={items}
        columnDefinitions={props.columns}
        columnDisplay={preferences.contentDisplay}
        wrapLines={preferences.wrapLines}
        trackBy={props.id}
        loading={props.loading && props.items.length === 0}
        loadingText="Loading"
        variant={props.variant ?? "full-page"}
        stickyHeader
        resizableColumns
        enableKeyboardNavigation
        selectionType={props.select}
        selectedItems={props.selected ?? []}
        onSelectionChange={(e) => props.onSelect?.(e.detail.selectedItems)}
        ariaLabels={{
          tableLabel: title,
          selectionGroupLabel: title + " selection",
          allItemsSelectionLabel: () => "Select all",
          itemSelectionLabel: (_, item) => "Select " + props.id(item),
        }}
        header={
          <Header
            variant={props.variant === "embedded" || props.variant === "container" ? "h2" : "h1"}
            counter={props.loading && props.items.length === 0 ? undefined : `(${props.items.length}${props.hasMore ? "+" : ""})`}
            description={props.description}
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                {props.reload && <Button iconName="refresh" ariaLabel="Refresh" onClick={props.reload} />}
                {props.actions}
              </SpaceBetween>
            }
          >
            {title}
          </Header>
        }
        filter={
          <TextFilter
            {...filterProps}
            filteringPlaceholder={props.placeholder ?? `Search ${title.toLowerCase()}`}
            filteringAriaLabel={"Search " + title.toLowerCase()}
            countText={`${filteredItemsCount} match${filteredItemsCount === 1 ? "" : "es"}${props.hasMore ? " so far" : ""}`}
          />
        }
        pagination={
          <Pagination
            {...paginationProps}
            openEnd={props.hasMore}
            onNextPageClick={(e) => {
              if (e.detail.requestedPageAvailable === false) void props.more?.();
            }}
          />
        }
        preferences={
          <CollectionPreferences
            title="Preferences" confirmLabel="Confirm" cancelLabel="Cancel"
            preferences={preferences}
            onConfirm={(e) => {
              const next = e.detail as typeof preferences;
              localStorage.setItem(storage, JSON.stringify(next));
              setPreferences(next);
            }}
            pageSizePreference={{ title: "Page size", options: [10, 20, 50, 100].map((value) => ({ value, label: `${value} ${title.toLowerCase()}` })) }}
            wrapLinesPreference={{ label: "Wrap lines", description: "Show all of long texts" }}
            contentDisplayPreference={{ title: "Columns", options: props.columns.map((c) => ({ id: c.id, label: String(c.header) })) }}
          />
        }
      />
    </SpaceBetween>
  );
}

// all gathers the pages of a list of the API.
export async function all<T, M extends string | undefined>(load: (marker?: M) => Promise<{ items?: T[]; marker?: M }>): Promise<T[]> {
  const items: T[] = [];
  let marker: M | undefined;
  do {
    const page = await load(marker);
    items.push(...(page.items ?? []));
    marker = page.marker;
  } while (marker);
  return items;
}
