// When rows of queues are lost in both places, the log still says which queues its messages went to. Nothing is lost that way; what was settled and is
// not known to be is sent once more, at QoS 2 too: between losing a message and sending it twice there is no third way without the row.
import type { Database } from 'better-sqlite3';
import { GatewayError } from '../../model/errors.ts';
import type { Image } from '../../session/image.ts';
import { LiveChunk } from '../../session/live-chunk.ts';
import { messageSize } from '../../session/message-size.ts';
import type { Sequence } from '../../session/session-store.ts';
import { bytesOf, type Cell, numberOf } from './cell.ts';
import { Group, MESSAGE_HEADER_BYTES, messageAt, priorityIn, REFERENCE_BYTES, visitRecords } from './group.ts';
import { KIND } from './record-codec.ts';
import { unsealed } from './sealed-row.ts';

interface Span {
  readonly first: Sequence;
  readonly last: Sequence;
}

/** Between the first and the last entry of a row that was found, what the row does not say is settled. */
type Spans = ReadonlyMap<string, readonly Span[]>;

/** Queues every message of groups below `replayFrom` for the sessions it refers to, where no row knows better. @returns how many. */
export function referAgain(database: Database, image: Image, replayFrom: number): number {
  const spans = spansIn(database);
  let count = 0;
  const rows = database.prepare('SELECT bytes FROM segment WHERE number < ? ORDER BY number').pluck();
  for (const cell of rows.iterate(replayFrom)) {
    const group = wholeGroup(cell as Cell);
    if (group !== undefined) count += referGroup(image, group, spans);
  }
  return count;
}

function referGroup(image: Image, group: Group, spans: Spans): number {
  const { bytes, table, header } = group;
  let count = 0;
  visitRecords(bytes, (kind, reader) => {
    if (kind !== KIND.message) return;
    const offset = reader.at;
    const sequence = header.firstSequence + bytes.readUInt32LE(offset);
    const start = offset + MESSAGE_HEADER_BYTES;
    const end = start + bytes.readUInt32LE(offset + 8) * REFERENCE_BYTES;
    for (let at = start; at < end; at += REFERENCE_BYTES) {
      const id = bytes.readUInt32LE(at);
      const priority = priorityIn(bytes.readUInt32LE(at + 4));
      const session = image.session(id);
      if (session === undefined || session.queue.has(sequence) || isWithin(spans.get(`${id} ${priority}`), sequence)) continue;
      if (image.enqueue(session, sequence, messageSize(messageAt(bytes, table, offset)), priority)) count += 1;
    }
  });
  return count;
}

function spansIn(database: Database): Spans {
  const spans = new Map<string, Span[]>();
  for (const row of database.prepare('SELECT session, lane, first_sequence, live FROM queue_chunk').raw().iterate()) {
    const [session, lane, first] = row as Cell[];
    const chunk = LiveChunk.restore(numberOf(first), unsealed('queue_chunk', row as Cell[]));
    if (chunk.count === 0) continue;
    const key = `${session} ${lane}`;
    spans.set(key, [...(spans.get(key) ?? []), { first: numberOf(first), last: chunk.last }]);
  }
  return spans;
}

function isWithin(spans: readonly Span[] | undefined, sequence: Sequence): boolean {
  return spans?.some(({ first, last }) => first <= sequence && sequence <= last) === true;
}

function wholeGroup(cell: Cell): Group | undefined {
  try {
    return Group.parse(bytesOf(cell));
  } catch (error) {
    if (error instanceof GatewayError) return undefined;
    throw error;
  }
}
