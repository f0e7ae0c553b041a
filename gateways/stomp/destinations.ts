// STOMP leaves the meaning of a destination to the server. Ours: `/topic/T` and plain `T` are the topic T; `/queue/N` is the queue N, whose messages each go
// to one consumer and wait while there is none; `/temp-queue/N` names a place for replies that only its connection reads.
import { GatewayError } from '../../src/model/errors.ts';
import { type TopicFilter, type TopicName, topicFilter, topicName } from '../../src/model/topic.ts';
import { StompError } from './packets.ts';
import type { StompSettings } from './settings.ts';

const TOPIC = '/topic/';
const QUEUE = '/queue/';
const TEMPORARY = '/temp-queue/';
/** All consumers of queues are members of groups of this name. */
const GROUP = 'stomp';

type Rules = Pick<StompSettings, 'areDotsSlashes' | 'queueTopicPrefix'>;

export interface Destination {
  readonly kind: 'topic' | 'queue' | 'temporary';
  /** Topic name or filter; of a queue without its prefix. */
  readonly text: string;
  /** What stood before it, and stands before the destination of what is delivered. */
  readonly prefix: string;
}

/** A place for replies that `reply-to` named. */
export function temporary(text: string): Destination {
  return { kind: 'temporary', text, prefix: TEMPORARY };
}

/** @throws StompError - empty. */
export function destinationOf(header: string, { areDotsSlashes }: Pick<Rules, 'areDotsSlashes'>): Destination {
  const prefix = [TOPIC, QUEUE, TEMPORARY].find((each) => header.startsWith(each)) ?? '';
  const kind = prefix === QUEUE ? 'queue' : prefix === TEMPORARY ? 'temporary' : 'topic';
  const rest = header.slice(prefix.length);
  if (rest === '') throw new StompError('STOMP 1.2 header destination', 'a destination without a name');
  return { kind, text: areDotsSlashes && prefix !== '' ? rest.replaceAll('.', '/') : rest, prefix };
}

/** @throws StompError - no name a message can be sent to: it has wildcards, or is no topic name. */
export function sendTopic(destination: Destination, rules: Rules): TopicName {
  if (destination.kind === 'temporary') throw new StompError('STOMP 1.2 SEND', 'a /temp-queue/ is sent to by the reply-to of a message, not by its name');
  return named(() => topicName(topicTextOf(destination, rules)));
}

/** What the core subscribes to. @throws StompError - no topic filter, or a queue with wildcards. */
export function subscribeFilter(destination: Destination, rules: Rules): TopicFilter {
  if (destination.kind !== 'queue') return named(() => topicFilter(destination.text));
  return queueFilter(named(() => topicName(topicTextOf(destination, rules))));
}

/** @throws StompError - none can be made of the name the client gave. */
export function replyFilter(topic: string): TopicFilter {
  return named(() => topicFilter(topicName(topic)));
}

/** The shared subscription that is the queue with that topic. */
export function queueFilter(topic: TopicName): TopicFilter {
  return topicFilter(`$share/${GROUP}/${topic}`);
}

/** The `destination` header of a message, in the form its subscriber asked in. */
export function destinationHeader({ prefix, kind, text }: Destination, topic: string, rules: Rules): string {
  if (kind === 'temporary') return prefix + text;
  const named = kind === 'queue' ? topic.slice(rules.queueTopicPrefix.length) : topic;
  return prefix + (rules.areDotsSlashes && prefix !== '' ? named.replaceAll('/', '.') : named);
}

/** How a topic is named to somebody who has not said in which form it wants it. */
export function topicHeader(topic: string, { areDotsSlashes }: Pick<Rules, 'areDotsSlashes'>): string {
  return TOPIC + (areDotsSlashes ? topic.replaceAll('/', '.') : topic);
}

function topicTextOf({ kind, text }: Destination, { queueTopicPrefix }: Rules): string {
  return kind === 'queue' ? queueTopicPrefix + text : text;
}

function named<Name>(parse: () => Name): Name {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    throw new StompError('STOMP 1.2 header destination', error.message);
  }
}
