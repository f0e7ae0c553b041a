// From the file to memory: the tables as the last checkpoint left them, then every group of the log since, then what of the log is still needed.
import type { Database } from 'better-sqlite3';
import { GatewayError } from '../../model/errors.ts';
import type { Log } from '../../model/log.ts';
import { ORDINARY, type Priority } from '../../model/priority.ts';
import { Image } from '../../session/image.ts';
import { messageSize } from '../../session/message-size.ts';
import type { Sequence } from '../../session/session-store.ts';
import type { ByteReader } from '../../wire/byte-reader.ts';
import { bytesOf, type Cell, priorityOf } from './cell.ts';
import { type LastMoment, laterMoment } from './gateway-time.ts';
import { Group, MESSAGE_HEADER_BYTES, messageAt, priorityIn, REFERENCE_BYTES, visitRecords } from './group.ts';
import { indexSegments } from './index-segments.ts';
import { loadTables } from './load-tables.ts';
import { LostGroups } from './lost-groups.ts';
import { type Meta, readMeta } from './meta.ts';
import { KIND, readRecord } from './record-codec.ts';
import { referAgain } from './refer-again.ts';
import type { SegmentIndex } from './segment-index.ts';

export interface Recovered {
  readonly meta: Meta;
  readonly image: Image;
  readonly segments: SegmentIndex;
  readonly nextGroup: number;
  readonly nextSequence: Sequence;
  readonly lastMoment: LastMoment | undefined;
  /** Groups of the log that were missing, cut off or changed. */
  readonly lost: LostGroups;
  /** Bytes of log that were replayed. */
  readonly replayedBytes: number;
}

interface SegmentRow {
  readonly number: number;
  readonly bytes: Cell;
}

/** @throws GatewayError STORE_CORRUPT, SqliteError SQLITE_CORRUPT - the file cannot be read as a whole. */
export function recover(database: Database, log: Log, lost = new LostGroups()): Recovered {
  const meta = readMeta(database);
  const image = new Image();
  image.nextSessionId = meta.nextSessionId;
  loadTables(database, image, log);
  if (meta.isReferringAgain) {
    const messages = referAgain(database, image, meta.replayFrom);
    log.error('rows of queues lost: queued again from the log', { messages, advice: 'nothing is lost by that; what was delivered may be sent again' });
  }
  const replay = new Replay(image, meta, lost);
  const rows = database.prepare('SELECT number, bytes FROM segment WHERE number >= ? ORDER BY number');
  for (const row of rows.iterate(meta.replayFrom)) replay.segment(row as SegmentRow);
  for (const session of image.sessions.values()) session.orderSending();
  const segments = indexSegments(database, image, { lost, nextGroup: replay.nextGroup });
  segments.replayFrom(meta.replayFrom);
  tellLost(lost, log);
  const { nextGroup, lastMoment, replayedBytes, boot } = replay;
  const nextSequence = Math.max(replay.nextSequence, segments.nextSequence, nextSequenceIn(image)); // never given twice, even when the row that says so is gone
  return { meta: { ...meta, boot: Math.max(meta.boot, boot) }, image, segments, nextGroup, nextSequence, lastMoment, lost, replayedBytes };
}

/** Behind every sequence something still refers to. */
function nextSequenceIn(image: Image): Sequence {
  let last = 0;
  for (const { queue, sending } of image.sessions.values()) {
    last = Math.max(last, queue.last ?? 0);
    for (const { sequence } of sending.values()) last = Math.max(last, sequence);
  }
  for (const topic of image.retained.keys()) last = Math.max(last, image.retainedAt(topic) ?? 0);
  return last + 1;
}

function tellLost(lost: LostGroups, log: Log): void {
  for (const group of lost.ranges) log.error('group of the log lost', { group, advice: 'what was acknowledged in it is gone; check the disk' });
}

class Replay {
  /** Greatest that a group was written in. */
  boot = 0;
  nextGroup: number;
  nextSequence: Sequence;
  lastMoment: LastMoment | undefined;
  replayedBytes = 0;
  readonly #image: Image;
  readonly #lost: LostGroups;
  #expected: number;

  constructor(image: Image, meta: Meta, lost: LostGroups) {
    this.#image = image;
    this.#lost = lost;
    this.nextGroup = Math.max(meta.nextGroup, meta.replayFrom);
    this.nextSequence = meta.nextSequence;
    this.lastMoment = meta.lastMoment;
    this.#expected = meta.replayFrom;
  }

  /** A damaged group is left out, not the end: the groups behind it say what they say without it. */
  segment(row: SegmentRow): void {
    if (this.#expected < row.number) this.#lost.add(this.#expected, row.number - 1);
    this.#expected = row.number + 1;
    this.nextGroup = Math.max(this.nextGroup, row.number + 1);
    try {
      const group = Group.parse(bytesOf(row.bytes));
      this.nextSequence = Math.max(this.nextSequence, group.header.nextSequence);
      this.boot = Math.max(this.boot, group.header.boot);
      this.lastMoment = laterMoment(this.lastMoment, group.header);
      this.replayedBytes += group.bytes.length;
      this.#apply(group);
    } catch (error) {
      if (!(error instanceof GatewayError) || error.code !== 'STORE_CORRUPT') throw error;
      this.#lost.add(row.number);
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
