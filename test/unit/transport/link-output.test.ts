import { describe, expect, test } from 'vitest';
import { LINK_OUT_HIGH_BYTES } from '../../../src/model/limits.ts';
import { LinkOutput, type OutputSink, type Writing } from '../../../src/transport/link-output.ts';
import { LARGE_BUFFER_BYTES, SMALL_BUFFER_BYTES } from '../../../src/transport/out-buffer-pool.ts';
import { TurnWriter } from '../../../src/transport/turn-writer.ts';
import type { OutBuffer } from '../../../src/wire/out-buffer.ts';

/** A kernel that takes everything, or nothing until it is told to. */
class Kernel implements OutputSink {
  headroom = 0;
  isTaking = true;
  /** Sizes of the buffers of each write. */
  readonly writes: number[][] = [];
  readonly #underWay: { buffers: readonly OutBuffer[]; writing: Writing }[] = [];
  #taken: Buffer[] = [];

  write(buffers: readonly OutBuffer[], writing: Writing): boolean {
    this.writes.push(buffers.map(({ length }) => length));
    if (this.isTaking) this.#take(buffers);
    else this.#underWay.push({ buffers, writing });
    return this.isTaking;
  }

  /** Takes what is under way; what follows from that may be taken or not. */
  takes(): void {
    for (const { buffers, writing } of this.#underWay.splice(0)) {
      this.#take(buffers);
      writing.taken();
    }
  }

  /** What is under way is never taken. */
  breaks(): void {
    this.#underWay.length = 0;
  }

  get taken(): Buffer {
    return Buffer.concat(this.#taken);
  }

  #take(buffers: readonly OutBuffer[]): void {
    for (const { bytes, length } of buffers) this.#taken.push(Buffer.from(bytes.subarray(0, length)));
  }
}

function made() {
  const kernel = new Kernel();
  const writer = new TurnWriter();
  const events: string[] = [];
  const output = new LinkOutput(writer, kernel, { onFull: () => events.push('full'), onDrain: () => events.push('drain') });
  return { kernel, writer, events, output };
}

