// The two ends of the committing thread. What crosses is copied: the structured clone of a view takes the whole buffer below it along, which for a
// segment is a slab of 256 KiB and for a row a pool of Node.js. Slabs in shared memory would spare the copy (docs/decisions/0033-committer.md).
import { Worker } from 'node:worker_threads';
import type { Database } from 'better-sqlite3';
import type { Clock } from '../../model/clock.ts';
import { GatewayError } from '../../model/errors.ts';
import type { CommitUnit, SegmentRow } from './committer.ts';
import { openConnection, type Synchronous } from './database.ts';
import type { SqlValue, TableWrite } from './schema.ts';
import { logSyncOf, UnitWriter, type WrittenUnit } from './unit-writer.ts';
import type { StartCommitThread } from './worker-committer.ts';

/** What the thread is told at its start. Plain data. */
export interface CommitOrders {
  readonly path: string;
  readonly synchronous: Synchronous;
}

type Detached = SegmentRow & { readonly bytes: Uint8Array<ArrayBuffer> };
type Order = (CommitUnit & { readonly segment: Detached | undefined }) | 'close';
type Answer = WrittenUnit | 'ready';

/** Its heap holds the rows of one unit; their bytes lie outside. */
const HEAP = { maxOldGenerationSizeMb: 24, maxYoungGenerationSizeMb: 2, stackSizeMb: 1 };

/** @param entry - the file the thread runs: it calls `serveCommits`. */
export function committingThread(entry: URL, orders: CommitOrders): StartCommitThread {
  return (events) => {
    const worker = started(entry, orders);
    let reason: string | undefined;
    let isClosing = false;
    const gone = new Promise<void>((resolve) => {
      worker.once('exit', (code) => {
        resolve();
        if (!isClosing) events.died(reason ?? `it ended with ${code}`);
      });
    });
    worker.on('error', (error) => {
      reason = error instanceof Error ? error.message : String(error);
    });
    worker.on('message', (answer: Answer) => {
      if (answer === 'ready') events.ready();
      else events.written(answer);
    });
    return {
      send: (unit) => {
        const segment = unit.segment && detached(unit.segment);
        const { vacuumPages, cutsLog, provesLog } = unit;
        const order: Order = { segment, writes: unit.writes.map(compact), vacuumPages, cutsLog, provesLog };
        worker.postMessage(order, segment === undefined ? [] : [segment.bytes.buffer]);
      },
      close: () => {
        isClosing = true;
        worker.postMessage('close' satisfies Order);
        return gone;
      },
    };
  };
}

/** @throws GatewayError STORE_UNAVAILABLE - the system has no thread to spare. */
function started(entry: URL, orders: CommitOrders): Worker {
  try {
    return new Worker(entry, { workerData: orders, resourceLimits: HEAP, name: 'commit' });
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'ERR_WORKER_INIT_FAILED') throw error;
    throw new GatewayError('STORE_UNAVAILABLE', `no thread to commit in (${error.message})`, { cause: error });
  }
}

/** What `serveCommits` asks of a `MessagePort`. */
interface OrderPort {
  on(event: 'message', heard: (order: Order) => void): unknown;
  postMessage(said: Answer): void;
  close(): void;
}

/** The other end: writes what comes through `port` until it is told to close. */
export function serveCommits(port: OrderPort, orders: CommitOrders, clock: Clock): void {
  const reopen = (): Database => openConnection(orders.path, orders.synchronous);
  const database = reopen();
  const writer = new UnitWriter(database, clock, { reopen, log: logSyncOf(orders) });
  const answer = (said: Answer): void => port.postMessage(said);
  port.on('message', (order: Order) => {
    if (order !== 'close') {
      answer(writer.write(order));
      order.segment?.bytes.buffer.transfer(0); // else it stays until this heap is collected, which hardly fills
      return;
    }
    writer.close();
    database.close();
    port.close();
  });
  answer('ready');
}

function detached(segment: SegmentRow): Detached {
  return { ...segment, bytes: new Uint8Array(segment.bytes) };
}

function compact({ statement, values }: TableWrite): TableWrite {
  return { statement, values: values.map(compactValue) };
}

function compactValue(value: SqlValue): SqlValue {
  return typeof value === 'object' && value.byteLength < value.buffer.byteLength ? new Uint8Array(value) : value;
}
