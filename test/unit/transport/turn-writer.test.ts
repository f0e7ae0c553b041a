import { describe, expect, test } from 'vitest';
import { TurnWriter } from '../../../src/transport/turn-writer.ts';

/** Reads come in polls, as the event loop delivers them: one after the other, all of a poll before its end. */
class Loop {
  readonly writer = new TurnWriter();
  writes = 0;
  readonly #output = {
    flush: () => {
      this.#isScheduled = false;
      this.writes += 1;
    },
  };
  #isScheduled = false;

  /** One poll in which `reads` sockets are ready, each of whose messages goes to the same link. @returns writes it took. */
  async poll(reads: number): Promise<number> {
    const before = this.writes;
    for (let read = 0; read < reads; read += 1) {
      this.writer.beginRead();
      this.#produce();
      this.writer.endRead();
    }
    await new Promise<void>((resolve) => setImmediate(resolve));
    return this.writes - before;
  }

  #produce(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.writer.schedule(this.#output);
  }
}

describe('TurnWriter', () => {
  test('reads that come one by one are written one by one, each at its end', () => {
    const loop = new Loop();
    for (let n = 0; n < 10; n += 1) {
      loop.writer.beginRead();
      let isWritten = false;
      loop.writer.schedule({
        flush: () => {
          isWritten = true;
        },
      });
      expect(isWritten).toBe(false);
      loop.writer.endRead();
      expect(isWritten).toBe(true);
    }
  });

  test('what comes between reads, of a commit or a timer, is written in the same turn', async () => {
    const { writer } = new Loop();
    const written: string[] = [];
    for (let n = 0; n < 3; n += 1) writer.schedule({ flush: () => written.push('commit') });
    expect(written).toEqual([]);
    await Promise.resolve().then(() => {});
    expect(written).toHaveLength(3);
  });

  test('when polls bring many reads, their output is soon written once per poll', async () => {
    const loop = new Loop();
    const writes: number[] = [];
    for (let n = 0; n < 20; n += 1) writes.push(await loop.poll(100));
    expect(writes.slice(0, 1)[0]).toBeGreaterThan(1); // not known yet
    expect(writes.slice(1)).toEqual(Array(19).fill(1));
  });

  test('when polls bring one read each again, they are soon written one by one again', async () => {
    const loop = new Loop();
    await loop.poll(100);
    expect(await loop.poll(2)).toBe(1);
    for (let n = 0; n < 8; n += 1) await loop.poll(1);
    expect(await loop.poll(2)).toBe(2);
  });

  test('a lone busy poll among quiet ones is found within 16 reads', async () => {
    const loop = new Loop();
    for (let n = 0; n < 5; n += 1) await loop.poll(1);
    expect(await loop.poll(32)).toBeLessThanOrEqual(16);
  });

  test('each output is flushed once per turn, in the order it was scheduled; what a flush schedules waits for the next', async () => {
    const { writer } = new Loop();
    const flushed: string[] = [];
    writer.schedule({
      flush: () => {
        flushed.push('a');
        writer.schedule({ flush: () => flushed.push('c') });
        flushed.push('(a)');
      },
    });
    writer.schedule({ flush: () => flushed.push('b') });
    expect(flushed).toEqual([]);
    await new Promise<void>((resolve) => setImmediate(resolve));
    expect(flushed).toEqual(['a', '(a)', 'b', 'c']);
    await new Promise<void>((resolve) => setImmediate(resolve));
    expect(flushed).toHaveLength(4);
  });
});
