// Commits that are put off, and messages that need none: docs/store.md, promise 8.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { clientId, realm } from '../../../src/model/client.ts';
import { Message, type QoS } from '../../../src/model/message.ts';
import { MetricsTable } from '../../../src/model/metrics.ts';
import type { SessionStore, StoredSession } from '../../../src/session/session-store.ts';
import { Group } from '../../../src/store/sqlite/group.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { HeldCommitter } from '../../support/held-committer.ts';
import { SqliteBench } from '../../support/store-bench.ts';
import { contentsOf, durable, FACTS, messageOf, messageText, QOS_1, queueContents } from '../../support/store-samples.ts';

const WINDOW_MS = 10;

let bench: SqliteBench;
let clock: FakeClock;
let metrics: MetricsTable;
let committer: HeldCommitter;
let store: SessionStore;
let panel: StoredSession;
let logger: StoredSession;
let told: number[];

const waiter = { durable: (token: number): void => void told.push(token) };

async function start(limits: { readonly groupBytesMax?: number } = {}): Promise<void> {
  clock = new FakeClock();
  metrics = new MetricsTable();
  store = bench.open({
    clock,
    metrics,
    limits,
    committer: (inline) => {
      committer = new HeldCommitter(inline);
      return committer;
    },
  });
  panel = store.createSession(realm('mqtt'), clientId('panel'), FACTS);
  logger = store.createSession(realm('mqtt'), clientId('logger'), FACTS);
  await durable(store);
  committer.units.length = 0;
  told = [];
}

interface Offer {
  readonly to?: readonly StoredSession[];
  readonly withinMs?: number;
  readonly qos?: QoS;
  readonly isRetain?: boolean;
  readonly payload?: string;
  readonly from?: string;
}

/** A message whose publisher waits for it under its sequence. */
function publish({ to = [panel], withinMs = WINDOW_MS, qos = 1, isRetain = false, payload = 'x', from = 'sensor-1' }: Offer = {}): number {
  for (const session of to) store.refer(session, QOS_1);
  const message = messageOf('plant/temp', payload, { qos, isRetain });
  const { publishedAtMs, expiresAtMs } = message;
  const sequence = store.append(new Message(message, { gateway: 'mqtt', clientId: clientId(from) }, { publishedAtMs, expiresAtMs }), withinMs);
  store.whenSafe(sequence, waiter, sequence);
  return sequence;
}

const settle = (session: StoredSession, sequence: number): void => store.settle(session, sequence, 'delivered');
const unwritten = (): number => metrics.value('store.messages.acked-through');
/** Messages of a unit, as a reader of the log finds them. */
const messagesOf = (unit: number): number => Group.parse(Buffer.from(committer.units[unit]?.segment?.bytes ?? [])).header.messages;

/** The store after a kill now, with the same panel and logger. */
function killed(): { readonly store: SessionStore; readonly queues: readonly unknown[] } {
  const next = bench.crashed();
  expect(next.status().damagedGroups).toEqual([]);
  return { store: next, queues: [...next.sessions.values()].map((session) => queueContents(next, session)) };
}

beforeEach(async () => {
  bench = new SqliteBench();
  await start();
});

afterEach(async () => {
  committer.isHeld = false;
  committer.release();
  await bench.end();
});

