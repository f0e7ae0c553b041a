import { describe, expect, test } from 'vitest';
import { EchoWindow, echoDigest } from '../../../src/bridge/echo-window.ts';
import { ECHO_CREDITS_MAX, ECHO_SECONDS } from '../../../src/model/limits.ts';
import { startCore } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import type { MemoryStore } from '../../support/memory-store.ts';

const A = echoDigest('t', Buffer.from('a'));
const B = echoDigest('t', Buffer.from('b'));
const FIRST = { qos: 1, isAgain: false } as const;
const AGAIN = { qos: 1, isAgain: true } as const;

interface Bench {
  readonly clock: FakeClock;
  readonly store: MemoryStore;
  readonly forgotten: { value: number };
  readonly window: EchoWindow;
}

function bench(clock = new FakeClock(), before?: MemoryStore): Bench {
  const { store, context } = startCore({ clock, ...(before === undefined ? {} : { store: before }) });
  const forgotten = { value: 0 };
  const window = new EchoWindow({ state: context('bridge:x').state, clock, forgotten });
  window.connected(true);
  return { clock, store, forgotten, window };
}

describe('credits', () => {
  test('each copy sent makes one and each equal arrival uses one: what comes once more is news', () => {
    const { window } = bench();
    window.sent(A, FIRST);
    window.sent(A, FIRST);
    expect([window.arrived(A), window.arrived(B), window.arrived(A), window.arrived(A)]).toEqual([true, false, true, false]);
  });

  test('the same payload under another name is another message', () => {
    expect(echoDigest('t', Buffer.from('a'))).toBe(echoDigest(Buffer.from('t'), Buffer.from('a')));
    expect(echoDigest('t', Buffer.from('a'))).not.toBe(echoDigest('ta', Buffer.from('')));
  });

  test(`end after ${ECHO_SECONDS} s of connection: an equal message is news then; time without a link does not count`, async () => {
    const { clock, window } = bench();
    window.sent(A, FIRST);
    await clock.advanceSeconds(ECHO_SECONDS - 1);
    window.sent(B, FIRST);
    window.disconnected();
    await clock.advanceSeconds(3_600);
    window.connected(true);
    await clock.advanceSeconds(1);
    expect([window.arrived(A), window.arrived(B)]).toEqual([false, true]);
  });

  test('of a message sent again are one for both copies, unless the echo of the first has come', () => {
    const { window } = bench();
    window.sent(A, FIRST);
    window.sent(A, AGAIN); // the first may never have got there
    expect([window.arrived(A), window.arrived(A)]).toEqual([true, false]);
    window.sent(B, FIRST);
    expect(window.arrived(B)).toBe(true);
    window.sent(B, AGAIN);
    expect(window.arrived(B)).toBe(true);
  });

  test('of QoS 0 end with the connection: nobody knows whether the remote has it', () => {
    const { window } = bench();
    window.sent(A, { qos: 0, isAgain: false });
    window.sent(B, FIRST);
    window.disconnected();
    window.connected(true);
    expect([window.arrived(A), window.arrived(B)]).toEqual([false, true]);
  });

  test('end with the session at the remote: it has forgotten what it was to send', () => {
    const { window } = bench();
    window.sent(A, FIRST);
    window.disconnected();
    window.connected(false);
    expect(window.arrived(A)).toBe(false);
  });

  test(`are ${ECHO_CREDITS_MAX} at most: the oldest makes room and is counted`, () => {
    const { window, forgotten } = bench();
    window.sent(A, FIRST);
    for (let index = 0; index < ECHO_CREDITS_MAX; index += 1) window.sent(B, FIRST);
    expect([window.count, forgotten.value]).toEqual([ECHO_CREDITS_MAX, 1]);
    expect(window.arrived(A)).toBe(false);
  });
});

describe('on disk', () => {
  test('credits outlive a kill, and what used them too', async () => {
    const first = bench();
    for (let index = 0; index < 100; index += 1) first.window.sent(A, FIRST);
    for (let index = 0; index < 98; index += 1) first.window.arrived(A);
    await settled();
    const second = bench(first.clock, first.store.reopened({ wasClean: false }));
    expect([second.window.arrived(A), second.window.arrived(A), second.window.arrived(A)]).toEqual([true, true, false]);
  });

  test('what is old goes', async () => {
    const { clock, store, window } = bench();
    for (let index = 0; index < 100; index += 1) window.sent(A, FIRST);
    expect(store.gatewayState('bridge:x').size).toBe(4);
    await clock.advanceSeconds(2 * ECHO_SECONDS);
    window.sent(B, FIRST);
    expect(store.gatewayState('bridge:x').size).toBe(1);
  });

  test('and what a remote that forgot us was to send', () => {
    const { store, window } = bench();
    window.sent(A, FIRST);
    window.connected(false);
    expect(store.gatewayState('bridge:x').size).toBe(0);
  });
});
