import { Button } from "@cloudscape-design/components";
import { useEffect, useState } from "react";
import { flash, unflash } from "./flash";
import { ownPath, renewed } from "./session";
import type { Session } from "./session";

const minute = 60_000;
const shown = 60 * minute; // at the top
const warned = 15 * minute; // in a message

// clock writes a time that is left: as 40 min, and near the end as 9:05.
const clock = (ms: number) => (ms < warned ? `${Math.floor(ms / minute)}:${String(Math.floor((ms % minute) / 1000)).padStart(2, "0")}` : `${Math.ceil(ms / minute)} min`);

// signIn opens the sign-in page in another tab: what was begun on this page stays,
// and goes on under the new session.
export const signIn = () => window.open(ownPath + "signin" + location.hash, "_blank", "noopener");

// useTimeLeft says how long the session still lasts, once that is less than an
// hour, warns before it ends, and takes over a session that was begun in
// another tab.
export function useTimeLeft(session: Session, onRenewed: (next: Session) => void): string | undefined {
  const [now, setNow] = useState(Date.now());
  const left = Math.max(0, new Date(session.signedInUntil).getTime() - now);
  const near = left < shown;
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), near ? 1000 : minute / 2);
    return () => clearInterval(timer);
  }, [near]);
  useEffect(() => {
    if (!near) return;
    const look = () => void renewed(session).then((next) => next && onRenewed(next));
    window.addEventListener("focus", look);
    return () => window.removeEventListener("focus", look);
  }, [near, session, onRenewed]);
  const state = left === 0 ? "over" : left < warned ? "near" : "";
  useEffect(() => {
    if (!state) return;
    const id = flash({
      type: "warning", header: state === "over" ? "Your session has ended" : "Your session ends soon", lasting: true,
      content: `It lasts twelve hours, ${state === "over" ? "and ended" : "until"} ${new Date(session.signedInUntil).toLocaleTimeString("en", { timeStyle: "short" })}. Sign in again in another tab, and go on here: nothing on this page is lost.`,
      action: <Button iconName="external" onClick={signIn}>Sign in again</Button>,
    });
    return () => unflash(id);
  }, [state, session.signedInUntil]);
  return near ? (left ? `Session ends in ${clock(left)}` : "Session ended") : undefined;
}