describe('a commit that may wait', () => {
  test('waits so long and no longer, and nobody is told before', async () => {
    const sequence = publish();
    await clock.advanceMs(WINDOW_MS - 1);
    expect([committer.units.length, told]).toEqual([0, []]);
    await clock.advanceMs(1);
    expect([committer.units.length, told]).toEqual([1, [sequence]]);
  });

  test('takes along what came meanwhile', async () => {
    const first = publish();
    await clock.advanceMs(WINDOW_MS - 1);
    const second = publish();
    await clock.advanceMs(1);
    expect([committer.units.length, told]).toEqual([1, [first, second]]);
  });

  test('goes by the shortest patience, whichever message has it', async () => {
    publish({ withinMs: 1_000 });
    publish({ withinMs: 5 });
    publish({ withinMs: 500 });
    await clock.advanceMs(5);
    expect([committer.units.length, messagesOf(0)]).toEqual([1, 3]);
  });

  test.each([
    ['somebody who waits for everything', () => store.whenDurable({ durable: () => undefined }, 0)],
    ['a subscription', () => store.putState(logger, 'k', Uint8Array.of(1))],
    ['a packet id of QoS 2', () => store.beginReceiving(logger, 7, 0)],
    ['a message that may not wait', () => publish({ to: [logger], withinMs: 0 })],
    ['the end of a session', () => store.removeSession(logger)],
  ])('does not wait any more for %s', async (_what, write) => {
    const sequence = publish();
    write();
    await settled();
    expect([committer.units.length, told.includes(sequence)]).toEqual([1, true]);
  });

  test('whoever waits for one message is told before those who wait for everything', async () => {
    store.whenDurable(waiter, 1_000);
    told = [];
    store.putState(logger, 'k', Uint8Array.of(1));
    store.whenDurable(waiter, 1_001);
    const sequence = publish();
    await settled();
    expect(told).toEqual([sequence, 1_001]);
  });

  test('is not missed at the end', async () => {
    publish({ payload: 'kept' });
    await bench.close(store);
    expect(bench.open().status().queuedMessages).toBe(1);
  });

  test('an incoming QoS 2 id may wait as its message does', async () => {
    store.together(() => {
      publish({ withinMs: 1_000, qos: 2 });
      store.beginReceiving(logger, 7, 0, 1_000);
    });
    await clock.advanceMs(999);
    expect(committer.units).toHaveLength(0);
    await clock.advanceMs(1);
    expect([committer.units.length, [...(killed().store.sessions.get('mqtt\0logger')?.receiving.keys() ?? [])]]).toEqual([1, [7]]);
  });
});

describe('STORE 8: a message whose every reference is settled in the open group', () => {
  test('is not written: its publisher is told at the end of the turn, and no commit follows', async () => {
    const sequence = publish();
    settle(panel, sequence);
    expect(told).toEqual([]);
    await settled();
    expect([told, committer.units.length, unwritten()]).toEqual([[sequence], 0, 1]);
    await clock.advanceSeconds(30);
    expect([committer.units.length, store.status().openGroupBytes, metrics.value('store.log.bytes')]).toEqual([0, 0, metrics.value('store.log.bytes')]);
  });

  test('is told of at once when it was settled before anybody asked', () => {
    store.refer(panel, QOS_1);
    const sequence = store.append(messageOf('plant/temp', 'x'), WINDOW_MS);
    settle(panel, sequence);
    store.whenSafe(sequence, waiter, sequence);
    expect(told).toEqual([sequence]);
  });

  test('waits for the slowest of its queues', async () => {
    const sequence = publish({ to: [panel, logger] });
    settle(panel, sequence);
    await settled();
    expect([told, unwritten()]).toEqual([[], 0]);
    settle(logger, sequence);
    await settled();
    expect([told, committer.units.length, unwritten()]).toEqual([[sequence], 0, 1]);
  });

  test('is written for the queues that have not settled it, and no record says so of the others', async () => {
    const sequence = publish({ to: [panel, logger] });
    settle(panel, sequence);
    await clock.advanceMs(WINDOW_MS);
    expect([told, Group.parse(Buffer.from(committer.units[0]?.segment?.bytes ?? [])).header.records]).toEqual([[sequence], 2]);
    expect(killed().queues).toEqual([[], [expect.arrayContaining([sequence])]]);
  });

  test('the next one waits as long as it may: what is left out hurries nobody', async () => {
    const first = publish();
    await clock.advanceMs(WINDOW_MS - 1);
    publish();
    settle(panel, first);
    await clock.advanceMs(WINDOW_MS - 1);
    expect(committer.units).toHaveLength(0);
    await clock.advanceMs(1);
    expect(messagesOf(0)).toBe(1);
  });

  test.each([
    ['QoS 2', { qos: 2 }],
    ['RETAIN', { isRetain: true }],
    ['no patience', { withinMs: 0 }],
  ] satisfies [string, Offer][])('of %s is written all the same', async (_what, offer) => {
    const sequence = publish(offer);
    settle(panel, sequence);
    await clock.advanceMs(WINDOW_MS);
    expect([told, messagesOf(0), unwritten()]).toEqual([[sequence], 1, 0]);
  });

  test('is left out while another unit is in flight', async () => {
    committer.isHeld = true;
    const first = publish({ withinMs: 0 });
    await settled();
    const second = publish();
    settle(panel, second);
    await settled();
    expect(told).toEqual([second]);
    committer.release();
    expect(told).toEqual([second, first]);
    await clock.advanceMs(WINDOW_MS);
    expect(committer.units).toHaveLength(1);
  });

  test('in flight it is too late: its entry is settled by a record', async () => {
    committer.isHeld = true;
    const sequence = publish({ withinMs: 0 });
    await settled();
    settle(panel, sequence);
    store.whenSafe(sequence, waiter, sequence);
    await settled();
    expect([told, unwritten()]).toEqual([[], 0]);
    committer.isHeld = false;
    committer.release();
    expect(told).toEqual([sequence, sequence]);
    await clock.advanceSeconds(1);
    expect(killed().queues).toEqual([[], []]);
  });

  test('ends with the session that had it', async () => {
    const sequence = publish();
    store.removeSession(panel);
    await settled();
    expect([told, unwritten(), killed().store.status().queuedMessages]).toEqual([[sequence], 1, 0]);
  });
});

