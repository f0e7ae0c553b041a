// The process that is killed: lives a life of operations on a store and says, line by line, what it began and what it was told is durable.
//
//   ready BOOT
//   issued LAST MS      operations up to LAST are about to be performed
//   acked NUMBER MS SIZE  the store said that operation NUMBER is durable, when the log of the disk (if there is one) was SIZE bytes long
//   wrote NUMBER        operation NUMBER put records into the open group
//   compacted NUMBER    so many segments were rewritten so far
//   late NUMBER         acknowledgements came in another order than the operations
import { statSync, writeSync } from 'node:fs';
import { MetricsTable } from '../../../src/model/metrics.ts';
import { SystemClock } from '../../../src/observe/system-clock.ts';
import type { Committer } from '../../../src/store/sqlite/committer.ts';
import { openSqliteStore } from '../../../src/store/sqlite/open.ts';
import { IN_A_THREAD } from '../../support/commit-thread.ts';
import { Draws, operate } from '../../support/store-workload.ts';
import { planted, synchronousOf } from './faults.ts';
import type { ChildOrders } from './process.ts';
import { stderrLog } from './stderr-log.ts';

const OPERATIONS_PER_TURN_MAX = 12;
const UNACKNOWLEDGED_MAX = 100;
const STDOUT = 1;

const orders = JSON.parse(process.argv[2] ?? '{}') as ChildOrders;
const clock = new SystemClock();
const metrics = new MetricsTable();
const compactedSegments = metrics.counter('store.compaction.segments');
const real = openSqliteStore({
  directory: orders.directory,
  clock,
  log: stderrLog,
  metrics,
  synchronous: synchronousOf(orders.fault),
  diskLimits: { ballastBytes: 0 },
  ...(orders.limits && { limits: orders.limits }),
  ...(orders.committer === 'worker' && { commitThread: IN_A_THREAD }),
  committer: begunWhenUp,
});
const store = planted(real, orders.fault);
let next = orders.from;
let acknowledged = orders.from - 1;
let compactedTold = 0;

const waiter = {
  durable(number: number): void {
    if (number !== acknowledged + 1) say(`late ${number}`);
    acknowledged = Math.max(acknowledged, number);
    say(`acked ${number} ${clock.monotonicMs()} ${orders.diskLog === undefined ? 0 : statSync(orders.diskLog).size}`);
  },
};

/** A thread takes as long to start as a slow disk to sync, which would hide an answer that comes too early: nothing is done before. */
function begunWhenUp(committer: Committer): Committer {
  const begin = (): void => {
    say(`ready ${real.boot.boot}`);
    turn();
  };
  setImmediate(() => committer.commit({ segment: undefined, writes: [], vacuumPages: 0 }, begin));
  return committer;
}

function turn(): void {
  if (compactedSegments.value > compactedTold) {
    compactedTold = compactedSegments.value;
    say(`compacted ${compactedTold}`);
  }
  if (next - acknowledged <= UNACKNOWLEDGED_MAX && next < orders.to) {
    const draws = new Draws(orders.seed + 1, next);
    const count = Math.min(1 + draws.below(OPERATIONS_PER_TURN_MAX), orders.to - next);
    say(`issued ${next + count - 1} ${clock.monotonicMs()}`);
    for (let left = count; left > 0; left -= 1) {
      const number = next;
      next += 1;
      const bytesBefore = real.status().openGroupBytes;
      operate(store, orders.seed, number);
      if (real.status().openGroupBytes !== bytesBefore) say(`wrote ${number}`);
      store.whenDurable(waiter, number);
      linger(draws);
    }
  }
  if (next < orders.to || acknowledged < orders.to - 1) setImmediate(turn);
  else void real.close();
}

/** Some turns have other work to do: the moment between receipt and commit is worth a kill. */
function linger(draws: Draws): void {
  if (draws.below(20) > 0) return;
  const untilMs = clock.monotonicMs() + draws.below(4);
  while (clock.monotonicMs() < untilMs);
}

/** Whoever listens may be slow, and the pipe full. */
function say(line: string): void {
  for (let rest = Buffer.from(`${line}\n`); rest.length > 0; ) rest = rest.subarray(written(rest));
}

function written(bytes: Buffer): number {
  try {
    return writeSync(STDOUT, bytes);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
    return 0;
  }
}
