import { IAM } from "@aws-sdk/client-iam";
import type { STS } from "@aws-sdk/client-sts";
import { record } from "./calls";

// Session is what the server says of the browser's session.
export interface Session {
  account: string;
  alias?: string;
  user?: string; // empty for root
  arn: string;
  mfa: boolean;
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
  expiration: string;
  signedInUntil: string;
}

// Role is a role that the user switched to. It is kept in memory only.
export interface Role {
  arn: string;
  account: string;
  name: string;
  display: string;
  color: string;
}

export const ownPath = "/console/-/";

// fetchSession gets fresh credentials, or leads to the sign-in page, which comes
// back to the page that was asked for.
export async function fetchSession(): Promise<Session | null> {
  const session = await askSession();
  if (!session) location.assign(ownPath + "signin" + location.hash);
  return session;
}

async function askSession(): Promise<Session | null> {
  const answer = await fetch(ownPath + "session", { method: "POST" });
  return answer.ok ? ((await answer.json()) as Session | null) : null;
}

// renewed is the session that the same person has begun elsewhere in this browser,
// if any: from then on calls are signed with its credentials, as those of the
// former no longer work. Another person's makes the page anew.
export async function renewed(known: Session): Promise<Session | undefined> {
  const session = await askSession().catch(() => null);
  if (!session || session.signedInUntil === known.signedInUntil) return undefined;
  if (session.arn !== known.arn) location.reload();
  const switched = current !== asUser;
  asUser = connect(own);
  if (!switched) current = asUser;
  return session;
}

export function signOut() {
  const form = document.createElement("form");
  form.method = "post";
  form.action = ownPath + "signout";
  document.body.append(form);
  form.submit();
}

interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
  expiration?: Date;
}

async function own(): Promise<Credentials> {
  const s = await fetchSession();
  if (!s) return new Promise(() => {}); // the page is being left
  return { accessKeyId: s.accessKeyId, secretAccessKey: s.secretAccessKey, sessionToken: s.sessionToken, expiration: new Date(s.expiration) };
}

// lazily is a client whose code is loaded with its first call: the first page
// needs IAM's alone.
function lazily<Client extends object>(load: () => Promise<Client>): Client {
  let loaded: Promise<Client> | undefined;
  return new Proxy({} as Client, {
    get: (_, operation) => async (...input: unknown[]) => {
      loaded ??= load();
      const client = await loaded;
      return (client[operation as keyof Client] as (...input: unknown[]) => unknown).apply(client, input);
    },
  });
}

function connect(credentials: () => Promise<Credentials>) {
  const config = { region: "us-east-1", endpoint: location.origin, credentials, maxAttempts: 2 };
  const recorded = <C>(service: string, client: C) => {
    record(service, client);
    return client;
  };
  return {
    iam: recorded("iam", new IAM(config)),
    sts: lazily(async () => recorded("sts", new (await import("@aws-sdk/client-sts")).STS(config))),
    analyzer: lazily(async () => (await import("./policy/analyzer")).newAnalyzer(config)),
    trail: lazily(async () => recorded("cloudtrail", new (await import("@aws-sdk/client-cloudtrail")).CloudTrail(config))),
  };
}

let asUser = connect(own);
let current = asUser;

// The clients sign their calls as the user, or as the role that was switched to.
export const iam = () => current.iam;
export const sts = () => current.sts;
export const trail = () => current.trail;
export const analyzer = () => current.analyzer;

// switchRole assumes a role; from then on all calls are its.
export async function switchRole(role: Role) {
  const assume = async (): Promise<Credentials> => {
    const out = await asUser.sts.assumeRole({ RoleArn: role.arn, RoleSessionName: "console" });
    const c = out.Credentials!;
    return { accessKeyId: c.AccessKeyId!, secretAccessKey: c.SecretAccessKey!, sessionToken: c.SessionToken, expiration: c.Expiration };
  };
  await assume(); // to say at once where it isn't allowed
  current = connect(assume);
}

export function switchBack() {
  current = asUser;
}

// clientOf makes a client of other keys, to try them.
export function clientOf(accessKeyId: string, secretAccessKey: string): STS {
  const config = { region: "us-east-1", endpoint: location.origin, credentials: { accessKeyId, secretAccessKey }, maxAttempts: 1 };
  return lazily(async () => new (await import("@aws-sdk/client-sts")).STS(config));
}
