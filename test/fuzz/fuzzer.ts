// What every codec's fuzzer shares: repeatable chance, and damage done to valid bytes.

export interface FuzzOptions {
  /** Any integer; equal seeds give equal inputs. */
  readonly seed: number;
  /** Inputs to try. */
  readonly count: number;
  /** Ends sooner, after this many seconds. */
  readonly secondsMax?: number | undefined;
}

export interface FuzzReport {
  readonly inputs: number;
  /** Inputs that were refused; the rest was valid, or an incomplete beginning. */
  readonly refused: number;
}

/** Ends with an AssertionError that names seed and input when what is fuzzed misbehaves. */
export type Fuzzer = (options: FuzzOptions) => FuzzReport | Promise<FuzzReport>;

/** @returns whether that many seconds have passed since. */
export function timeBox(seconds = Number.POSITIVE_INFINITY): () => boolean {
  const end = performance.now() + seconds * 1_000;
  return () => performance.now() > end;
}

/** Mulberry32: 32 bits of state are plenty for choosing damage. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** An integer in [0, bound); 0 when there is nothing to choose from. */
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound);
  }

  of<Item>(items: readonly [Item, ...Item[]]): Item {
    return items[this.below(items.length)] ?? items[0];
  }
}

const EDGES = [0x00, 0x01, 0x02, 0x0b, 0x20, 0x23, 0x2b, 0x7f, 0x80, 0x81, 0xc0, 0xed, 0xf0, 0xff] as const;

type Damage = (bytes: Buffer, chance: Chance, other: Buffer) => Buffer;

const DAMAGES: readonly [Damage, ...Damage[]] = [
  (bytes, chance) => replaced(bytes, chance.below(bytes.length), (byte) => byte ^ (1 << chance.below(8))),
  (bytes, chance) => replaced(bytes, chance.below(bytes.length), () => chance.of(EDGES)),
  (bytes, chance) => replaced(bytes, chance.below(bytes.length), (byte) => byte + chance.of([1, -1])),
  (bytes, chance) => bytes.subarray(0, chance.below(bytes.length + 1)),
  (bytes, chance) => spliced(bytes, chance.below(bytes.length + 1), 0, Buffer.from([chance.of(EDGES)])),
  (bytes, chance) => spliced(bytes, chance.below(bytes.length), 1 + chance.below(4), Buffer.alloc(0)),
  (bytes, chance) => spliced(bytes, chance.below(bytes.length), chance.below(4), slice(bytes, chance)),
  (bytes, chance, other) => spliced(bytes, chance.below(bytes.length), chance.below(8), slice(other, chance)),
];

/** `bytes` with up to four faults; sometimes with none. `donor` lends parts. */
export function damaged(bytes: Buffer, donor: Buffer, chance: Chance): Buffer {
  let result = bytes;
  for (let faults = chance.below(5); faults > 0; faults -= 1) result = chance.of(DAMAGES)(result, chance, donor);
  return result;
}

function replaced(bytes: Buffer, at: number, change: (byte: number) => number): Buffer {
  const copy = Buffer.from(bytes);
  const byte = copy[at];
  if (byte !== undefined) copy[at] = change(byte) & 0xff;
  return copy;
}

function spliced(bytes: Buffer, at: number, removed: number, added: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at + removed)]);
}

function slice(bytes: Buffer, chance: Chance): Buffer {
  const start = chance.below(bytes.length);
  return bytes.subarray(start, start + chance.below(40));
}
