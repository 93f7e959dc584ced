import { ownPath } from "./session";
import type { Failure } from "./ui";

// noPasskeys says why the browser makes no passkeys here; empty where it does.
export function noPasskeys(): string {
  if (!window.isSecureContext) return "Browsers make passkeys over TLS, or on localhost, only. Open the console there.";
  if (/^[\d.]+$|^\[/.test(location.hostname)) {
    const there = location.hostname === "127.0.0.1" ? ` Open ${location.origin.replace("127.0.0.1", "localhost")}/console/ instead.` : "";
    return "Browsers make passkeys for hosts with a name only, not for an IP address." + there;
  }
  if (!window.PublicKeyCredential?.parseCreationOptionsFromJSON) return "This browser is too old for passkeys.";
  return "";
}

// send asks one of the console's own endpoints. What it refuses looks like an
// error of the API.
async function send<T>(path: string, form: Record<string, string>): Promise<T> {
  const answer = await fetch(ownPath + path, { method: "POST", body: new URLSearchParams(form) });
  const body = await answer.json();
  if (answer.ok) return body as T;
  const refused: Failure = { name: body.code, message: body.message, $metadata: { requestId: body.requestId } };
  throw refused;
}

// enablePasskey has the browser make a passkey, and makes it an MFA device of the
// user; without a name, of the caller.
export async function enablePasskey(user: string | undefined, name: string) {
  const form: Record<string, string> = user ? { user, name } : { name };
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(await send<PublicKeyCredentialCreationOptionsJSON>("passkey/new", form));
  let credential: Credential | null;
  try {
    credential = await navigator.credentials.create({ publicKey });
  } catch (e) {
    if ((e as Error).name === "InvalidStateError") throw new Error("This passkey or security key is registered already.");
    throw (e as Error).name === "NotAllowedError" ? new Error("No passkey was made. Please try again.") : e;
  }
  await send("passkey/made", { ...form, credential: JSON.stringify(credential) });
}
