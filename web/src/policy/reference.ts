import { useEffect, useState } from "react";
import { ownPath } from "../session";

// What is known of AWS's services, from the server, each when a policy first
// names it. These are public facts: no call of an API, and nobody's data.

export interface Action {
  n: string; // name, as in GetObject
  a: string; // access levels, as in "Permissions management, Write"
  r?: number[]; // kinds of resources
  q?: number[]; // those of them that it can't do without
  k?: number[]; // condition keys
}

export interface Reference {
  name: string; // "Amazon S3"
  actions: Action[];
  resources: { n: string; arn: string; k?: number[] }[];
  keys: [name: string, type: string][];
}

const loaded = new Map<string, Promise<unknown>>();

function load<T>(prefix: string): Promise<T | undefined> {
  let answer = loaded.get(prefix);
  if (!answer) {
    answer = fetch(ownPath + "reference/" + encodeURIComponent(prefix)).then((r) => (r.ok ? r.json() : undefined));
    answer.catch(() => loaded.delete(prefix));
    loaded.set(prefix, answer);
  }
  return answer as Promise<T | undefined>;
}

// serviceNames are the names of all services by prefix.
export const serviceNames = async () => (await load<Record<string, string>>("")) ?? {};

// reference is what is known of a service, or undefined. A prefix that is no
// service's is not asked for.
export async function reference(prefix: string): Promise<Reference | undefined> {
  const known = prefix.toLowerCase();
  if (known !== "aws" && !(known in (await serviceNames()))) return undefined;
  return load<Reference>(known);
}

// useReferences are the pages of some services, as far as they are loaded.
export function useReferences(prefixes: string[]): Map<string, Reference | undefined> {
  const [pages, setPages] = useState(new Map<string, Reference | undefined>());
  const wanted = [...new Set(prefixes.map((p) => p.toLowerCase()))].sort();
  useEffect(() => {
    let left = false;
    void Promise.all(wanted.map(async (p) => [p, await reference(p)] as const)).then((all) => left || setPages(new Map(all)));
    return () => {
      left = true;
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [wanted.join(" ")]);
  return pages;
}

// levels are the access levels, in the order in which they are shown.
export const levels = ["List", "Read", "Tagging", "Write", "Permissions management"];

// levelOf is the level that an action counts as: the gravest of its own.
export const levelOf = (a: Action) => [...levels].reverse().find((l) => a.a.includes(l)) ?? "Write";
