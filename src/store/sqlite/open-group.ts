// The group that is being written: records are encoded once, where they will be committed from, and read from there until then.
import type { Message, Origin } from '../../model/message.ts';
import { ORDINARY, type Priority } from '../../model/priority.ts';
import type { SettledStretch } from '../../session/image.ts';
import type { StateRecord } from '../../session/records.ts';
import type { DurableWaiter, ReferenceOptions, Sequence, SettleCause, StoredDelivery } from '../../session/session-store.ts';
import { ByteWriter } from '../../wire/byte-writer.ts';
import { forgetReferences, Group, readDelivery, TERMS } from './group.ts';
import { GROUP_HEADER_BYTES, type GroupHeader, type GroupStamps, sealGroup } from './group-format.ts';
import { writeContent } from './message-codec.ts';
import { type Dropped, PassingMessages } from './passing-messages.ts';
import { beginRecord, CAUSE_CODE, endRecord, KIND, RECORD_HEADER_BYTES, writeRecord } from './record-codec.ts';
import { copySurvivors } from './survivors.ts';
import { noWaiters, pushAll, type Waiters } from './waiters.ts';

/** On the heap of V8, for the group of a turn that brought one message; the next size is not. */
const FIRST_OFFSETS = 16;
const OFFSETS_GROWTH = 8;
/** Groups lie one behind the other in slabs of this size: a buffer for each would be an allocation outside of the heap per commit. */
const SLAB_BYTES = 256 * 1024;
/** With less room than this left, a slab is full. */
const ROOM_BYTES_MIN = 4 * 1024;
/** A group of which nothing is left to be written begins anew behind so much. */
const RESTART_BYTES = 32 * 1024;

/** The queues one message goes to, collected before it is written. Only the first `count` entries mean anything: shortening an array costs more than a message. */
export class References {
  readonly sessions: number[] = [];
  readonly terms: number[] = [];
  count = 0;

  add(session: number, { qos, isRetain, identifiers }: ReferenceOptions, priority: Priority): void {
    const terms = qos | (isRetain ? TERMS.retain : 0);
    if (priority !== ORDINARY) {
      this.#push(session, (terms | (priority << TERMS.identifierShift) | TERMS.priority) >>> 0);
      if (identifiers.length === 0) return;
    }
    if (identifiers.length === 0) this.#push(session, terms);
    else for (const identifier of identifiers) this.#push(session, terms | (identifier << TERMS.identifierShift));
  }

  #push(session: number, terms: number): void {
    this.sessions[this.count] = session;
    this.terms[this.count] = terms;
    this.count += 1;
  }
}

/** What one lane of a queue holds between two sequences, and why it ended. */
export interface SettledRun extends SettledStretch {
  readonly session: number;
  readonly cause: SettleCause;
}

export class OpenGroup {
  readonly number: number;
  /** References of its messages that are not settled. */
  live = 0;
  /** Bytes of the messages they refer to, at least; what was settled may have taken more than its message. */
  liveBytes = 0;
  #firstSequence: Sequence;
  #writer: ByteWriter;
  #origins: Origin[] = [];
  #originIndex: Map<Origin, number> | undefined;
  #lastOrigin: Origin | undefined;
  #lastOriginIndex = 0;
  #offsets = new Uint32Array(FIRST_OFFSETS);
  #records = 0;
  #messages = 0;
  /** Made for the first whose commit may wait. */
  #passing: PassingMessages | undefined;
  #dropped = 0;
  #droppedBytes = 0;
  /** It is somewhere already, under its number: whatever it says will be written. */
  #isKept = false;

  constructor(number: number, firstSequence: Sequence, room: Buffer = Buffer.allocUnsafeSlow(SLAB_BYTES)) {
    this.number = number;
    this.#firstSequence = firstSequence;
    this.#writer = new ByteWriter(room, SLAB_BYTES);
    this.#writer.length = GROUP_HEADER_BYTES;
  }

  /** Greater than what was given before the first message that will be written. */
  get firstSequence(): Sequence {
    return this.#firstSequence;
  }

