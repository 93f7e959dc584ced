import { Autosuggest, Box, Modal, SpaceBetween } from "@cloudscape-design/components";
import type { AutosuggestProps } from "@cloudscape-design/components";
import { useEffect, useState } from "react";
import { go } from "./router";
import { iam } from "./session";

// Palette goes anywhere by typing: to pages, users, and the owner of a key.
export function Palette({ pages, onDismiss }: { pages: { path: string; title: string }[]; onDismiss: () => void }) {
  const [text, setText] = useState("");
  const [users, setUsers] = useState<string[]>([]);
  useEffect(() => {
    iam().listUsers({ MaxItems: 200 }).then(
      (out) => setUsers((out.Users ?? []).map((u) => u.UserName ?? "")),
      () => {}, // who may not list users goes to pages only
    );
  }, []);
  const key = /^(AKIA|ASIA)[A-Z2-7]{16}$/.exec(text.trim().toUpperCase());
  const options: AutosuggestProps.Options = [
    { label: "Pages", options: pages.map((p) => ({ value: p.path, label: p.title })) },
    { label: "Users", options: users.map((u) => ({ value: "/users/details/" + encodeURIComponent(u), label: u })) },
  ];
  const follow = (value: string) => {
    onDismiss();
    if (key) go("/find?key=" + key[0]);
    else if (value.startsWith("/")) go(value);
    else if (value) go("/users?text=" + encodeURIComponent(value));
  };
  return (
    <Modal visible header="Search or go to" onDismiss={onDismiss}>
      <SpaceBetween size="s">
        <Autosuggest
          value={text} options={options} autoFocus
          onChange={(e) => setText(e.detail.value)}
          onSelect={(e) => follow(e.detail.value)}
          onKeyDown={(e) => e.detail.key === "Enter" && key && follow(text)}
          enteredTextLabel={(value) => (key ? `Find the owner of ${value}` : `Search users for "${value}"`)}
          placeholder="A page, a user or an access key id" ariaLabel="Search or go to" empty="Nothing found"
        />
        <Box variant="small">Ctrl+K opens this from everywhere.</Box>
      </SpaceBetween>
    </Modal>
  );
}
