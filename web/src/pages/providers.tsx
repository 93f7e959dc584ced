import { Alert, Box, Button, Container, FormField, Header, Input, KeyValuePairs, Link, RadioGroup, SpaceBetween, TagEditor, Tabs, Textarea } from "@cloudscape-design/components";
import { useState } from "react";
import { doing } from "../doing";
import { flashed } from "../flash";
import { at, go, useRoute } from "../router";
import { iam } from "../session";
import { Tags, tagged } from "../tags";
import { Ask, Buttons, Copy, download, Listing, Problem, Typed, useLoad, when } from "../ui";
import type { Failure } from "../ui";

interface Provider {
  arn: string;
  name: string;
  type: string;
  created?: Date;
}

const nameOf = (arn = "") => arn.replace(/^.*?:(oidc|saml)-provider\//, "");
const isSAML = (arn: string) => arn.includes(":saml-provider/");

export function Providers() {
  const { data, error, loading, reload } = useLoad(async (): Promise<Provider[]> => {
    const [oidc, saml] = await Promise.all([iam().listOpenIDConnectProviders({}), iam().listSAMLProviders({})]);
    return [
      ...(oidc.OpenIDConnectProviderList ?? []).map((p) => ({ arn: p.Arn!, name: nameOf(p.Arn), type: "OpenID Connect" })),
      ...(saml.SAMLProviderList ?? []).map((p) => ({ arn: p.Arn!, name: nameOf(p.Arn), type: "SAML", created: p.CreateDate })),
    ];
  }, []);
  const [selected, setSelected] = useState<Provider[]>([]);
  const [deleting, setDeleting] = useState(false);
  return (
    <>
      <Listing<Provider>
        name="Identity providers" thing="provider" items={data ?? []} loading={loading} error={error} reload={reload} id={(x) => x.name} select="single" selected={selected} onSelect={setSelected}
        description="Use an identity provider to manage your user identities outside, and grant them permissions by roles."
        kinds={{ label: "All types", options: ["OpenID Connect", "SAML"], of: (x) => x.type }}
        actions={<><Button disabled={!selected[0]} onClick={() => setDeleting(true)}>Delete</Button><Button variant="primary" onClick={() => go("/identity_providers/create")}>Add provider</Button></>}
        columns={[
          { id: "name", header: "Provider", sortingField: "name", isRowHeader: true, minWidth: 200, cell: (x) => <Link href={at("identity_providers", "details", x.arn)}>{x.name}</Link> },
          { id: "type", header: "Type", sortingField: "type", cell: (x) => x.type },
          { id: "arn", header: "ARN", sortingField: "arn", hidden: true, cell: (x) => x.arn },
          { id: "created", header: "Creation time", sortingField: "created", cell: (x) => <Created p={x} /> },
        ]}
      />
      {deleting && <DeleteProvider arn={selected[0].arn} onDismiss={() => setDeleting(false)} onDone={() => { setDeleting(false); setSelected([]); reload(); }} />}
    </>
  );
}

// Created is when a provider was made: the list of OpenID Connect providers doesn't say.
function Created({ p }: { p: Provider }) {
  const { data, error } = useLoad(async () => p.created ?? (await iam().getOpenIDConnectProvider({ OpenIDConnectProviderArn: p.arn })).CreateDate, [p.arn]);
  return <>{error ? error.name : data ? when(data) : "…"}</>;
}

function DeleteProvider({ arn, onDismiss, onDone }: { arn: string; onDismiss: () => void; onDone: () => void }) {
  return (
    <Typed
      title={`Delete ${nameOf(arn)}?`} name="confirm" onDismiss={onDismiss}
      calls={[isSAML(arn) ? doing("deleteSAMLProvider", { SAMLProviderArn: arn }) : doing("deleteOpenIDConnectProvider", { OpenIDConnectProviderArn: arn })]}
      onConfirm={async () => {
        onDone();
        setTimeout(() => flashed(`Provider ${nameOf(arn)} deleted.`));
      }}
    >
      <Alert type="warning">Roles that trust it can no longer be assumed through it.</Alert>
    </Typed>
  );
}

export function AddProvider() {
  const [type, setType] = useState("saml");
  const [name, setName] = useState("");
  const [audience, setAudience] = useState("");
  const [metadata, setMetadata] = useState("");
  const [tags, setTags] = useState<readonly { key: string; value: string; existing: boolean }[]>([]);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Failure>();
  const add = async () => {
    setBusy(true);
    setError(undefined);
    const wanted = tags.filter((t) => t.key).map((t) => ({ Key: t.key, Value: t.value }));
    const Tags = wanted.length ? wanted : undefined;
    try {
      if (type === "oidc") await iam().createOpenIDConnectProvider({ Url: name, ClientIDList: audience ? [audience] : [], Tags });
      else await iam().createSAMLProvider({ Name: name, SAMLMetadataDocument: metadata, Tags });
      go("/identity_providers");
      setTimeout(() => flashed(`Provider ${name.replace("https://", "")} added.`));
    } catch (e) {
      setError(e as Failure);
      setBusy(false);
    }
  };
  return (
    <SpaceBetween size="l">
      <Header variant="h1">Add an identity provider</Header>
      <Container header={<Header variant="h2">Configure provider</Header>}>
        <SpaceBetween size="m">
          <FormField label="Provider type">
            <RadioGroup
              value={type} onChange={(e) => setType(e.detail.value)}
              items={[
                { value: "saml", label: "SAML", description: "Trust between the account and a SAML 2.0 compatible identity provider, such as Shibboleth or Keycloak." },
                { value: "oidc", label: "OpenID Connect", description: "Trust between the account and identity provider services, such as GitHub, GitLab or Google." },
              ]}
            />
          </FormField>
          <FormField label={type === "oidc" ? "Provider URL" : "Provider name"} constraintText={type === "oidc" ? "Begins with https://" : "Up to 128 characters: A-Z, a-z, 0-9, and . _ -"}>
            <Input value={name} placeholder={type === "oidc" ? "https://" : ""} onChange={(e) => setName(e.detail.value)} />
          </FormField>
          {type === "oidc" && <FormField label="Audience" description="The client ID that the provider issued for your application"><Input value={audience} onChange={(e) => setAudience(e.detail.value)} /></FormField>}
          {type === "saml" && <Metadata value={metadata} onChange={setMetadata} />}
        </SpaceBetween>
      </Container>
      <Container header={<Header variant="h2">Add tags - optional</Header>}><TagEditor tags={tags as never} onChange={(e) => setTags(e.detail.tags as never)} /></Container>
      <Problem error={error} what="The provider was not added" />
      <Box float="right">
        <Buttons>
          <Button variant="link" onClick={() => go("/identity_providers")}>Cancel</Button>
          <Button variant="primary" loading={busy} disabled={!name || (type === "saml" ? !metadata : !audience)} onClick={() => void add()}>Add provider</Button>
        </Buttons>
      </Box>
    </SpaceBetween>
  );
}

// Metadata is a SAML metadata document, typed or of a file.
function Metadata({ value, onChange }: { value: string; onChange: (text: string) => void }) {
  return (
    <FormField label="Metadata document" description="Of the provider, as XML">
      <SpaceBetween size="xs">
        <input type="file" accept=".xml,text/xml" aria-label="Choose a metadata file" onChange={(e) => void e.target.files?.[0]?.text().then(onChange)} />
        <Textarea rows={8} value={value} ariaLabel="Metadata document" onChange={(e) => onChange(e.detail.value)} />
      </SpaceBetween>
    </FormField>
  );
}

export function ProviderPage({ name: arn }: { name: string }) {
  const route = useRoute();
  const [deleting, setDeleting] = useState(false);
  const of = isSAML(arn) ? tagged.saml(arn) : tagged.oidc(arn);
  return (
    <SpaceBetween size="l">
      <Header variant="h1" actions={<Button onClick={() => setDeleting(true)}>Delete</Button>}>{nameOf(arn)}</Header>
      <Tabs
        activeTabId={route.query.get("section") ?? "summary"} onChange={(e) => go(at("identity_providers", "details", arn).slice(1) + "?section=" + e.detail.activeTabId)}
        tabs={[
          { id: "summary", label: "Summary", content: isSAML(arn) ? <SAMLProvider arn={arn} /> : <OIDCProvider arn={arn} /> },
          { id: "tags", label: "Tags", content: <Tags of={of} /> },
        ]}
      />
      {deleting && <DeleteProvider arn={arn} onDismiss={() => setDeleting(false)} onDone={() => go("/identity_providers")} />}
    </SpaceBetween>
  );
}

interface Value {
  value: string;
}

// Values lists texts of a provider, and adds and removes them.
function Values(p: { name: string; thing: string; values: string[]; add: (v: string) => ReturnType<typeof doing>; remove: (v: string) => ReturnType<typeof doing>; reload: () => void }) {
  const [selected, setSelected] = useState<Value[]>([]);
  const [asked, setAsked] = useState<"add" | "remove">();
  const [text, setText] = useState("");
  const close = () => setAsked(undefined);
  const done = async (said: string) => {
    close();
    setText("");
    setSelected([]);
    flashed(said);
    p.reload();
  };
  const chosen = selected[0]?.value ?? "";
  return (
    <>
      <Listing<Value>
        name={p.name} thing={p.thing} variant="container" items={p.values.map((value) => ({ value }))} id={(v) => v.value} select="single" selected={selected} onSelect={setSelected}
        actions={<><Button disabled={!chosen} onClick={() => setAsked("remove")}>Remove</Button><Button onClick={() => setAsked("add")}>Add {p.thing}</Button></>}
        columns={[{ id: "value", header: p.name, sortingField: "value", isRowHeader: true, cell: (v) => v.value }]}
      />
      {asked === "add" && <Ask title={"Add " + p.thing} verb={"Add " + p.thing} disabled={!text} onDismiss={close} calls={[p.add(text)]} onConfirm={() => done("Added.")}><FormField label={p.name}><Input value={text} onChange={(e) => setText(e.detail.value)} autoFocus /></FormField></Ask>}
      {asked === "remove" && <Ask title={`Remove ${chosen}?`} verb="Remove" onDismiss={close} calls={[p.remove(chosen)]} onConfirm={() => done("Removed.")}>Tokens that rely on it are refused from now on.</Ask>}
    </>
  );
}

function OIDCProvider({ arn: OpenIDConnectProviderArn }: { arn: string }) {
  const { data, error, reload } = useLoad(() => iam().getOpenIDConnectProvider({ OpenIDConnectProviderArn }), [OpenIDConnectProviderArn]);
  const prints = data?.ThumbprintList ?? [];
  const printed = (ThumbprintList: string[]) => doing("updateOpenIDConnectProviderThumbprint", { OpenIDConnectProviderArn, ThumbprintList });
  return (
    <SpaceBetween size="l">
      <Problem error={error} what="The provider can't be shown" />
      {data && (
        <SpaceBetween size="l">
          <Container header={<Header variant="h2" actions={<Button href="#/roles/create">Assign role</Button>}>Summary</Header>}>
            <KeyValuePairs columns={2} items={[
              { label: "Provider", value: data.Url }, { label: "Provider type", value: "OpenID Connect" },
              { label: "Creation time", value: when(data.CreateDate) }, { label: "ARN", value: <Copy text={OpenIDConnectProviderArn} label="ARN" /> },
            ]} />
          </Container>
          <Values
            name="Audiences" thing="audience" values={data.ClientIDList ?? []} reload={reload}
            add={(ClientID) => doing("addClientIDToOpenIDConnectProvider", { OpenIDConnectProviderArn, ClientID })}
            remove={(ClientID) => doing("removeClientIDFromOpenIDConnectProvider", { OpenIDConnectProviderArn, ClientID })}
          />
          <Values name="Thumbprints" thing="thumbprint" values={prints} reload={reload} add={(v) => printed([...prints, v])} remove={(v) => printed(prints.filter((p) => p !== v))} />
        </SpaceBetween>
      )}
    </SpaceBetween>
  );
}

function SAMLProvider({ arn: SAMLProviderArn }: { arn: string }) {
  const { data, error, reload } = useLoad(() => iam().getSAMLProvider({ SAMLProviderArn }), [SAMLProviderArn]);
  const [next, setNext] = useState<string>();
  return (
    <SpaceBetween size="l">
      <Problem error={error} what="The provider can't be shown" />
      {data && (
        <SpaceBetween size="l">
          <Container header={<Header variant="h2" actions={<Button href="#/roles/create">Assign role</Button>}>Summary</Header>}>
            <KeyValuePairs columns={2} items={[
              { label: "Provider", value: nameOf(SAMLProviderArn) }, { label: "Provider type", value: "SAML" },
              { label: "Creation time", value: when(data.CreateDate) }, { label: "ARN", value: <Copy text={SAMLProviderArn} label="ARN" /> },
              { label: "Valid until", value: when(data.ValidUntil) }, { label: "Assertions are sent to", value: <Copy text={location.origin + "/saml"} label="audience" /> },
            ]} />
          </Container>
          <Container
            header={
              <Header variant="h2" actions={<Buttons><Button iconName="download" onClick={() => download(nameOf(SAMLProviderArn) + ".xml", data.SAMLMetadataDocument ?? "", "text/xml")}>Download metadata</Button><Button onClick={() => setNext("")}>Replace metadata</Button></Buttons>}>
                SAML metadata document
              </Header>
            }
          >
            <Box variant="code">{(data.SAMLMetadataDocument ?? "").slice(0, 400)}…</Box>
          </Container>
          {next !== undefined && (
            <Ask title="Replace metadata" verb="Replace" size="large" disabled={!next} onDismiss={() => setNext(undefined)} calls={[doing("updateSAMLProvider", { SAMLProviderArn, SAMLMetadataDocument: next })]} onConfirm={async () => { setNext(undefined); flashed("Metadata replaced."); reload(); }}>
              <Metadata value={next} onChange={setNext} />
            </Ask>
          )}
        </SpaceBetween>
      )}
    </SpaceBetween>
  );
}
