import { Alert, Box, Link } from "@cloudscape-design/components";
import { useEffect, useState } from "react";
import { tell, useCalls } from "./calls";
import type { Call } from "./calls";

// useTold notes that the page itself tells of the failure of a request.
export function useTold(requestId: string | undefined) {
  useEffect(() => {
    if (requestId) tell(requestId);
  }, [requestId]);
}

const why = (c: Call) => "#/why?" + new URLSearchParams({ text: c.message ?? "", ...(c.requestId && { request: c.requestId }) }).toString();

// Lacking names the actions that the page's reading calls lacked, where the page
// shows a blank or a dash in place of what they would have given.
export function Lacking() {
  const calls = useCalls();
  const [since] = useState(() => new Date());
  const [shown, setShown] = useState<Call[]>([]);
  useEffect(() => {
    const denied = calls.filter((c) => c.denied && !c.changes && !c.told && c.time >= since);
    // The page needs a moment to tell of a failure itself.
    const timer = setTimeout(() => setShown([...new Map(denied.map((c) => [c.denied, c])).values()]), 300);
    return () => clearTimeout(timer);
  }, [calls, since]);
  if (shown.length === 0) return null;
  return (
    <Box margin={{ bottom: "l" }}>
      <Alert type="info" header="Not all of this page can be shown">
        {"You need permission for "}
        {shown.map((c, i) => <span key={c.denied}>{i > 0 && ", "}<Link href={why(c)}>{c.denied}</Link></span>)}
        .
      </Alert>
    </Box>
  );
}
