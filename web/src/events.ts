import type { Event, LookupAttributeKey } from "@aws-sdk/client-cloudtrail";
import { trail } from "./session";

// Recorded is what is read of an event's record in CloudTrail's format, with our
// own part.
export interface Recorded {
  eventID?: string;
  requestID?: string;
  eventTime?: string;
  eventSource?: string;
  eventName?: string;
  errorCode?: string;
  errorMessage?: string;
  sourceIPAddress?: string;
  userAgent?: string;
  awsRegion?: string;
  readOnly?: boolean;
  userIdentity?: {
    type?: string;
    arn?: string;
    accountId?: string;
    principalId?: string;
    accessKeyId?: string;
    userName?: string;
    sessionContext?: { sessionIssuer?: { type?: string; arn?: string; userName?: string }; attributes?: { mfaAuthenticated?: string } };
  };
  responseElements?: { credentials?: { accessKeyId?: string } } | null;
  sallyport?: { decision?: string; reason?: string; action?: string; targets?: string[]; explanation?: string };
}

export const recordOf = (e: Event) => JSON.parse(e.CloudTrailEvent ?? "{}") as Recorded;

export interface Look {
  events: Event[];
  more: boolean; // there were more than were asked for
}

// lookUp finds events, the newest first, up to a number of them.
export async function lookUp(key: LookupAttributeKey | undefined, value: string, from: Date | undefined, most: number, cancelled: () => boolean = () => false, to?: Date): Promise<Look> {
  const events: Event[] = [];
  let NextToken: string | undefined;
  do {
    const out = await trail().lookupEvents({ LookupAttributes: key ? [{ AttributeKey: key, AttributeValue: value }] : undefined, StartTime: from, EndTime: to, MaxResults: 50, NextToken });
    events.push(...(out.Events ?? []));
    NextToken = out.NextToken;
  } while (NextToken && events.length < most && !cancelled());
  return { events: events.slice(0, most), more: NextToken !== undefined || events.length > most };
}

export const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000);

// sessionKeys are the access keys of the latest sessions of a role, from the
// events in which they were given out.
export async function sessionKeys(arn: string, from: Date, most: number): Promise<{ keys: string[]; more: boolean }> {
  const { events, more } = await lookUp("ResourceName", arn, from, most);
  const keys = events.filter((e) => /^AssumeRole/.test(e.EventName ?? "")).map((e) => recordOf(e).responseElements?.credentials?.accessKeyId);
  return { keys: keys.filter((k): k is string => k !== undefined), more };
}
