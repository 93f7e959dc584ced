import { Autosuggest, Box, Modal, SpaceBetween } from "@cloudscape-design/components";
import type { AutosuggestProps } from "@cloudscape-design/components";
import { useEffect, useState } from "react";
import { at, go } from "./router";
import { iam } from "./session";
import { all } from "./ui";

export interface Command {
  title: string;
  run: () => void;
}

type Group = { label: string; options: { value: string; label: string; tags?: string[] }[] };

const quiet = <T,>(list: Promise<T[]>) => list.catch((): T[] => []); // who may not list goes to pages only

// names are all that can be gone to by name, in the order of their lists.
const lists: [string, () => Promise<{ value: string; label: string }[]>][] = [
  ["Users", () => all(async (Marker?: string) => { const o = await iam().listUsers({ Marker, MaxItems: 1000 }); return { items: o.Users?.map((u) => named("users", u.UserName!)), marker: o.Marker }; })],
  ["User groups", () => all(async (Marker?: string) => { const o = await iam().listGroups({ Marker, MaxItems: 1000 }); return { items: o.Groups?.map((g) => named("groups", g.GroupName!)), marker: o.Marker }; })],
  ["Roles", () => all(async (Marker?: string) => { const o = await iam().listRoles({ Marker, MaxItems: 1000 }); return { items: o.Roles?.map((r) => named("roles", r.RoleName!)), marker: o.Marker }; })],
  ["Policies", () => all(async (Marker?: string) => { const o = await iam().listPolicies({ Scope: "Local", Marker, MaxItems: 1000 }); return { items: o.Policies?.map((p) => ({ value: at("policies", "details", p.Arn!), label: p.PolicyName! })), marker: o.Marker }; })],
];

const named = (kind: string, name: string) => ({ value: at(kind, "details", name), label: name });

const shown = 20; // of each list

// Palette goes anywhere by typing, and does what needs no page.
export function Palette({ pages, commands, onDismiss }: { pages: { path: string; title: string }[]; commands: Command[]; onDismiss: () => void }) {
  const [text, setText] = useState("");
  const [found, setFound] = useState<Group[]>([]);
  const [loading, setLoading] = useState(true);
  useEffect(() => {
    let left = false;
    const loads = lists.map(async ([label, load]) => {
      const options = await quiet(load());
      if (!left) setFound((groups) => [...groups, { label, options }]);
    });
    void Promise.all(loads).then(() => left || setLoading(false));
    return () => {
      left = true;
    };
  }, []);
  const key = /^(AKIA|ASIA)[A-Z2-7]{16}$/.exec(text.trim().toUpperCase())?.[0];
  const wanted = text.trim().toLowerCase();
  const matching = (options: Group["options"], most = shown) => options.filter((o) => o.label.toLowerCase().includes(wanted)).slice(0, most);
  const groups: Group[] = [
    { label: "Pages", options: matching(pages.map((p) => ({ value: "#" + p.path, label: p.title })), 50) },
    { label: "Commands", options: matching(commands.map((c) => ({ value: "!" + c.title, label: c.title })), 50) },
    ...(wanted ? lists.flatMap(([label]) => found.filter((g) => g.label === label)).map((g) => ({ ...g, options: matching(g.options) })) : []),
  ];
  const options: AutosuggestProps.Options = key ? [] : groups.filter((g) => g.options.length);
  const follow = (value: string) => {
    onDismiss();
    if (key) go("/find?key=" + key);
    else if (value.startsWith("#")) go(value.slice(1));
    else if (value.startsWith("!")) commands.find((c) => "!" + c.title === value)?.run();
    else if (value.trim()) go("/users?text=" + encodeURIComponent(value.trim()));
  };
  // Enter goes to the first that matches, or searches.
  const first = groups.flatMap((g) => g.options)[0]?.value;
  return (
    <Modal visible header="Search or go to" onDismiss={onDismiss}>
      <SpaceBetween size="s">
        <Autosuggest
          value={text} options={options} autoFocus filteringType="manual" statusType={loading && wanted ? "loading" : "finished"} loadingText="Loading names"
          onChange={(e) => setText(e.detail.value)}
          onSelect={(e) => follow(e.detail.value)}
          onKeyDown={(e) => {
            if (e.detail.key === "Enter" && wanted && !highlighted()) follow(key ?? first ?? text);
          }}
          enteredTextLabel={(value) => (key ? `Find the owner of ${value}` : `Search users for "${value}"`)}
          placeholder="A page, a name, a command or an access key ID" ariaLabel="Search or go to" empty="Nothing found"
        />
        <Box variant="small">Ctrl+K opens this from everywhere.</Box>
      </SpaceBetween>
    </Modal>
  );
}

// highlighted says whether an option is highlighted by the arrow keys.
const highlighted = () => Boolean(document.activeElement?.getAttribute("aria-activedescendant"));
