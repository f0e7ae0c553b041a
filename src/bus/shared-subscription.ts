// Shared Subscriptions in the text of a filter (MQTT 5 §4.8.2): `$share/NAME/FILTER`, and `$queue/FILTER` for a group of its own name.
import type { TopicFilter } from '../model/topic.ts';

export interface SharedFilter {
  /** ShareName; `$queue` for the group that has none. */
  readonly group: string;
  /** What selects the topics. */
  readonly filter: TopicFilter;
}

const SHARE = '$share/';
const QUEUE = '$queue/';
const QUEUE_GROUP = '$queue';

/** The parts of a shared filter; undefined for a plain one, and for one that lacks its name or its filter (MQTT-4.8.2-1, -2). */
export function sharedFilter(text: TopicFilter): SharedFilter | undefined {
  if (text.startsWith(QUEUE)) return partsOf(QUEUE_GROUP, text.slice(QUEUE.length));
  if (!text.startsWith(SHARE)) return undefined;
  const end = text.indexOf('/', SHARE.length);
  return end === -1 ? undefined : partsOf(text.slice(SHARE.length, end), text.slice(end + 1));
}

/** Whether the text claims to be shared and is not: no subscription can be made of it. */
export function isBadShare(text: TopicFilter): boolean {
  return (text.startsWith(SHARE) || text.startsWith(QUEUE)) && sharedFilter(text) === undefined;
}

/** What the subscription selects: the inner filter of a shared one. Permission is about this. */
export function selectedBy(text: TopicFilter): TopicFilter {
  return sharedFilter(text)?.filter ?? text;
}

/** A final part of a valid filter that begins at a level is a valid filter itself. */
function partsOf(group: string, filter: string): SharedFilter | undefined {
  const isWhole = group.length > 0 && !/[+#]/.test(group) && filter.length > 0;
  return isWhole ? { group, filter: filter as TopicFilter } : undefined;
}
