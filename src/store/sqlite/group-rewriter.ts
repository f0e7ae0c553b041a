// One group of what is still wanted of several: their messages, each with the references that are not settled. Settled runs and records of state are left
// out, which only groups below the start of replay allow: the tables hold what those say.
import type { Origin } from '../../model/message.ts';
import type { Sequence } from '../../session/session-store.ts';
import type { ByteReader } from '../../wire/byte-reader.ts';
import { ByteWriter } from '../../wire/byte-writer.ts';
import { Group, MESSAGE_HEADER_BYTES, REFERENCE_BYTES, visitRecords } from './group.ts';
import { GROUP_HEADER_BYTES, type GroupHeader, sealGroup } from './group-format.ts';
import { beginRecord, endRecord, KIND } from './record-codec.ts';

/** Whether a queue still wants a message. */
export type IsWanted = (session: number, sequence: Sequence) => boolean;

export class GroupRewriter {
  readonly #firstSequence: Sequence;
  readonly #isWanted: IsWanted;
  readonly #writer: ByteWriter;
  readonly #originIndex = new Map<string, number>();
  #records = 0;
  #messages = 0;
  #references = 0;

  /** @param bytes - what to make room for. */
  constructor(firstSequence: Sequence, bytes: number, isWanted: IsWanted) {
    this.#firstSequence = firstSequence;
    this.#isWanted = isWanted;
    this.#writer = new ByteWriter(Buffer.allocUnsafeSlow(GROUP_HEADER_BYTES + bytes));
    this.#writer.length = GROUP_HEADER_BYTES;
  }

  get bytes(): number {
    return this.#writer.length;
  }

  /** Of the messages taken so far; one with several identifiers counts once. */
  get references(): number {
    return this.#references;
  }

  /** Takes what is wanted of a group that lies behind those taken so far. */
  take(group: Group): void {
    const origins: number[] = [];
    visitRecords(group.bytes, (kind, reader) => {
      if (kind === KIND.message) this.#takeMessage(group, reader, origins);
    });
  }

  /** @param last - header of the last group taken. @throws GatewayError STORE_CORRUPT - what was written cannot be read. */
  close(last: GroupHeader, compactedFrom: number): Group {
    const { nextSequence } = last;
    const header = { ...last, firstSequence: this.#firstSequence, nextSequence, records: this.#records, messages: this.#messages, compactedFrom };
    sealGroup(this.#writer, header);
    return Group.parse(this.#writer.written);
  }

  #takeMessage({ bytes, header, table }: Group, reader: ByteReader, origins: number[]): void {
    const offset = reader.at;
    const sequence = header.firstSequence + bytes.readUInt32LE(offset);
    const contentAt = offset + MESSAGE_HEADER_BYTES + bytes.readUInt32LE(offset + 8) * REFERENCE_BYTES;
    const wanted = this.#wantedReferences(bytes.subarray(offset + MESSAGE_HEADER_BYTES, contentAt), sequence);
    if (wanted.length === 0) return;
    const from = bytes.readUInt32LE(offset + 4);
    origins[from] ??= this.#indexOf(table.origins[from] as Origin);
    const writer = this.#writer;
    const start = beginRecord(writer, KIND.message);
    writer.u32(sequence - this.#firstSequence);
    writer.u32(origins[from]);
    writer.u32(wanted.length);
    for (const reference of wanted) writer.raw(reference);
    writer.raw(bytes.subarray(contentAt, reader.end));
    endRecord(writer, start);
    this.#records += 1;
    this.#messages += 1;
  }

  #wantedReferences(references: Buffer, sequence: Sequence): Buffer[] {
    const wanted: Buffer[] = [];
    let last: number | undefined;
    for (let at = 0; at < references.length; at += REFERENCE_BYTES) {
      const session = references.readUInt32LE(at);
      if (!this.#isWanted(session, sequence)) continue;
      wanted.push(references.subarray(at, at + REFERENCE_BYTES));
      if (session !== last) this.#references += 1;
      last = session;
    }
    return wanted;
  }

  #indexOf({ gateway, clientId }: Origin): number {
    const key = `${gateway}\0${clientId}`;
    let index = this.#originIndex.get(key);
    if (index !== undefined) return index;
    index = this.#originIndex.size;
    this.#originIndex.set(key, index);
    const start = beginRecord(this.#writer, KIND.origin);
    this.#writer.text(gateway);
    this.#writer.text(clientId);
    endRecord(this.#writer, start);
    this.#records += 1;
    return index;
  }
}
