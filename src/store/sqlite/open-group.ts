// The group that is being written: records are encoded once, where they will be committed from, and read from there until then.
import type { Message, Origin } from '../../model/message.ts';
import type { StateRecord } from '../../session/records.ts';
import type { ReferenceOptions, Sequence, SettleCause, StoredDelivery } from '../../session/session-store.ts';
import { ByteWriter } from '../../wire/byte-writer.ts';
import { Group, readDelivery, TERMS } from './group.ts';
import { GROUP_HEADER_BYTES, type GroupHeader, type GroupStamps, sealGroup } from './group-format.ts';
import { writeContent } from './message-codec.ts';
import { beginRecord, CAUSE_CODE, endRecord, KIND, writeRecord } from './record-codec.ts';

const FIRST_OFFSETS = 64;

/** The queues one message goes to, collected before it is written. */
export class References {
  readonly sessions: number[] = [];
  readonly terms: number[] = [];

  add(session: number, { qos, isRetain, identifiers }: ReferenceOptions): void {
    const terms = qos | (isRetain ? TERMS.retain : 0);
    if (identifiers.length === 0) this.#push(session, terms);
    else for (const identifier of identifiers) this.#push(session, terms | (identifier << TERMS.identifierShift));
  }

  clear(): void {
    this.sessions.length = 0;
    this.terms.length = 0;
  }

  #push(session: number, terms: number): void {
    this.sessions.push(session);
    this.terms.push(terms);
  }
}

export interface SettledRun {
  readonly session: number;
  readonly cause: SettleCause;
  readonly first: Sequence;
  readonly last: Sequence;
}

export class OpenGroup {
  readonly number: number;
  readonly firstSequence: Sequence;
  /** References of its messages that are not settled. */
  live = 0;
  readonly #writer: ByteWriter;
  readonly #origins: Origin[] = [];
  readonly #originIndex = new Map<Origin, number>();
  #lastOrigin: Origin | undefined;
  #lastOriginIndex = 0;
  #offsets = new Uint32Array(FIRST_OFFSETS);
  #records = 0;
  #messages = 0;

  constructor(number: number, firstSequence: Sequence, capacity: number) {
    this.number = number;
    this.firstSequence = firstSequence;
    this.#writer = new ByteWriter(capacity);
    this.#writer.length = GROUP_HEADER_BYTES;
  }

  get isEmpty(): boolean {
    return this.#records === 0;
  }

  get bytes(): number {
    return this.#writer.length;
  }

  record(record: StateRecord): void {
    writeRecord(this.#writer, record);
    this.#records += 1;
  }

  /** "Whatever this queue holds from `first` to `last` is settled": true again however often it is said. */
  done({ session, cause, first, last }: SettledRun): void {
    const writer = this.#writer;
    const start = beginRecord(writer, KIND.done);
    writer.varint(session);
    writer.u8(CAUSE_CODE[cause]);
    writer.varint(first);
    writer.varint(last - first);
    endRecord(writer, start);
    this.#records += 1;
  }

  message(sequence: Sequence, message: Message, references: References): void {
    const origin = this.#indexOf(message.origin);
    const writer = this.#writer;
    const start = beginRecord(writer, KIND.message);
    const index = sequence - this.firstSequence;
    writer.u32(index);
    writer.u32(origin);
    const { sessions, terms } = references;
    writer.u32(sessions.length);
    for (let at = 0; at < sessions.length; at += 1) {
      writer.u32(sessions[at] as number);
      writer.u32(terms[at] as number);
    }
    writeContent(writer, message);
    endRecord(writer, start);
    this.#noteOffset(index, start);
    this.#records += 1;
    this.#messages += 1;
  }

  read(sequence: Sequence, session: number): StoredDelivery | undefined {
    const table = { firstSequence: this.firstSequence, offsets: this.#offsets, origins: this.#origins };
    return readDelivery(this.#writer.bytes, table, { sequence, session });
  }

  /** Ends the group. Its bytes are never written again, so that messages read from it stay as they are. */
  close(nextSequence: Sequence, stamps: GroupStamps): { readonly header: GroupHeader; readonly group: Group } {
    const writer = this.#writer;
    const { number, firstSequence } = this;
    const header: GroupHeader = { ...stamps, number, firstSequence, nextSequence, records: this.#records, messages: this.#messages };
    sealGroup(writer, header);
    const written = writer.bytes.subarray(0, writer.length);
    const bytes = 2 * writer.length < writer.bytes.length ? Buffer.from(written) : written;
    const offsets = this.#offsets.slice(0, nextSequence - firstSequence);
    return { header, group: new Group(bytes, { firstSequence, offsets, origins: this.#origins }) };
  }

  /** Origins are written once per group: most of its messages share a few. */
  #indexOf(origin: Origin): number {
    if (origin === this.#lastOrigin) return this.#lastOriginIndex;
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
      const grown = new Uint32Array(Math.max(index + 1, 2 * this.#offsets.length));
      grown.set(this.#offsets);
      this.#offsets = grown;
    }
    this.#offsets[index] = offset;
  }
}
