import { describe, expect, test } from 'vitest';
import { LOSSY, type Losses, LossyPath } from '../../durability/e2e/lossy-path.ts';
import { seeded } from '../../durability/e2e/random.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const NONE: Losses = { drop: 0, duplicate: 0, reorder: 0 };

function path(losses: Losses, seed = 1) {
  const clock = new FakeClock();
  const arrived: string[] = [];
  const lossy = new LossyPath(losses, { random: seeded(seed), clock, deliver: (datagram) => arrived.push(datagram.toString()) });
  const send = (...texts: string[]): void => {
    for (const text of texts) lossy.send(Buffer.from(text));
  };
  return { clock, arrived, lossy, send };
}

describe('a bad network', () => {
  test('without losses passes everything at once, in order', () => {
    const { arrived, send } = path(NONE);
    send('a', 'b', 'c');
    expect(arrived).toEqual(['a', 'b', 'c']);
  });

  test('drops', () => {
    const { arrived, send, lossy } = path({ ...NONE, drop: 1 });
    send('a', 'b');
    expect(arrived).toEqual([]);
    expect(lossy.counts).toMatchObject({ sent: 2, dropped: 2 });
  });

  test('repeats a datagram later', async () => {
    const { arrived, send, clock } = path({ ...NONE, duplicate: 1 });
    send('a');
    expect(arrived).toEqual(['a']);
    await clock.advanceMs(80);
    expect(arrived).toEqual(['a', 'a']);
  });

  test('lets the next datagram overtake', () => {
    const { arrived, send } = path({ ...NONE, reorder: 1 });
    send('a', 'b', 'c', 'd');
    expect(arrived).toEqual(['b', 'a', 'd', 'c']);
  });

  test('holds a datagram nobody overtakes for a while only, and delivers it once', async () => {
    const { arrived, send, clock } = path({ ...NONE, reorder: 1 });
    send('a');
    expect(arrived).toEqual([]);
    await clock.advanceMs(40);
    expect(arrived).toEqual(['a']);
    send('b');
    await clock.advanceMs(1_000);
    expect(arrived).toEqual(['a', 'b']);
  });

  test('delivers nothing once closed', async () => {
    const { arrived, send, clock, lossy } = path({ ...NONE, duplicate: 1 });
    send('a');
    lossy.close();
    await clock.advanceMs(1_000);
    expect(arrived).toEqual(['a']);
  });

  test('loses, repeats and reorders the shares it is asked for', () => {
    const { send, lossy } = path(LOSSY);
    send(...Array.from({ length: 20_000 }, (_, index) => `${index}`));
    const { sent, dropped, duplicated, reordered } = lossy.counts;
    expect(dropped / sent).toBeCloseTo(0.1, 1.5);
    expect(duplicated / sent).toBeCloseTo(0.05, 1.5);
    expect(reordered / sent).toBeCloseTo(0.05, 1.5);
  });
});
