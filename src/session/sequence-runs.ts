// Which sequence numbers are meant, as a row of the store: a million in a row take as much as one.
import { NumberRanges } from '../model/number-ranges.ts';
import { ByteReader } from '../wire/byte-reader.ts';
import { ByteWriter } from '../wire/byte-writer.ts';
import type { Sequence } from './session-store.ts';

export class SequenceRuns {
  readonly #ranges: NumberRanges;

  private constructor(ranges: NumberRanges) {
    this.#ranges = ranges;
  }

  static none(): SequenceRuns {
    return new SequenceRuns(new NumberRanges());
  }

  /** @throws GatewayError STORE_CORRUPT - it is not what `encode` writes. */
  static decode(bytes: Uint8Array): SequenceRuns {
    const reader = new ByteReader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
    const runs = [];
    let before = 0;
    while (reader.left > 0) {
      const first = before + reader.varint();
      before = first + reader.varint();
      runs.push({ first, last: before });
    }
    return new SequenceRuns(new NumberRanges(runs));
  }

  /** Per run the varints of its distance from the end of the one before, and of its length without the first. */
  encode(): Uint8Array {
    const writer = new ByteWriter(Buffer.allocUnsafeSlow(16 + 4 * this.#ranges.count));
    let before = 0;
    for (const { first, last } of this.#ranges) {
      writer.varint(first - before);
      writer.varint(last - first);
      before = last;
    }
    return writer.written;
  }

  get runCount(): number {
    return this.#ranges.count;
  }

  has(sequence: Sequence): boolean {
    return this.#ranges.has(sequence);
  }

  add(sequence: Sequence): void {
    this.#ranges.add(sequence);
  }

  /** Moves the upper half of the runs into another one. @returns it, and where it begins. */
  split(): { readonly upper: SequenceRuns; readonly first: Sequence } {
    const upper = this.#ranges.splitUpper();
    return { upper: new SequenceRuns(upper), first: upper.first ?? 0 };
  }
}