describe('what is left of a group', () => {
  test('is whole: messages, origins and records, in their order', async () => {
    const given = Array.from({ length: 60 }, (_, index) => publish({ to: [panel, logger], payload: `${index}`, from: `sensor-${index % 7}` }));
    for (const [index, sequence] of given.entries()) {
      if (index % 3 > 0) settle(panel, sequence);
      if (index % 4 > 0) settle(logger, sequence);
    }
    store.putState(panel, 'k', Uint8Array.of(7));
    const dropped = given.filter((_, index) => index % 3 > 0 && index % 4 > 0);
    await settled();
    expect([unwritten(), messagesOf(0)]).toEqual([dropped.length, given.length - dropped.length]);
    expect(contentsOf(killed().store)).toEqual(contentsOf(store));
    expect(told.slice().sort((a, b) => a - b)).toEqual(given);
  });

  test('leaves origins out that nobody has any more', async () => {
    const left = publish({ from: 'the-one-that-waits' });
    for (let index = 0; index < 30; index += 1) settle(panel, publish({ from: `one-of-many-sensors-${index}` }));
    await clock.advanceMs(WINDOW_MS);
    expect(Buffer.from(committer.units[0]?.segment?.bytes ?? []).toString('latin1')).not.toContain('one-of-many');
    expect(store.read(panel, left)?.message.origin.clientId).toBe('the-one-that-waits');
  });

  test('does not touch what was read before', async () => {
    const dropped = publish({ payload: 'dropped' });
    const kept = publish({ payload: 'kept' });
    const read = [dropped, kept].map((sequence) => store.read(panel, sequence));
    settle(panel, dropped);
    await clock.advanceMs(WINDOW_MS);
    for (let index = 0; index < 20; index += 1) publish({ payload: 'z'.repeat(1_000) });
    await clock.advanceMs(WINDOW_MS);
    const texts = read.map((delivery) => delivery && messageText(delivery.message).split(' ')[1]);
    expect(texts).toEqual([Buffer.from('dropped').toString('hex'), Buffer.from('kept').toString('hex')]);
  });

  test('a group of which nothing is left begins anew, and leaves no hole in the numbers of groups', async () => {
    for (let round = 0; round < 100; round += 1) settle(panel, publish({ payload: 'x'.repeat(2_000) }));
    expect([store.isCongested, unwritten()]).toEqual([false, 100]);
    const last = publish({ payload: 'kept' });
    await clock.advanceMs(WINDOW_MS);
    expect([committer.units.length, (committer.units[0]?.segment?.bytes.length ?? 0) < 200]).toEqual([1, true]);
    const { store: next, queues } = killed();
    expect(queues).toEqual([[expect.arrayContaining([last])], []]);
    expect(next.boot.lastSequence).toBe(last);
  });

  test('a group that is full is committed, however long its messages might wait', async () => {
    await bench.close(store);
    await start({ groupBytesMax: 1_000 });
    for (let count = 0; count < 20; count += 1) publish({ payload: 'x'.repeat(100) });
    expect(committer.units.length).toBeGreaterThan(1);
    expect(told).toEqual([]);
    await settled();
    expect(told.length).toBeGreaterThan(10);
  });

  test('is bounded while the disk is busy, and publishers are held back', async () => {
    await bench.close(store);
    await start({ groupBytesMax: 1_000 });
    committer.isHeld = true;
    publish({ withinMs: 0 });
    await settled();
    for (let count = 0; count < 10; count += 1) publish({ payload: 'x'.repeat(100) });
    expect([store.isCongested, committer.units.length]).toEqual([true, 1]);
  });
});

