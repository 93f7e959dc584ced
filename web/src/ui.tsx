import { useCollection } from "@cloudscape-design/collection-hooks";
import { Alert, Box, Button, CollectionPreferences, FormField, Header, Input, Link, Modal, Pagination, Select, SpaceBetween, StatusIndicator, Table, TextFilter } from "@cloudscape-design/components";
import type { InputProps, TableProps } from "@cloudscape-design/components";
import { Fragment, isValidElement, useCallback, useEffect, useRef, useState } from "react";
import type { ReactNode } from "react";
import { ByCommand } from "./doing";
import type { Doing } from "./doing";
import { missingIn } from "./calls";
import { useTold } from "./lacking";

export { Copy } from "./copy";

// Failure is what an error of the API has.
export interface Failure {
  name?: string;
  Error?: { Code?: string }; // as it came, of the services with XML
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
export const missingAction = (e: Failure) => missingIn(e.message);

// Problem says in words what went wrong, with the code and the request's id.
export function Problem({ error, what }: { error?: Failure; what?: string }) {
  const id = error?.$metadata?.requestId;
  useTold(id);
  if (!error) return null;
  const action = missingAction(error);
  return (
    <Alert type="error" header={action ? `You need permission for ${action}` : (what ?? "That did not work")}>
      {error.message}
      <Box variant="small" display="block" color="inherit">
        {error.Error?.Code ?? error.name}
        {id && ` · request ${id}`}
        {" · "}
        <Link href={"#/why?" + new URLSearchParams({ text: error.message ?? "", ...(id && { request: id }) }).toString()} fontSize="body-s">
          Why?
        </Link>
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

// latest is the last of some times.
export function latest(dates: (Date | undefined)[]): Date | undefined {
  const known = dates.filter((d) => d !== undefined).map(Number);
  return known.length ? new Date(Math.max(...known)) : undefined;
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

// Buttons stand side by side.
export function Buttons({ children }: { children: ReactNode }) {
  return <SpaceBetween direction="horizontal" size="xs">{flat(children)}</SpaceBetween>;
}

const flat = (nodes: ReactNode) => (isValidElement<{ children?: ReactNode }>(nodes) && nodes.type === Fragment ? nodes.props.children : nodes);

interface Dialog {
  title: string;
  calls?: Doing[]; // are shown as commands, and made before onConfirm
  shown?: Doing[]; // are only shown: onConfirm makes them
  children?: ReactNode;
  disabled?: boolean;
  onDismiss: () => void;
  onConfirm?: () => Promise<void>;
}

// useConfirm does what a dialog is there for, and keeps what went wrong of it.
function useConfirm({ calls, onConfirm }: Pick<Dialog, "calls" | "onConfirm">) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Failure>();
  const made = useRef(new Set<string>()); // by an attempt that failed later
  const confirm = async () => {
    setBusy(true);
    setError(undefined);
    try {
      for (const call of calls ?? []) {
        const id = call.operation + JSON.stringify(call.input);
        if (made.current.has(id)) continue;
        await call.run();
        made.current.add(id);
      }
      await onConfirm?.();
    } catch (e) {
      setError(e as Failure);
      setBusy(false);
    }
  };
  return { busy, error, confirm };
}

// useFocus gives the focus to a field of a dialog, once the dialog has it.
export function useFocus<T extends { focus(): void }>() {
  const ref = useRef<T>(null);
  useEffect(() => {
    const timer = setTimeout(() => ref.current?.focus());
    return () => clearTimeout(timer);
  }, []);
  return ref;
}

// Typed asks for a destructive step: the name must be typed.
// While it waits for what it is to say, it says that.
export function Typed(props: Dialog & { name: string; verb?: string; waiting?: boolean }) {
  const [text, setText] = useState("");
  const { busy, error, confirm } = useConfirm(props);
  const ready = text === props.name && !props.disabled && !props.waiting && !busy;
  return (
    <Modal
      visible header={props.title} onDismiss={props.onDismiss}
      footer={
        <Box float="right">
          <Buttons>
            <Button variant="link" onClick={props.onDismiss}>Cancel</Button>
            <Button variant="primary" loading={busy} disabled={!ready && !busy} onClick={() => void confirm()}>{props.verb ?? "Delete"}</Button>
          </Buttons>
        </Box>
      }
    >
      <SpaceBetween size="m">
        {props.waiting ? <StatusIndicator type="loading">Looking up what depends on it</StatusIndicator> : props.children}
        {!props.waiting && <Confirmation name={props.name} text={text} onChange={setText} onEnter={() => ready && void confirm()} />}
        <Problem error={error} />
        <ByCommand calls={props.calls ?? props.shown ?? []} />
      </SpaceBetween>
    </Modal>
  );
}

function Confirmation({ name, text, onChange, onEnter }: { name: string; text: string; onChange: (text: string) => void; onEnter: () => void }) {
  const field = useFocus<InputProps.Ref>();
  return (
    <FormField label={<>To confirm, enter <b>{name}</b> in the field.</>}>
      <Input
        ref={field} value={text} onChange={(e) => onChange(e.detail.value)} onKeyDown={(e) => e.detail.key === "Enter" && onEnter()}
        placeholder={name} ariaLabel="Confirmation" disableBrowserAutocorrect
      />
    </FormField>
  );
}

// Ask asks for a step with a button.
export function Ask(props: Dialog & { verb: string; size?: "medium" | "large" }) {
  const { busy, error, confirm } = useConfirm(props);
  return (
    <Modal
      visible header={props.title} onDismiss={props.onDismiss} size={props.size}
      footer={
        <Box float="right">
          <Buttons>
            <Button variant="link" onClick={props.onDismiss}>Cancel</Button>
            <Button variant="primary" loading={busy} disabled={props.disabled} onClick={() => void confirm()}>{props.verb}</Button>
          </Buttons>
        </Box>
      }
    >
      <SpaceBetween size="m">
        {props.children}
        <Problem error={error} />
        <ByCommand calls={props.calls ?? props.shown ?? []} />
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
  const [error, setError] = useState<Failure>();
  const asked = useRef<string>(undefined); // the page that is on its way
  const first = useLoad(async () => {
    asked.current = undefined;
    const page = await load();
    setExtra([]);
    setError(undefined);
    setMarker(page.marker);
    return page.items;
  }, deps);
  const more = async () => {
    if (!marker || asked.current === marker) return;
    asked.current = marker;
    try {
      const page = await load(marker);
      if (asked.current !== marker) return; // loaded anew meanwhile
      setExtra((items) => [...items, ...page.items]);
      setMarker(page.marker);
    } catch (e) {
      setError(e as Failure);
      setMarker(undefined);
    }
  };
  const items = first.data ? [...first.data, ...extra] : [];
  return { items, error: first.error ?? error, loading: first.loading, hasMore: marker !== undefined, more, reload: first.reload };
}

// lower begins a name in lower case, unless it begins with an abbreviation.
const lower = (name: string) => (/^[A-Z][a-z]/.test(name) ? name[0].toLowerCase() + name.slice(1) : name);

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
  label?: (item: T) => string; // says which, where id doesn't
  search?: (item: T, text: string) => boolean;
  onText?: (text: string) => void; // hears what is searched for
  kinds?: { label: string; options: string[]; of: (item: T) => string }; // a choice to filter by
  partly?: (text: string) => boolean; // says whether to search what is loaded, without loading on
  disabled?: (item: T) => boolean;
  empty?: string;
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
  const [kind, setKind] = useState("");
  const ofKind = kind ? props.items.filter((item) => props.kinds?.of(item) === kind) : props.items;
  const { items, actions, collectionProps, filterProps, paginationProps, filteredItemsCount } = useCollection(ofKind, {
    filtering: {
      defaultFilteringText: props.initialText,
      filteringFunction: (item, t) => (text(item) + props.id(item)).toLowerCase().includes(t.toLowerCase()) || (props.search?.(item, t) ?? false),
      empty: <Box textAlign="center">{props.error ? "Not loaded." : (props.empty ?? `No ${lower(props.name)}.`)}</Box>,
      noMatch: <Box textAlign="center">Nothing matches. <Button variant="inline-link" onClick={() => actions.setFiltering("")}>Clear filter</Button></Box>,
    },
    pagination: { pageSize: preferences.pageSize },
    sorting: {},
  });
  const title = props.name;
  // Sorting and filtering mean all there is, and the last page isn't the last one
  // while there is more: then it loads on, page by page.
  const searched = filterProps.filteringText;
  const part = props.partly?.(searched) ?? false;
  const last = paginationProps.currentPageIndex >= paginationProps.pagesCount && !(part && searched);
  const wanted = last || (!part && (searched !== "" || kind !== "" || collectionProps.sortingColumn !== undefined));
  useEffect(() => {
    if (props.hasMore && wanted) void props.more?.();
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [props.hasMore, wanted, props.items.length]);
  useEffect(() => {
    props.onText?.(searched);
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [searched]);
  return (
    <SpaceBetween size="m">
      <Problem error={props.error} what={`The ${lower(title)} can't be shown`} />
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
          itemSelectionLabel: (_, item) => "Select " + (props.label ?? props.id)(item),
        }}
        isItemDisabled={props.disabled}
        header={
          <Header
            variant={props.variant === "embedded" || props.variant === "container" ? "h2" : "h1"}
            counter={props.loading && props.items.length === 0 ? undefined : `(${props.items.length}${props.hasMore ? "+" : ""})`}
            description={props.description}
            actions={
              <Buttons>
                {props.reload && <Button iconName="refresh" ariaLabel="Refresh" onClick={props.reload} />}
                {flat(props.actions)}
              </Buttons>
            }
          >
            {title}
          </Header>
        }
        filter={
          <div className="filter">
            <TextFilter
              {...filterProps}
              filteringPlaceholder={props.placeholder ?? `Search ${lower(title)}`}
              filteringAriaLabel={"Search " + lower(title)}
              countText={`${filteredItemsCount} match${filteredItemsCount === 1 ? "" : "es"}${props.hasMore ? " so far" : ""}`}
            />
            {props.kinds && (
              <Select
                ariaLabel={props.kinds.label} selectedOption={{ value: kind, label: kind || props.kinds.label }} onChange={(e) => setKind(e.detail.selectedOption.value ?? "")}
                options={[{ value: "", label: props.kinds.label }, ...props.kinds.options.map((value) => ({ value, label: value }))]}
              />
            )}
          </div>
        }
        pagination={
          <Pagination
            {...paginationProps}
            openEnd={props.hasMore}
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
            pageSizePreference={{ title: "Page size", options: [10, 20, 50, 100].map((value) => ({ value, label: `${value} ${lower(title)}` })) }}
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
