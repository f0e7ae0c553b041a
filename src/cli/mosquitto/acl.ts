// Mosquitto's access list as one of ours. There the lines of a user and the patterns for all are asked, of each denials first; here the first rule that
// fits decides. Mosquitto lets a client subscribe to everything and judges each message it gets; here a subscription is judged, once. So what is written is
// at least as strict: a denial is by overlap, and an `allow` is no wider than its line.
import { topicFilter } from '../../model/topic.ts';
import { ConfError, linesOf, messageOf, type Place } from './conf-file.ts';
import type { Remark } from './rows.ts';

export interface Translated {
  readonly rules: readonly string[];
  readonly remarks: readonly Remark[];
}

interface Entry extends Place {
  /** undefined: for clients without a user name; `all`: a pattern. */
  readonly whose: { readonly user: string } | 'anonymous' | 'all';
  readonly access: Access;
  readonly topic: string;
}

const ACTIONS = { read: 'subscribe', write: 'publish', readwrite: 'all', deny: 'all' } as const;
type Access = keyof typeof ACTIONS;

/**
 * @param qualifier - what every rule ends with: `listener=mqtt.1883`, or nothing.
 * @throws ConfError @throws GatewayError CONFIG_INVALID
 */
export function translateAcl(file: string, qualifier: string): Translated {
  const entries = entriesOf(file);
  const remarks: Remark[] = [];
  const ordered = [...entries.filter(({ whose }) => whose !== 'all'), ...entries.filter(({ whose }) => whose === 'all')];
  const byOwner = Map.groupBy(ordered, ({ whose }) => (typeof whose === 'object' ? `user ${whose.user}` : whose));
  const rules = [...byOwner.values()].flatMap((owned) =>
    [...owned.filter(({ access }) => access === 'deny'), ...owned.filter(({ access }) => access !== 'deny')].flatMap((entry) =>
      rule(entry, qualifier, remarks),
    ),
  );
  return { rules, remarks };
}

function entriesOf(file: string): Entry[] {
  const entries: Entry[] = [];
  let whose: Entry['whose'] = 'anonymous';
  for (const [place, text] of linesOf(file)) {
    const [, word = '', rest = ''] = /^(\S+)\s*(.*)$/.exec(text) ?? [];
    if (word === 'user' && rest !== '') whose = { user: rest };
    else if (word === 'topic') entries.push({ ...place, whose, ...grantOf(rest, place) });
    else if (word === 'pattern') entries.push({ ...place, whose: 'all', ...grantOf(rest, place) });
    else throw new ConfError(place, 'must begin with user, topic or pattern, and say more');
  }
  return entries;
}

/** The word before the topic may be missing, unless the topic has a space in it. */
function grantOf(text: string, place: Place): { readonly access: Access; readonly topic: string } {
  const [, access = '', topic = ''] = /^(\S+)\s+(.+)$/.exec(text) ?? [];
  if (topic === '') return { access: 'readwrite', topic: filterOf(text, place) };
  if (!isAccess(access)) throw new ConfError(place, 'after topic or pattern comes read, write, readwrite or deny');
  return { access, topic: filterOf(topic, place) };
}

function isAccess(word: string): word is Access {
  return Object.hasOwn(ACTIONS, word);
}

function filterOf(text: string, place: Place): string {
  try {
    return topicFilter(text);
  } catch (error) {
    throw new ConfError(place, `the topic is none: ${messageOf(error)}`);
  }
}

const PLACEHOLDER = /%[cu]/;
/** Levels that mean something here, or are refused. */
const OURS = /%[cu]|^%[a-zA-Z]$|\$\{/;

/** Texts that would be read as placeholders here: they allow nothing, and deny whatever stands in their place. */
function rule({ whose, access, topic, ...place }: Entry, qualifier: string, remarks: Remark[]): string[] {
  const isWrong = (level: string): boolean => (whose === 'all' && (level === '%c' || level === '%u') ? false : OURS.test(level));
  const levels = topic.split('/');
  const isMeantOtherwise = levels.some(isWrong);
  const what = whose === 'all' ? 'pattern' : 'topic';
  if (isMeantOtherwise && access !== 'deny') {
    const reason = whose === 'all' ? 'a placeholder fills a whole level' : 'a level that reads like a placeholder cannot be named as it is';
    remarks.push({ ...place, what, kind: 'missing', reason: `${reason}: nothing is allowed by this line` });
    return [];
  }
  if (isMeantOtherwise) remarks.push({ ...place, what, kind: 'differs', reason: 'a placeholder fills a whole level: whatever stands in this one is denied' });
  if (whose === 'all' && !PLACEHOLDER.test(topic))
    remarks.push({ ...place, what, kind: 'needless', reason: 'without %c and %u it is a line for everybody, and stays one' });
  const written = levels.map((level) => (isWrong(level) ? '+' : level)).join('/');
  const owner = typeof whose === 'object' ? `user=${quoted(whose.user)}` : whose === 'anonymous' ? 'anonymous' : '';
  const permission = access === 'deny' ? 'deny' : 'allow';
  return [[permission, ACTIONS[access], quoted(written), owner, access === 'deny' ? 'overlap' : '', qualifier].filter((part) => part !== '').join(' ')];
}

/** As our access list reads it. */
export function quoted(text: string): string {
  return /[\s"\\]/.test(text) ? `"${text.replace(/["\\]/g, '\\$&')}"` : text;
}