describe('a message that is never written', () => {
  const keep = (payload = 'x', to: readonly StoredSession[] = [panel]): number => publish({ payload, to, withinMs: Number.POSITIVE_INFINITY });

  test('takes its turn in the queue, and costs no commit from beginning to end', async () => {
    const first = keep('first', [panel, logger]);
    const second = keep('second');
    expect(queueContents(store, panel).map((entry) => (entry as unknown[])[0])).toEqual([first, second]);
    expect([store.status().volatileMessages, metrics.value('store.volatile.bytes')]).toEqual([2, 31]);
    for (const [session, sequence] of [
      [panel, first],
      [logger, first],
      [panel, second],
    ] as const)
      settle(session, sequence);
    await clock.advanceSeconds(30);
    expect([committer.units.length, store.status().volatileMessages, store.status().volatileBytes]).toEqual([0, 0, 0]);
  });

  test('is gone after a kill, what was written beside it is there', async () => {
    keep('gone');
    const kept = publish({ payload: 'kept', withinMs: 0 });
    keep('gone as well');
    await durable(store);
    expect(killed().queues).toEqual([[expect.arrayContaining([kept])], []]);
  });

  test('is in no row of a checkpoint either', async () => {
    const given = Array.from({ length: 600 }, (_, index) => (index % 3 === 0 ? keep(`${index}`) : publish({ payload: `${index}`, withinMs: 0 })));
    await durable(store);
    await bench.close(store);
    const next = bench.open();
    expect(next.boot.wasClean).toBe(true);
    expect([...next.sessions.values()].map((session) => queueContents(next, session).map((entry) => (entry as unknown[])[0]))).toEqual([
      given.filter((_, index) => index % 3 > 0),
      [],
    ]);
  });

  test('goes with its session', async () => {
    keep('x', [panel, logger]);
    store.removeSession(panel);
    expect(store.status().volatileMessages).toBe(1);
    store.removeSession(logger);
    await durable(store);
    expect([store.status().volatileMessages, store.status().queuedMessages]).toEqual([0, 0]);
  });

  test('may go out at QoS 2: the id outlives a kill, its message does not', async () => {
    const sequence = keep();
    store.beginSending(panel, 7, sequence);
    await durable(store);
    const next = killed().store.sessions.get('mqtt\0panel');
    expect([[...(next?.sending ?? [])], next?.queue.has(sequence)]).toEqual([[[7, { sequence, state: 'sent' }]], false]);
    store.endSending(panel, 7, 'delivered');
    expect([store.status().volatileMessages, panel.sending.size]).toEqual([0, 0]);
  });
});