function fill(output: LinkOutput, size: number, value = 0x61): void {
  const out = output.reserve(size);
  out.bytes.fill(value, out.length, out.length + size);
  out.length += size;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('one write per link and turn', () => {
  test.each([
    ['small packets share the small buffer', [4, 60, 100], [[164]]],
    ['output that outgrows the small buffer moves to a large one', [4_000, 4_000, 50_000], [[58_000]]],
    ['a full large buffer is written at once, the rest at the end of the turn', [60_000, 6_000, 10], [[60_000], [6_010]]],
    ['a packet larger than the large buffer has its own', [10, 100_000, 10], [[10], [100_000], [10]]],
    ['a packet that fills the large buffer exactly', [LARGE_BUFFER_BYTES], [[LARGE_BUFFER_BYTES]]],
  ])('%s', async (_, sizes, writes) => {
    const { kernel, output } = made();
    for (const size of sizes) fill(output, size);
    await turn();
    expect(kernel.writes).toEqual(writes);
    expect(kernel.taken.length).toBe(sizes.reduce((sum, size) => sum + size, 0));
  });

  test('reserved room that stays empty is not written', async () => {
    const { kernel, output } = made();
    output.reserve(100);
    output.reserve(10_000);
    output.reserve(100_000);
    await turn();
    expect(kernel.writes).toEqual([]);
  });
});

describe('buffers', () => {
  test('taken ones are used again', async () => {
    const { kernel, writer, output } = made();
    for (let n = 0; n < 10; n += 1) {
      fill(output, 10);
      fill(output, 40_000);
      fill(output, 40_000);
      await turn();
    }
    expect(kernel.writes).toHaveLength(20);
    expect(writer.buffers.keptBytes).toBe(SMALL_BUFFER_BYTES + LARGE_BUFFER_BYTES);
  });

  test('one that the kernel has not taken is not touched', async () => {
    const { kernel, writer, output } = made();
    kernel.isTaking = false;
    fill(output, 1_000, 0x61);
    await turn();
    expect(writer.buffers.keptBytes).toBe(0);
    fill(output, 1_000, 0x62);
    await turn();
    expect(kernel.writes).toEqual([[1_000]]);
    kernel.isTaking = true;
    kernel.takes();
    expect(kernel.writes).toEqual([[1_000], [1_000]]);
    expect(kernel.taken.equals(Buffer.concat([Buffer.alloc(1_000, 0x61), Buffer.alloc(1_000, 0x62)]))).toBe(true);
  });

  test('what waited while a write was under way goes out in one write', async () => {
    const { kernel, output } = made();
    kernel.isTaking = false;
    fill(output, 1);
    await turn();
    for (let n = 0; n < 3; n += 1) fill(output, 60_000);
    await turn();
    kernel.isTaking = true;
    kernel.takes();
    expect(kernel.writes).toEqual([[1], [60_000, 60_000, 60_000]]);
  });
});

describe('LINK_OUT_HIGH_BYTES', () => {
  test('is passed by at most one buffer and one packet before the owner is told, and told once', () => {
    const { kernel, events, output } = made();
    kernel.isTaking = false;
    let written = 0;
    while (events.length === 0) {
      fill(output, 1_000);
      written += 1_000;
    }
    expect(written).toBeGreaterThan(LINK_OUT_HIGH_BYTES);
    expect(written).toBeLessThanOrEqual(LINK_OUT_HIGH_BYTES + LARGE_BUFFER_BYTES + 1_000);
    for (let n = 0; n < 1_000; n += 1) fill(output, 1_000);
    expect(events).toEqual(['full']);
  });

  test('is not passed by output the kernel takes, however much', async () => {
    const { events, output } = made();
    for (let n = 0; n < 100; n += 1) fill(output, 60_000);
    fill(output, 10 * LINK_OUT_HIGH_BYTES);
    await turn();
    expect(events).toEqual([]);
    expect(output.heldBytes).toBe(0);
  });

  test('is passed by a single packet that is not taken', async () => {
    const { kernel, events, output } = made();
    kernel.isTaking = false;
    fill(output, LINK_OUT_HIGH_BYTES + 1);
    expect(events).toEqual([]);
    await turn();
    expect(events).toEqual(['full']);
    kernel.isTaking = true;
    kernel.takes();
    expect(events).toEqual(['full', 'drain']);
  });

  test.each([
    [LINK_OUT_HIGH_BYTES / 2 - 1, ['full', 'drain']],
    [LINK_OUT_HIGH_BYTES / 2, ['full']],
  ])('with %i bytes left the owner is told %j', async (left, expected) => {
    const { kernel, events, output } = made();
    kernel.isTaking = false;
    fill(output, LINK_OUT_HIGH_BYTES + 1);
    await turn();
    fill(output, left);
    kernel.takes();
    expect(output.heldBytes).toBe(left);
    expect(events).toEqual(expected);
  });

  test('the owner may write from within onFull: its last words are not lost', async () => {
    const kernel = new Kernel();
    const output = new LinkOutput(new TurnWriter(), kernel, { onFull: () => fill(output, 7, 0x62), onDrain() {} });
    kernel.isTaking = false;
    let written = 0;
    for (; output.heldBytes <= LINK_OUT_HIGH_BYTES; written += 1_000) fill(output, 1_000);
    output.end();
    kernel.isTaking = true;
    kernel.takes();
    expect(kernel.taken.length).toBe(written + 7);
    expect(kernel.taken.filter((byte) => byte === 0x62)).toHaveLength(7);
  });

  test('can be passed again after the drain', async () => {
    const { kernel, events, output } = made();
    for (let n = 0; n < 2; n += 1) {
      kernel.isTaking = false;
      fill(output, LINK_OUT_HIGH_BYTES + 1);
      await turn();
      kernel.isTaking = true;
      kernel.takes();
    }
    expect(events).toEqual(['full', 'drain', 'full', 'drain']);
  });
});

describe('the end', () => {
  test('hands over everything behind what is under way, then takes nothing', async () => {
    const { kernel, output } = made();
    kernel.isTaking = false;
    fill(output, 1);
    await turn();
    for (let n = 0; n < 3; n += 1) fill(output, 50_000);
    output.end();
    expect(kernel.writes).toEqual([[1], [50_000, 50_000, 50_000]]);
    for (let n = 0; n < 100; n += 1) fill(output, 50_000);
    output.end();
    await turn();
    kernel.takes();
    expect(kernel.writes).toHaveLength(2);
    expect(kernel.taken.length).toBe(150_001);
  });

  test('of a broken link leaves what was under way alone and writes no more', async () => {
    const { kernel, writer, events, output } = made();
    kernel.isTaking = false;
    fill(output, LINK_OUT_HIGH_BYTES + 1);
    await turn();
    fill(output, 10);
    kernel.breaks();
    output.discard();
    fill(output, 10);
    await turn();
    expect(kernel.writes).toHaveLength(1);
    expect(writer.buffers.keptBytes).toBe(0);
    expect(events).toEqual(['full']);
  });

  test('output that was scheduled before it is thrown away by discard', async () => {
    const { kernel, output } = made();
    fill(output, 10);
    output.discard();
    await turn();
    expect(kernel.writes).toEqual([]);
  });
});

describe('headroom', () => {
  test('each buffer has it, also when it is exchanged for a larger one; none is written with nothing else in it', async () => {
    const { kernel, output } = made();
    kernel.headroom = 10;
    output.reserve(1);
    await turn();
    fill(output, SMALL_BUFFER_BYTES - 10);
    fill(output, 1);
    await turn();
    fill(output, LARGE_BUFFER_BYTES);
    fill(output, 1);
    await turn();
    expect(kernel.writes).toEqual([[10 + SMALL_BUFFER_BYTES - 10 + 1], [10 + LARGE_BUFFER_BYTES], [11]]);
  });
});
