import { Button, TagEditor } from "@cloudscape-design/components";
import type { Tag } from "@aws-sdk/client-iam";
import { useState } from "react";
import { doing } from "./doing";
import type { Doing } from "./doing";
import { iam } from "./session";
import { all, Ask, Listing, useLoad } from "./ui";

// Tagged is what has tags.
export interface Tagged {
  name: string;
  list: (Marker?: string) => Promise<{ Tags?: Tag[]; Marker?: string }>;
  tag: (Tags: Tag[]) => Doing;
  untag: (TagKeys: string[]) => Doing;
}

export const tagged = {
  user: (UserName: string): Tagged => ({ name: "user/" + UserName, list: (Marker) => iam().listUserTags({ UserName, Marker }), tag: (Tags) => doing("tagUser", { UserName, Tags }), untag: (TagKeys) => doing("untagUser", { UserName, TagKeys }) }),
  role: (RoleName: string): Tagged => ({ name: "role/" + RoleName, list: (Marker) => iam().listRoleTags({ RoleName, Marker }), tag: (Tags) => doing("tagRole", { RoleName, Tags }), untag: (TagKeys) => doing("untagRole", { RoleName, TagKeys }) }),
  policy: (PolicyArn: string): Tagged => ({ name: PolicyArn, list: (Marker) => iam().listPolicyTags({ PolicyArn, Marker }), tag: (Tags) => doing("tagPolicy", { PolicyArn, Tags }), untag: (TagKeys) => doing("untagPolicy", { PolicyArn, TagKeys }) }),
  oidc: (OpenIDConnectProviderArn: string): Tagged => ({
    name: OpenIDConnectProviderArn, list: (Marker) => iam().listOpenIDConnectProviderTags({ OpenIDConnectProviderArn, Marker }),
    tag: (Tags) => doing("tagOpenIDConnectProvider", { OpenIDConnectProviderArn, Tags }), untag: (TagKeys) => doing("untagOpenIDConnectProvider", { OpenIDConnectProviderArn, TagKeys }),
  }),
  saml: (SAMLProviderArn: string): Tagged => ({
    name: SAMLProviderArn, list: (Marker) => iam().listSAMLProviderTags({ SAMLProviderArn, Marker }),
    tag: (Tags) => doing("tagSAMLProvider", { SAMLProviderArn, Tags }), untag: (TagKeys) => doing("untagSAMLProvider", { SAMLProviderArn, TagKeys }),
  }),
};

interface Edited {
  key: string;
  value: string;
  existing: boolean;
  markedForRemoval?: boolean;
}

// changes are the calls that make the tags as they were edited.
function changes(of: Tagged, before: Tag[], after: readonly Edited[]): Doing[] {
  const gone = after.filter((t) => t.existing && t.markedForRemoval).map((t) => t.key);
  const kept = after.filter((t) => !t.markedForRemoval && t.key && before.find((b) => b.Key === t.key)?.Value !== t.value);
  return [...(gone.length ? [of.untag(gone)] : []), ...(kept.length ? [of.tag(kept.map((t) => ({ Key: t.key, Value: t.value })))] : [])];
}

// Tags lists the tags of something, and changes them.
export function Tags({ of }: { of: Tagged }) {
  const { data, error, loading, reload } = useLoad(() => all(async (Marker?: string) => { const o = await of.list(Marker); return { items: o.Tags, marker: o.Marker }; }), [of.name]);
  const [tags, setTags] = useState<readonly Edited[]>();
  const [valid, setValid] = useState(true);
  const calls = tags ? changes(of, data ?? [], tags) : [];
  return (
    <>
      <Listing<Tag>
        name="Tags" thing="tag" variant="container" items={data ?? []} loading={loading} error={error} id={(t) => t.Key ?? ""}
        description="Tags are key-value pairs that help to identify, organise and search. Up to 50."
        actions={<Button disabled={!data} onClick={() => setTags((data ?? []).map((t) => ({ key: t.Key!, value: t.Value ?? "", existing: true })))}>Manage tags</Button>}
        columns={[
          { id: "key", header: "Key", sortingField: "Key", isRowHeader: true, cell: (t) => t.Key },
          { id: "value", header: "Value - optional", sortingField: "Value", cell: (t) => t.Value || "-" },
        ]}
      />
      {tags && (
        <Ask title="Manage tags" verb="Save changes" size="large" disabled={!valid || calls.length === 0} onDismiss={() => setTags(undefined)} calls={calls} onConfirm={async () => { setTags(undefined); reload(); }}>
          <TagEditor tags={tags as never} onChange={(e) => { setTags(e.detail.tags as never); setValid(e.detail.valid); }} />
        </Ask>
      )}
    </>
  );
}