  /** Nothing is to be written. */
  get isEmpty(): boolean {
    return this.#records === this.#dropped + this.#origins.length;
  }

  /** A group that is empty and large, for nothing of it was written. */
  get isSpent(): boolean {
    return this.#writer.length > RESTART_BYTES && this.isEmpty;
  }

  get bytes(): number {
    return this.#writer.length;
  }

  record(record: StateRecord): void {
    writeRecord(this.#writer, record);
    this.#records += 1;
  }

  /** "Whatever this lane holds from `first` to `last` is settled": true again however often it is said. */
  done({ session, cause, priority, first, last }: SettledRun): void {
    const writer = this.#writer;
    const start = beginRecord(writer, priority === ORDINARY ? KIND.done : KIND['done-in-lane']);
    if (priority !== ORDINARY) writer.u8(priority);
    writer.varint(session);
    writer.u8(CAUSE_CODE[cause]);
    writer.varint(first);
    writer.varint(last - first);
    endRecord(writer, start);
    this.#records += 1;
  }

  message(sequence: Sequence, message: Message, references: References): void {
    if (this.#messages === this.#dropped) this.#firstSequence = sequence; // what was given before, to messages that are never written, takes no place in the table
    const origin = this.#indexOf(message.origin);
    const writer = this.#writer;
    const start = beginRecord(writer, KIND.message);
    const index = sequence - this.firstSequence;
    writer.u32(index);
    writer.u32(origin);
    const { sessions, terms, count } = references;
    writer.u32(count);
    for (let at = 0; at < count; at += 1) {
      writer.u32(sessions[at] as number);
      writer.u32(terms[at] as number);
    }
    writeContent(writer, message);
    endRecord(writer, start);
    this.#noteOffset(index, start);
    this.#records += 1;
    this.#messages += 1;
    if (count > 0) this.liveBytes += RECORD_HEADER_BYTES + writer.length - start;
  }

  /** The message just written, in so many queues, may wait until `dueMs`. */
  mayWait(sequence: Sequence, references: number, dueMs: number): void {
    this.#passing ??= new PassingMessages();
    this.#passing.add(sequence, references, dueMs);
  }

  /** As of `PassingMessages`. */
  get dueMs(): number {
    return this.#passing?.dueMs ?? Number.POSITIVE_INFINITY;
  }

  /** True when the message is to be written, and has to be whatever becomes of it. */
  mustWrite(sequence: Sequence): boolean {
    return this.#offsetOf(sequence) !== 0 && this.#passing?.has(sequence) !== true;
  }

  /** False when it need not be waited for. */
  waitFor(sequence: Sequence, waiter: DurableWaiter, token: number): boolean {
    return this.#passing?.waitFor(sequence, waiter, token) === true;
  }

  /**
   * A reference to one of its messages is settled.
   *
   * @returns `recorded`: a record must say so. `left-out`: it will not be written. `Dropped`: nor will the message.
   */
  settle(sequence: Sequence, session: number, cause: SettleCause): 'recorded' | 'left-out' | Dropped {
    if (this.#isKept || this.#passing?.has(sequence) !== true) return 'recorded';
    const dropped = this.#passing.settle(sequence, session, cause);
    if (dropped === undefined) return 'left-out';
    this.#dropped += 1;
    this.#droppedBytes += this.#writer.bytes.readUInt32LE(this.#offsetOf(sequence) - 4);
    this.#offsets[sequence - this.firstSequence] = 0;
    return dropped;
  }

  /** Who waits for its messages and then, as some wait for their sakes, those who asked for everything. */
  waitersWith(asking: Waiters): Waiters {
    if (this.#passing === undefined) return asking;
    const all = noWaiters();
    this.#passing.waitersTo(all);
    pushAll(all, asking);
    return all;
  }

  read(sequence: Sequence, session: number): StoredDelivery | undefined {
    const table = { firstSequence: this.firstSequence, offsets: this.#offsets, origins: this.#origins };
    return readDelivery(this.#writer.bytes, table, { sequence, session });
  }

  /** Ends the group. Its bytes are never written again, so that messages read from it stay as they are. */
  close(nextSequence: Sequence, stamps: GroupStamps): Group {
    this.#passing?.visitSettled((sequence, sessions) => forgetReferences(this.#writer.bytes, this.#offsetOf(sequence), sessions));
    if (this.#dropped > 0) this.#leaveOutDropped();
    const writer = this.#writer;
    const { number, firstSequence } = this;
    const header: GroupHeader = { ...stamps, number, firstSequence, nextSequence, records: this.#records, messages: this.#messages, compactedFrom: undefined };
    sealGroup(writer, header);
    const offsets = this.#offsets.slice(0, nextSequence - firstSequence);
    return new Group(header, writer.written, { firstSequence, offsets, origins: this.#origins });
  }

  /** What it says so far, as a group. Nothing of that is left out any more: the group will be written, and say that and more. */
  soFar(nextSequence: Sequence, stamps: GroupStamps): Group {
    this.#isKept = true;
    const { number, firstSequence } = this;
    const offsets = this.#offsets.slice(0, nextSequence - firstSequence);
    const { writer, origins } = copySurvivors(this.#writer.written, offsets, new ByteWriter(Buffer.allocUnsafeSlow(this.#writer.length), SLAB_BYTES));
    this.#passing?.visitSettled((sequence, sessions) => forgetReferences(writer.bytes, offsets[sequence - firstSequence] ?? 0, sessions));
    const records = this.#records - this.#dropped - (this.#origins.length - origins.length);
    sealGroup(writer, { ...stamps, number, firstSequence, nextSequence, records, messages: this.#messages - this.#dropped, compactedFrom: undefined });
    return Group.parse(writer.written);
  }

  /** The group behind this one, once it is closed. */
  following(nextSequence: Sequence): OpenGroup {
    return new OpenGroup(this.number + 1, nextSequence, this.#roomBehind(ROOM_BYTES_MIN));
  }

  /** This group once more, without what will not be written. */
  restarted(nextSequence: Sequence): OpenGroup {
    return new OpenGroup(this.number, nextSequence, this.#roomBehind(ROOM_BYTES_MIN));
  }

  #roomBehind(bytesMin: number): Buffer | undefined {
    const room = this.#writer.bytes.subarray(this.#writer.length);
    return room.length < bytesMin ? undefined : room;
  }

  #leaveOutDropped(): void {
    const bytes = this.#writer.length - this.#droppedBytes;
    const target = new ByteWriter(this.#roomBehind(bytes) ?? Buffer.allocUnsafeSlow(Math.max(bytes, SLAB_BYTES)), SLAB_BYTES);
    const { writer, origins } = copySurvivors(this.#writer.written, this.#offsets, target);
    this.#records -= this.#dropped + this.#origins.length - origins.length;
    this.#messages -= this.#dropped;
    this.#writer = writer;
    this.#origins = origins.map((old) => this.#origins[old] as Origin);
  }

  #offsetOf(sequence: Sequence): number {
    return this.#offsets[sequence - this.firstSequence] ?? 0;
  }

  /** Origins are written once per group: most of its messages share a few. */
  #indexOf(origin: Origin): number {
    if (origin === this.#lastOrigin) return this.#lastOriginIndex;
    this.#originIndex ??= new Map();
    let index = this.#originIndex.get(origin);
    if (index === undefined) {
      index = this.#origins.length;
      this.#origins.push(origin);
      this.#originIndex.set(origin, index);
      const start = beginRecord(this.#writer, KIND.origin);
      this.#writer.text(origin.gateway);
      this.#writer.text(origin.clientId);
      endRecord(this.#writer, start);
      this.#records += 1;
    }
    this.#lastOrigin = origin;
    this.#lastOriginIndex = index;
    return index;
  }

  #noteOffset(index: number, offset: number): void {
    if (index >= this.#offsets.length) {
      const grown = new Uint32Array(Math.max(index + 1, OFFSETS_GROWTH * this.#offsets.length));
      grown.set(this.#offsets);
      this.#offsets = grown;
    }
    this.#offsets[index] = offset;
  }
}
