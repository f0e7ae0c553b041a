// Which sequence numbers are meant, as runs: a million in a row take as much as one.
import { ByteReader } from '../wire/byte-reader.ts';
import { ByteWriter } from '../wire/byte-writer.ts';
import type { Sequence } from './session-store.ts';

interface Run {
  first: Sequence;
  last: Sequence;
}

export class SequenceRuns {
  /** In order, and never side by side. */
  #runs: Run[];

  private constructor(runs: Run[]) {
    this.#runs = runs;
  }

  static none(): SequenceRuns {
    return new SequenceRuns([]);
  }

  /** @throws GatewayError STORE_CORRUPT - it is not what `encode` writes. */
  static decode(bytes: Uint8Array): SequenceRuns {
    const reader = new ByteReader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
    const runs: Run[] = [];
    let before = 0;
    while (reader.left > 0) {
      const first = before + reader.varint();
      before = first + reader.varint();
      runs.push({ first, last: before });
    }
    return new SequenceRuns(runs);
  }

  /** Per run the varints of its distance from the end of the one before, and of its length without the first. */
  encode(): Uint8Array {
    const writer = new ByteWriter(Buffer.allocUnsafeSlow(16 + 4 * this.#runs.length));
    let before = 0;
    for (const { first, last } of this.#runs) {
      writer.varint(first - before);
      writer.varint(last - first);
      before = last;
    }
    return writer.written;
  }

  get runCount(): number {
    return this.#runs.length;
  }

  has(sequence: Sequence): boolean {
    const run = this.#runs[this.#indexOf(sequence)];
    return run !== undefined && sequence <= run.last;
  }

  add(sequence: Sequence): void {
    const index = this.#indexOf(sequence);
    const before = this.#runs[index];
    if (before !== undefined && sequence <= before.last) return;
    const after = this.#runs[index + 1];
    const joinsBefore = before?.last === sequence - 1;
    const joinsAfter = after?.first === sequence + 1;
    if (joinsBefore && joinsAfter) {
      before.last = after.last;
      this.#runs.splice(index + 1, 1);
    } else if (joinsBefore) before.last = sequence;
    else if (joinsAfter) after.first = sequence;
    else this.#runs.splice(index + 1, 0, { first: sequence, last: sequence });
  }

  /** Moves the upper half of the runs into another one. @returns it, and where it begins. */
  split(): { readonly upper: SequenceRuns; readonly first: Sequence } {
    const runs = this.#runs.splice(this.#runs.length >>> 1);
    return { upper: new SequenceRuns(runs), first: runs[0]?.first ?? 0 };
  }

  /** The run `sequence` is in, or the last that ends before it; −1: there is none. */
  #indexOf(sequence: Sequence): number {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#runs[middle]?.first ?? 0) <= sequence) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
