import { Button } from "@cloudscape-design/components";
import { doing } from "./doing";
import { flash, flashed } from "./flash";
import { missingAction } from "./ui";
import type { Failure } from "./ui";

// Off is a key that was just deactivated; without a user it is the caller's own.
interface Off {
  UserName?: string;
  AccessKeyId?: string;
}

// deactivated says so, beside a button that activates the keys again.
export function deactivated(text: string, keys: Off[], reload: () => void) {
  const undo = async () => {
    try {
      for (const { UserName, AccessKeyId } of keys) await doing("updateAccessKey", { UserName, AccessKeyId, Status: "Active" }).run();
      flashed(keys.length === 1 ? `Access key ${keys[0].AccessKeyId} is active again.` : `${keys.length} access keys are active again.`);
    } catch (e) {
      const { message } = e as Failure;
      const action = missingAction(e as Failure);
      flash({ type: "error", header: action ? `You need permission for ${action}` : "That did not work", content: message });
    }
    reload();
  };
  flash({ type: "success", content: text, action: <Button onClick={() => void undo()}>Activate again</Button> });
}
