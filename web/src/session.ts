import { CloudTrail } from "@aws-sdk/client-cloudtrail";
import { IAM } from "@aws-sdk/client-iam";
import { STS } from "@aws-sdk/client-sts";
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
}

export const ownPath = "/console/-/";

// fetchSession gets fresh credentials, or leads to the sign-in page, which comes
// back to the page that was asked for.
export async function fetchSession(): Promise<Session | null> {
  const answer = await fetch(ownPath + "session", { method: "POST" });
  const session = answer.ok ? ((await answer.json()) as Session | null) : null;
  if (!session) location.assign(ownPath + "signin" + location.hash);
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

function connect(credentials: () => Promise<Credentials>) {
  const config = { region: "us-east-1", endpoint: location.origin, credentials, maxAttempts: 2 };
  const all = { config, iam: new IAM(config), sts: new STS(config), trail: new CloudTrail(config) };
  record("iam", all.iam);
  record("sts", all.sts);
  record("cloudtrail", all.trail);
  return all;
}

const asUser = connect(own);
let current = asUser;

// The clients sign their calls as the user, or as the role that was switched to.
export const iam = () => current.iam;
export const sts = () => current.sts;
export const trail = () => current.trail;

// clientConfig is what clients of further services are made of; it is another
// one after the role was switched.
export const clientConfig = () => current.config;

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
export function clientOf(accessKeyId: string, secretAccessKey: string) {
  return new STS({ region: "us-east-1", endpoint: location.origin, credentials: { accessKeyId, secretAccessKey }, maxAttempts: 1 });
}
