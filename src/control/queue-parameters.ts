// What requests about queues say: which queue, and which of its entries.
import { GatewayError } from '../model/errors.ts';
import { QUEUE_IMPORTED_PER_REQUEST, QUEUE_SEQUENCES_PER_REQUEST } from '../model/limits.ts';
import type { QoS } from '../model/message.ts';
import type { QueueName, Selection } from '../model/queue-selection.ts';
import { type TopicFilter, topicFilter } from '../model/topic.ts';

export type Parameters = Readonly<Record<string, unknown>>;

const NAME_BYTES_MAX = 1_024;
const SECONDS_MAX = 4_294_967_295;
/** Bytes, as a request says them. */
export const HEX = /^(?:[0-9a-f]{2})+$/i;

export function queueOf(given: Parameters): QueueName {
  return { clientId: textOf(given, 'clientId') ?? '', realm: textOf(given, 'realm') };
}

export function selectionOf(given: Parameters): Selection {
  return {
    after: integer(given, 'after', { least: 0, most: Number.MAX_SAFE_INTEGER }),
    upTo: integer(given, 'upTo', { least: 0, most: Number.MAX_SAFE_INTEGER }),
    sequences: sequencesOf(given),
    topics: topicsOf(given),
    contains: textOf(given, 'contains'),
    containsBytes: bytesOf(given, 'hex'),
    publisher: textOf(given, 'publisher'),
    olderThanSeconds: integer(given, 'olderThanSeconds', { least: 0, most: SECONDS_MAX }),
    newerThanSeconds: integer(given, 'newerThanSeconds', { least: 0, most: SECONDS_MAX }),
    qos: integer(given, 'qos', { least: 0, most: 2 }) as QoS | undefined,
  };
}

function topicsOf(given: Parameters): TopicFilter | undefined {
  const text = textOf(given, 'topics');
  return text === undefined ? undefined : topicFilter(text);
}

export function sequencesOf({ sequences }: Parameters): readonly number[] | undefined {
  if (sequences === undefined) return undefined;
  if (Array.isArray(sequences) && sequences.length <= QUEUE_SEQUENCES_PER_REQUEST && sequences.every((each) => Number.isSafeInteger(each))) return sequences;
  throw wrong(`"sequences" must be a list of at most ${QUEUE_SEQUENCES_PER_REQUEST} whole numbers`);
}

export function integer(given: Parameters, name: string, { least, most }: { readonly least: number; readonly most: number }): number | undefined {
  const value = given[name];
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw wrong(`"${name}" must be a whole number from ${least} to ${most}`);
}

export function textOf(given: Parameters, name: string): string | undefined {
  const value = given[name];
  if (value === undefined) return undefined;
  if (typeof value === 'string' && Buffer.byteLength(value) <= NAME_BYTES_MAX) return value;
  throw wrong(`"${name}" must be a text of at most ${NAME_BYTES_MAX} bytes`);
}

/** Absent: false. */
export function flagOf(given: Parameters, name: string): boolean {
  const value = given[name] ?? false;
  if (typeof value === 'boolean') return value;
  throw wrong(`"${name}" must be true or false`);
}

export function messagesOf({ messages }: Parameters): readonly Buffer[] {
  if (!Array.isArray(messages) || messages.length > QUEUE_IMPORTED_PER_REQUEST || !messages.every((each) => typeof each === 'string'))
    throw wrong(`"messages" must be a list of at most ${QUEUE_IMPORTED_PER_REQUEST} texts in base64`);
  return messages.map((each: string) => Buffer.from(each, 'base64'));
}

function bytesOf(given: Parameters, name: string): Uint8Array | undefined {
  const text = textOf(given, name);
  if (text === undefined) return undefined;
  if (HEX.test(text)) return Buffer.from(text, 'hex');
  throw wrong(`"${name}" must be bytes as pairs of hexadecimal digits`);
}

export function wrong(message: string): GatewayError {
  return new GatewayError('PROTOCOL_VIOLATION', message);
}
