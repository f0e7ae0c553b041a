// The entries of one queue over the control socket. Each answer is a piece; `next` is what the next request takes as `after`.
import { GatewayError } from '../model/errors.ts';
import { QUEUE_ENTRIES_SHOWN_MAX } from '../model/limits.ts';
import { type TopicFilter, topicFilter } from '../model/topic.ts';
import type { CommandTable } from './protocol.ts';
import type { EntrySelection, QueueBook, QueueOfClient } from './running-gateway.ts';

type Parameters = Readonly<Record<string, unknown>>;

const NAME_BYTES_MAX = 1_024;
const SEQUENCES_MAX = 1_000;

/** @param book - asked for at each command; throws while there is none. */
export function queueCommands(book: () => QueueBook): CommandTable {
  return {
    'queue.peek': {
      about: 'Messages of one queue, the oldest first.',
      run: (given) => book().peek(queueOf(given), selectionOf(given), integer(given, 'limit', { least: 1, most: QUEUE_ENTRIES_SHOWN_MAX }) ?? 10),
    },
    'queue.purge': { about: 'Lets go of messages of one queue.', run: (given) => book().purge(queueOf(given), selectionOf(given)) },
    'queue.replay': {
      about: 'Puts dead letters back into the queue they come from.',
      run: (given) => book().replay(textOf(given, 'clientId') ?? '', selectionOf(given)),
    },
  };
}

function queueOf(given: Parameters): QueueOfClient {
  return { clientId: textOf(given, 'clientId') ?? '', realm: textOf(given, 'realm') };
}

function selectionOf(given: Parameters): EntrySelection {
  return {
    after: integer(given, 'after', { least: 0, most: Number.MAX_SAFE_INTEGER }),
    upTo: integer(given, 'upTo', { least: 0, most: Number.MAX_SAFE_INTEGER }),
    sequences: sequencesOf(given),
    topics: topicsOf(given),
    contains: textOf(given, 'contains'),
  };
}

function topicsOf(given: Parameters): TopicFilter | undefined {
  const text = textOf(given, 'topics');
  return text === undefined ? undefined : topicFilter(text);
}

function sequencesOf({ sequences }: Parameters): readonly number[] | undefined {
  if (sequences === undefined) return undefined;
  if (Array.isArray(sequences) && sequences.length <= SEQUENCES_MAX && sequences.every((each) => Number.isSafeInteger(each))) return sequences;
  throw wrong(`"sequences" must be a list of at most ${SEQUENCES_MAX} whole numbers`);
}

function integer(given: Parameters, name: string, { least, most }: { readonly least: number; readonly most: number }): number | undefined {
  const value = given[name];
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw wrong(`"${name}" must be a whole number from ${least} to ${most}`);
}

function textOf(given: Parameters, name: string): string | undefined {
  const value = given[name];
  if (value === undefined) return undefined;
  if (typeof value === 'string' && Buffer.byteLength(value) <= NAME_BYTES_MAX) return value;
  throw wrong(`"${name}" must be a text of at most ${NAME_BYTES_MAX} bytes`);
}

function wrong(message: string): GatewayError {
  return new GatewayError('PROTOCOL_VIOLATION', message);
}
