import { Button } from "@cloudscape-design/components";
import { useEffect, useState } from "react";

// Hidden is a secret that is shown on demand, for a minute.
export function Hidden({ text }: { text: string }) {
  const [shown, setShown] = useState(false);
  useEffect(() => {
    if (!shown) return;
    const timer = setTimeout(() => setShown(false), 60_000);
    return () => clearTimeout(timer);
  }, [shown]);
  return (
    <>
      {shown ? text : "•".repeat(16)} <Button variant="inline-link" onClick={() => setShown(!shown)}>{shown ? "Hide" : "Show"}</Button>
    </>
  );
}
