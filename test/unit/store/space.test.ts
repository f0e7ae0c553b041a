// What the store takes on the disk, after whatever it went through, once it has been at rest for a minute.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { clientId, realm } from '../../../src/model/client.ts';
import { messageSize } from '../../../src/session/message-size.ts';
import type { Sequence, SessionStore, StoredSession } from '../../../src/session/session-store.ts';
import { MESSAGE_OVERHEAD_BYTES } from '../../../src/store/sqlite/group.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { SqliteBench } from '../../support/store-bench.ts';
import { contentsOf, durable, FACTS, messageOf, QOS_1 } from '../../support/store-samples.ts';
import { Draws } from '../../support/store-workload.ts';

const SLACK_BYTES = 8 * 1024 * 1024;
const SHARE = 1.5;

let bench: SqliteBench;
let clock: FakeClock;
let store: SessionStore;
let draws: Draws;

beforeEach(async () => {
  bench = new SqliteBench();
  clock = new FakeClock();
  store = bench.open({ clock });
  draws = new Draws(1, 1);
});

afterEach(() => bench.end());

function session(name: string): StoredSession {
  return store.sessions.get(`mqtt\0${name}`) ?? store.createSession(realm('mqtt'), clientId(name), FACTS);
}

interface Load {
  readonly to: readonly StoredSession[];
  readonly messages: number;
  readonly perGroup: number;
  readonly bytes: number;
}

async function publish({ to, messages, perGroup, bytes }: Load): Promise<void> {
  const payload = new Uint8Array(bytes).fill(7);
  for (let number = 1; number <= messages; number += 1) {
    for (const each of to) store.refer(each, QOS_1);
    store.append(messageOf(`plant/${number % 50}/temp`, payload));
    if (number % perGroup === 0) await durable(store);
  }
  await durable(store);
}

function drain(queue: StoredSession, isSettled: (sequence: Sequence) => boolean = () => true): void {
  for (let at = queue.queue.next(0); at !== undefined; at = queue.queue.next(at)) if (isSettled(at)) store.settle(queue, at, 'delivered');
}

/** Each message that is queued once, and each that is retained, as the log has them. */
function liveBytes(): number {
  const sizes = new Map<Sequence, number>();
  for (const each of store.sessions.values()) {
    for (let at = each.queue.next(0); at !== undefined; at = each.queue.next(at)) {
      if (sizes.has(at)) continue;
      const found = store.read(each, at);
      sizes.set(at, found === undefined ? 0 : messageSize(found.message) + MESSAGE_OVERHEAD_BYTES);
    }
  }
  for (const message of store.retained.values()) sizes.set(-sizes.size - 1, messageSize(message) + MESSAGE_OVERHEAD_BYTES);
  return [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0);
}

const size = (file: string): number => statSync(join(bench.directory, file), { throwIfNoEntry: false })?.size ?? 0;
const fileBytes = (): number => size('postern.db') + size('postern.db-wal');

const WORKLOADS: readonly (readonly [name: string, run: () => Promise<void>])[] = [
  [
    'a queue that was drained',
    async () => {
      await publish({ to: [session('a')], messages: 20_000, perGroup: 100, bytes: 1_000 });
      drain(session('a'));
    },
  ],
  [
    'half of a queue settled, here and there',
    async () => {
      await publish({ to: [session('a')], messages: 20_000, perGroup: 100, bytes: 1_000 });
      drain(session('a'), () => draws.below(2) === 0);
    },
  ],
  [
    'nine of ten settled, here and there',
    async () => {
      await publish({ to: [session('a')], messages: 20_000, perGroup: 100, bytes: 1_000 });
      drain(session('a'), () => draws.below(10) > 0);
    },
  ],
  [
    'three of ten settled, here and there: no segment is half dead',
    async () => {
      await publish({ to: [session('a')], messages: 30_000, perGroup: 100, bytes: 1_000 });
      drain(session('a'), () => draws.below(10) < 4);
    },
  ],
  [
    'one client away, the messages of the others between its own',
    async () => {
      for (let part = 0; part < 200; part += 1) {
        await publish({ to: [session('here')], messages: 100, perGroup: 50, bytes: 1_000 });
        await publish({ to: [session('here'), session('away')], messages: 5, perGroup: 50, bytes: 1_000 });
        if (part % 50 === 49) await clock.advanceMs(60_000);
      }
      drain(session('here'));
    },
  ],
  [
    'two clients away that share a few of their messages',
    async () => {
      await publish({ to: [session('a'), session('b')], messages: 20_000, perGroup: 100, bytes: 1_000 });
      drain(session('a'), (sequence) => sequence % 10 > 1);
      drain(session('b'), (sequence) => sequence % 10 > 2);
    },
  ],
  [
    'retained messages that change often',
    async () => {
      for (let number = 0; number < 30_000; number += 1) {
        store.append(messageOf(`plant/${draws.below(500)}/state`, new Uint8Array(100 + draws.below(1_000)), { isRetain: true }));
        if (number % 100 === 0) await durable(store);
      }
    },
  ],
  [
    'very many groups of one small message',
    async () => {
      await publish({ to: [session('a')], messages: 20_000, perGroup: 1, bytes: 40 });
      drain(session('a'), (sequence) => sequence % 4 === 0);
    },
  ],
  [
    'payloads of 30 KB, half of them settled',
    async () => {
      await publish({ to: [session('a')], messages: 1_500, perGroup: 3, bytes: 30_000 });
      drain(session('a'), () => draws.below(2) === 0);
    },
  ],
  [
    'payloads of a megabyte between small ones, every other settled',
    async () => {
      for (let number = 0; number < 40; number += 1) {
        await publish({ to: [session('a')], messages: 1, perGroup: 10, bytes: 1_000_000 });
        await publish({ to: [session('a')], messages: 20, perGroup: 20, bytes: 100 });
      }
      drain(session('a'), (sequence) => sequence % 42 === 1 || sequence % 3 === 0);
    },
  ],
];

describe('a minute of rest after', () => {
  test.each(WORKLOADS)(
    '%s, file and log take at most 1.5 times what lives in them and 8 MB',
    async (_name, run) => {
      await run();
      await durable(store);
      const before = contentsOf(store);
      for (let tenth = 0; tenth < 600; tenth += 1) await clock.advanceMs(100); // and turns for whatever needs no time
      expect(fileBytes()).toBeLessThanOrEqual(SHARE * liveBytes() + SLACK_BYTES);
      expect(store.status().fileBytes).toBe(fileBytes());
      expect(contentsOf(store)).toEqual(before);
      expect(contentsOf(bench.crashed())).toEqual(before);
    },
    60_000,
  );
});
