import { Button, Popover, StatusIndicator } from "@cloudscape-design/components";
import { useState } from "react";
import type { ReactNode } from "react";

// Copy is a text with a button that copies it.
export function Copy({ text, label, shown }: { text: string; label: string; shown?: ReactNode }) {
  const [failed, setFailed] = useState(false);
  return (
    <span className="copy">
      <Popover
        size="small" position="top" triggerType="custom" dismissButton={false}
        content={<StatusIndicator type={failed ? "error" : "success"}>{failed ? "Not copied" : label + " copied"}</StatusIndicator>}
      >
        <Button
          variant="inline-icon" iconName="copy" ariaLabel={"Copy " + label}
          onClick={() => void navigator.clipboard.writeText(text).then(() => setFailed(false), () => setFailed(true))}
        />
      </Popover>
      <span>{shown ?? text}</span>
    </span>
  );
}
