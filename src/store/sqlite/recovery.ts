// From the file to memory: the tables as the last checkpoint left them, then every group of the log since, then what of the log is still needed.
import type { Database } from 'better-sqlite3';
import { GatewayError } from '../../model/errors.ts';
import type { Log } from '../../model/log.ts';
import { ORDINARY, type Priority } from '../../model/priority.ts';
import { Image } from '../../session/image.ts';
import { messageSize } from '../../session/message-size.ts';
import type { Sequence } from '../../session/session-store.ts';
import type { ByteReader } from '../../wire/byte-reader.ts';
import { bytesOf, type Cell, numberOf, priorityOf } from './cell.ts';
import { type LastMoment, laterMoment } from './gateway-time.ts';
import { Group, MESSAGE_HEADER_BYTES, messageAt, priorityIn, REFERENCE_BYTES, visitRecords } from './group.ts';
import { loadTables } from './load-tables.ts';
import { type Meta, readMeta } from './meta.ts';
import { KIND, readRecord } from './record-codec.ts';
import { SegmentIndex } from './segment-index.ts';

export interface Recovered {
  readonly meta: Meta;
  readonly image: Image;
  readonly segments: SegmentIndex;
  readonly nextGroup: number;
  readonly nextSequence: Sequence;
  readonly lastMoment: LastMoment | undefined;
  /** Groups of the log that were missing, cut off or changed. */
  readonly damagedGroups: readonly number[];
  /** Bytes of log that were replayed. */
  readonly replayedBytes: number;
}

interface SegmentRow {
  readonly number: number;
  readonly next_sequence: Cell;
  readonly bytes: Cell;
}

/** @throws GatewayError STORE_CORRUPT, SqliteError SQLITE_CORRUPT - the file cannot be read as a whole. */
export function recover(database: Database, log: Log): Recovered {
  const meta = readMeta(database);
  const image = new Image();
  image.nextSessionId = meta.nextSessionId;
  loadTables(database, image, log);
  const replay = new Replay(image, meta);
  const rows = database.prepare('SELECT number, next_sequence, bytes FROM segment WHERE number >= ? ORDER BY number');
  for (const row of rows.iterate(meta.replayFrom)) replay.segment(row as SegmentRow);
  for (const session of image.sessions.values()) session.orderSending();
  for (const number of replay.damagedGroups)
    log.error('group of the log lost', { group: number, advice: 'what was acknowledged in it is gone; check the disk' });
  const segments = indexSegments(database, image);
  segments.replayFrom(meta.replayFrom);
  const { nextGroup, nextSequence, lastMoment, damagedGroups, replayedBytes } = replay;
  return { meta, image, segments, nextGroup, nextSequence, lastMoment, damagedGroups, replayedBytes };
}

class Replay {
  readonly damagedGroups: number[] = [];
  nextGroup: number;
  nextSequence: Sequence;
  lastMoment: LastMoment | undefined;
  replayedBytes = 0;
  readonly #image: Image;
  #expected: number;

  constructor(image: Image, meta: Meta) {
    this.#image = image;
    this.nextGroup = Math.max(meta.nextGroup, meta.replayFrom);
    this.nextSequence = meta.nextSequence;
    this.lastMoment = meta.lastMoment;
    this.#expected = meta.replayFrom;
  }

  /** A damaged group is left out, not the end: the groups behind it say what they say without it. */
  segment(row: SegmentRow): void {
    for (; this.#expected < row.number; this.#expected += 1) this.damagedGroups.push(this.#expected);
    this.#expected = row.number + 1;
    this.nextGroup = Math.max(this.nextGroup, row.number + 1);
    try {
      this.nextSequence = Math.max(this.nextSequence, numberOf(row.next_sequence)); // even of a group that is damaged
      const group = Group.parse(bytesOf(row.bytes));
      this.lastMoment = laterMoment(this.lastMoment, group.header);
      this.replayedBytes += group.bytes.length;
      this.#apply(group);
    } catch (error) {
      if (!(error instanceof GatewayError) || error.code !== 'STORE_CORRUPT') throw error;
      this.damagedGroups.push(row.number);
    }
  }

  #apply(group: Group): void {
    visitRecords(group.bytes, (kind, reader) => {
      if (kind === KIND.message) this.#applyMessage(group, reader);
      else if (kind === KIND.done) this.#applyDone(reader, ORDINARY);
      else if (kind === KIND['done-in-lane']) this.#applyDone(reader, priorityOf(reader.u8()));
      else {
        const record = readRecord(reader, kind);
        if (record !== undefined) this.#image.apply(record);
      }
    });
  }

  #applyMessage(group: Group, reader: ByteReader): void {
    const offset = reader.at;
    const { bytes, table, header } = group;
    const sequence = header.firstSequence + bytes.readUInt32LE(offset);
    const message = messageAt(bytes, table, offset);
    const size = messageSize(message);
    const start = offset + MESSAGE_HEADER_BYTES;
    const end = start + bytes.readUInt32LE(offset + 8) * REFERENCE_BYTES;
    for (let at = start; at < end; at += REFERENCE_BYTES) {
      const id = bytes.readUInt32LE(at);
      if (at > start && bytes.readUInt32LE(at - REFERENCE_BYTES) === id) continue; // one more identifier of the same reference
      const session = this.#image.session(id);
      if (session !== undefined) this.#image.enqueue(session, sequence, size, priorityIn(bytes.readUInt32LE(at + 4)));
    }
    if (message.isRetain) this.#image.retain(sequence, message);
  }

  #applyDone(reader: ByteReader, priority: Priority): void {
    const session = this.#image.session(reader.varint());
    reader.u8();
    const first = reader.varint();
    if (session !== undefined) this.#image.settleRun(session, { priority, first, last: first + reader.varint() });
  }
}

function indexSegments(database: Database, image: Image): SegmentIndex {
  const segments = new SegmentIndex();
  const rows = database.prepare('SELECT number, first_sequence, next_sequence, length(bytes) FROM segment ORDER BY number').raw();
  for (const row of rows.iterate()) {
    const [number, firstSequence, nextSequence, bytes] = row as [number, Cell, Cell, Cell];
    if (typeof firstSequence !== 'number' || typeof nextSequence !== 'number' || typeof bytes !== 'number') continue; // damaged: nothing is found in it
    segments.add({ number, firstSequence, nextSequence, bytes, live: 0 });
  }
  for (const session of image.sessions.values()) session.queue.visit((sequence) => segments.addReference(sequence));
  return segments;
}
