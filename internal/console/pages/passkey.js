// Asks for a passkey or security key at the MFA step.
"use strict";
const button = document.getElementById("use-passkey");
const says = document.getElementById("passkey-says");
if (window.PublicKeyCredential?.parseRequestOptionsFromJSON) {
  says.textContent = "";
  button.hidden = false;
  button.addEventListener("click", () => void ask());
} else if (!window.isSecureContext) {
  says.textContent = "Browsers offer passkeys over TLS, or on localhost, only. Open the console there.";
} else {
  says.textContent = "This browser is too old for passkeys.";
}

async function ask() {
  says.textContent = "";
  try {
    const answer = await fetch("/console/-/passkey", { method: "POST" });
    const options = answer.ok ? await answer.json() : null;
    if (!options) throw new Error("There is no passkey to ask for. Please reload the page.");
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
    const credential = await navigator.credentials.get({ publicKey });
    document.getElementById("passkey").value = JSON.stringify(credential);
    document.getElementById("passkey-form").submit();
  } catch (e) {
    says.textContent = e.name === "NotAllowedError" ? "The passkey was not used. Please try again." : e.message;
  }
}
