import { Alert, Button, ButtonDropdown, FormField, KeyValuePairs, Select, SpaceBetween, Textarea } from "@cloudscape-design/components";
import { useState } from "react";
import type { ReactNode } from "react";
import { doing } from "./doing";
import type { Doing } from "./doing";
import { flashed } from "./flash";
import { Hidden } from "./hidden";
import { iam } from "./session";
import { Ask, Buttons, Copy, csv, download, Listing, Typed, useLoad, when } from "./ui";
import type { Failure } from "./ui";

// Credential is a credential of a user's besides password and access keys.
interface Credential {
  id: string;
  name: string; // a service's user name, or the id
  service?: string;
  status: string;
  at?: Date;
  set: (Status: "Active" | "Inactive") => Doing;
  remove: Doing;
  reset?: () => Promise<Secret>;
}

interface Secret {
  user: string;
  password: string;
}

const codecommit = "codecommit.amazonaws.com";

// The other services that take credentials of their own.
const others = ["cassandra", "bedrock", "logs", "cloudwatch", "xray", "aws-external-anthropic"].map((s) => s + ".amazonaws.com");

async function credentials(UserName: string | undefined) {
  const [ssh, services, certs] = await Promise.all([
    iam().listSSHPublicKeys({ UserName }), iam().listServiceSpecificCredentials({ UserName }), iam().listSigningCertificates({ UserName }),
  ]);
  const row = (id: string, name: string, status?: string, at?: Date) => ({ id, name, status: status ?? "", at });
  return {
    ssh: (ssh.SSHPublicKeys ?? []).map(({ SSHPublicKeyId = "", Status, UploadDate }): Credential => ({
      ...row(SSHPublicKeyId, SSHPublicKeyId, Status, UploadDate),
      set: (Status) => doing("updateSSHPublicKey", { UserName, SSHPublicKeyId, Status }), remove: doing("deleteSSHPublicKey", { UserName, SSHPublicKeyId }),
    })),
    services: (services.ServiceSpecificCredentials ?? []).map(({ ServiceSpecificCredentialId = "", ServiceName, ServiceUserName, ServiceCredentialAlias, Status, CreateDate }): Credential => ({
      ...row(ServiceSpecificCredentialId, ServiceUserName ?? ServiceCredentialAlias ?? ServiceSpecificCredentialId, Status, CreateDate), service: ServiceName,
      set: (Status) => doing("updateServiceSpecificCredential", { UserName, ServiceSpecificCredentialId, Status }), remove: doing("deleteServiceSpecificCredential", { UserName, ServiceSpecificCredentialId }),
      reset: async () => secretOf((await iam().resetServiceSpecificCredential({ UserName, ServiceSpecificCredentialId })).ServiceSpecificCredential),
    })),
    certs: (certs.Certificates ?? []).map(({ CertificateId = "", Status, UploadDate }): Credential => ({
      ...row(CertificateId, CertificateId, Status, UploadDate),
      set: (Status) => doing("updateSigningCertificate", { UserName, CertificateId, Status }), remove: doing("deleteSigningCertificate", { UserName, CertificateId }),
    })),
  };
}

const secretOf = (c?: { ServiceUserName?: string; ServicePassword?: string; ServiceCredentialAlias?: string; ServiceCredentialSecret?: string }): Secret => ({
  user: c?.ServiceUserName ?? c?.ServiceCredentialAlias ?? "", password: c?.ServicePassword ?? c?.ServiceCredentialSecret ?? "",
});

type Asked = "activate" | "deactivate" | "delete" | "reset";

// Several lists credentials of one kind, and changes them.
function Several(p: { name: string; thing: string; idName: string; description: string; rows: Credential[]; loading: boolean; error?: Failure; services?: boolean; reload: () => void; onSecret: (s: Secret) => void; children: ReactNode }) {
  const [selected, setSelected] = useState<Credential[]>([]);
  const [asked, setAsked] = useState<Asked>();
  const c = selected[0];
  const close = () => setAsked(undefined);
  const done = async (text: string) => {
    close();
    setSelected([]);
    flashed(text);
    p.reload();
  };
  return (
    <>
      <Listing<Credential>
        name={p.name} thing={p.thing} variant="container" items={p.rows} loading={p.loading} error={p.error} id={(r) => r.id} select="single" selected={selected} onSelect={setSelected} description={p.description}
        actions={
          <>
            <ButtonDropdown
              disabled={!c} ariaLabel={"Actions for " + p.name} onItemClick={(e) => setAsked(e.detail.id as Asked)}
              items={[c?.status === "Active" ? { id: "deactivate", text: "Deactivate" } : { id: "activate", text: "Activate" }, ...(c?.reset ? [{ id: "reset", text: "Reset password" }] : []), { id: "delete", text: "Delete" }]}
            >
              Actions
            </ButtonDropdown>
            {p.children}
          </>
        }
        columns={[
          { id: "name", header: p.idName, sortingField: "name", isRowHeader: true, cell: (r) => r.name },
          ...(p.services ? [{ id: "service", header: "Service", sortingField: "service", cell: (r: Credential) => r.service }] : []),
          { id: "at", header: "Created", sortingField: "at", cell: (r) => when(r.at) },
          { id: "status", header: "Status", sortingField: "status", cell: (r) => r.status },
        ]}
      />
      {c && asked === "activate" && <Ask title={`Activate ${c.name}?`} verb="Activate" onDismiss={close} calls={[c.set("Active")]} onConfirm={() => done(`${c.name} activated.`)}>It can be used again.</Ask>}
      {c && asked === "deactivate" && <Ask title={`Deactivate ${c.name}?`} verb="Deactivate" onDismiss={close} calls={[c.set("Inactive")]} onConfirm={() => done(`${c.name} deactivated.`)}>Whoever uses it is refused from now on. You can activate it again.</Ask>}
      {c && asked === "reset" && (
        <Ask title={`Reset the password of ${c.name}?`} verb="Reset password" onDismiss={close} onConfirm={async () => { const s = await c.reset!(); close(); p.reload(); p.onSecret(s); }}>
          The old password no longer works.
        </Ask>
      )}
      {c && asked === "delete" && <Typed title={`Delete ${c.name}?`} name={c.id} onDismiss={close} calls={[c.remove]} onConfirm={() => done(`${c.name} deleted.`)}><Alert type="warning">It can't be recovered.</Alert></Typed>}
    </>
  );
}

// OtherCredentials are SSH keys, credentials of services and signing certificates,
// of a user or, without a name, of the caller.
export function OtherCredentials({ name: UserName }: { name?: string }) {
  const { data, error, loading, reload } = useLoad(() => credentials(UserName), [UserName]);
  const [adding, setAdding] = useState<"ssh" | "cert" | "git" | "service">();
  const [secret, setSecret] = useState<Secret>();
  const [text, setText] = useState("");
  const [service, setService] = useState(others[0]);
  const close = () => { setAdding(undefined); setText(""); };
  const common = { loading, reload, onSecret: setSecret };
  const generate = async (ServiceName: string) => {
    const out = await iam().createServiceSpecificCredential({ UserName, ServiceName });
    close();
    reload();
    setSecret(secretOf(out.ServiceSpecificCredential));
  };
  const uploaded = async () => { close(); reload(); };
  return (
    <SpaceBetween size="l">
      <Several {...common} error={error} name="SSH public keys for CodeCommit" thing="key" idName="SSH key ID" rows={data?.ssh ?? []} description="Use SSH public keys to authenticate to repositories. Up to five.">
        <Button onClick={() => setAdding("ssh")}>Upload SSH public key</Button>
      </Several>
      <Several {...common} name="HTTPS Git credentials for CodeCommit" thing="credential" idName="User name" rows={(data?.services ?? []).filter((s) => s.service === codecommit)} description="A user name and password for HTTPS connections to repositories. Up to two.">
        <Button onClick={() => setAdding("git")}>Generate credentials</Button>
      </Several>
      <Several {...common} services name="Other service-specific credentials" thing="credential" idName="User name" rows={(data?.services ?? []).filter((s) => s.service !== codecommit)} description="User names, passwords and keys for services with protocols of their own.">
        <Button onClick={() => setAdding("service")}>Generate service credentials</Button>
      </Several>
      <Several {...common} name="X.509 signing certificates" thing="certificate" idName="Certificate ID" rows={data?.certs ?? []} description="Use X.509 certificates to make secure SOAP-protocol requests. Up to two.">
        <Button onClick={() => setAdding("cert")}>Upload X.509 certificate</Button>
      </Several>
      {adding === "ssh" && (
        <Ask title="Upload SSH public key" verb="Upload SSH public key" disabled={!text} onDismiss={close} calls={[doing("uploadSSHPublicKey", { UserName, SSHPublicKeyBody: text })]} onConfirm={uploaded}>
          <FormField label="SSH public key" constraintText="Begins with ssh-rsa, of 2048 bits or more"><Textarea rows={6} value={text} onChange={(e) => setText(e.detail.value)} autoFocus /></FormField>
        </Ask>
      )}
      {adding === "cert" && (
        <Ask title="Upload X.509 signing certificate" verb="Upload certificate" disabled={!text} onDismiss={close} calls={[doing("uploadSigningCertificate", { UserName, CertificateBody: text })]} onConfirm={uploaded}>
          <FormField label="Certificate, as PEM"><Textarea rows={6} value={text} onChange={(e) => setText(e.detail.value)} autoFocus /></FormField>
        </Ask>
      )}
      {adding === "git" && (
        <Ask title="Generate credentials?" verb="Generate credentials" onDismiss={close} shown={[doing("createServiceSpecificCredential", { UserName, ServiceName: codecommit })]} onConfirm={() => generate(codecommit)}>
          A user name and a password for HTTPS connections to repositories. The password is shown once.
        </Ask>
      )}
      {adding === "service" && (
        <Ask title="Generate service credentials" verb="Generate credentials" onDismiss={close} shown={[doing("createServiceSpecificCredential", { UserName, ServiceName: service })]} onConfirm={() => generate(service)}>
          <FormField label="Service">
            <Select selectedOption={{ value: service, label: service }} options={others.map((value) => ({ value, label: value }))} onChange={(e) => setService(e.detail.selectedOption.value!)} />
          </FormField>
        </Ask>
      )}
      {secret && (
        <Ask title="Service credentials generated" verb="Close" onDismiss={() => setSecret(undefined)} onConfirm={async () => setSecret(undefined)}>
          <SpaceBetween size="m">
            <Alert type="warning">This is the only time that the password can be seen or downloaded.</Alert>
            <KeyValuePairs items={[{ label: "User name", value: <Copy text={secret.user} label="user name" /> }, { label: "Password", value: <Copy text={secret.password} label="password" shown={<Hidden text={secret.password} />} /> }]} />
            <Buttons><Button iconName="download" onClick={() => download(`${secret.user}_credentials.csv`, csv([["User name", "Password"], [secret.user, secret.password]]))}>Download .csv file</Button></Buttons>
          </SpaceBetween>
        </Ask>
      )}
    </SpaceBetween>
  );
}
