// The parts of `postern selftest --power-loss`: the real store in a directory of its own, committing as a gateway would, and a datagram for each number.
import { randomBytes } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import type { PowerLossOrder, PowerLossRun, ReceiverOrder, Selftest } from '../control/selftest.ts';
import type { Clock } from '../model/clock.ts';
import { GatewayError } from '../model/errors.ts';
import { SELFTEST_BYTES_MAX } from '../model/limits.ts';
import { type Log, silentLog } from '../model/log.ts';
import { MetricsTable } from '../model/metrics.ts';
import type { NumberReport, NumbersFound } from '../model/selftest.ts';
import { probeFlushes } from '../store/selftest/flush-probe.ts';
import { NumberWriter, numbersIn } from '../store/selftest/number-store.ts';
import { requireRoom, synced } from '../store/sqlite/archive/durable-files.ts';
import { DATABASE_FILE } from '../store/sqlite/database.ts';
import { openSqliteStore } from '../store/sqlite/open.ts';
import { endpoint } from '../transport/address.ts';
import { TurnWriter } from '../transport/turn-writer.ts';
import { UdpTransport } from '../transport/udp.ts';
import { COMMIT_WORKER } from './thread-entries.ts';

const FACTS_FILE = 'run.json';
/** Small, so that a test of a minute meets checkpoints, and the files stay small. */
const CHECKPOINT_LOG_BYTES = 512 * 1024;
const DATAGRAM = /^postern-selftest ([0-9a-f]{8}) (\d{1,15})\n$/;
/** The first thing a run does is to make its directory, and to have that flushed. */
const NOTHING_LEFT = 'if the run wrote there, the disk has lost all of it, and its flushes cannot be trusted; else say with --data or --directory where it was';
/** Numbers between two looks at how large the files are. */
const LOOK_EVERY = 1_000;

type RunFacts = Pick<NumbersFound, 'run' | 'startedAtMs' | 'flush'>;

export const selftest: Selftest = { begin, verify, clean, receive };

async function begin({ scratch, committer, reportTo, clock, log, onAcknowledged }: PowerLossOrder): Promise<PowerLossRun> {
  if (existsSync(scratch)) throw new GatewayError('STORE_UNAVAILABLE', `${scratch} holds a run already: --verify it, or --clean it away`);
  requireRoom(dirname(scratch), SELFTEST_BYTES_MAX, SELFTEST_BYTES_MAX);
  const teller = reportTo && (await tellerOf(reportTo, log));
  mkdirSync(scratch, { mode: 0o700 });
  const facts = { run: randomBytes(4).toString('hex'), startedAtMs: clock.nowMs(), flush: probeFlushes(scratch, clock) };
  note(scratch, facts);
  const store = openSqliteStore({
    directory: scratch,
    clock,
    log,
    metrics: new MetricsTable(),
    limits: { checkpointLogBytes: CHECKPOINT_LOG_BYTES },
    ...(committer !== 'inline' && { commitThread: { entry: COMMIT_WORKER, isAlways: committer === 'worker' } }),
  });
  const awake = keptAwake();
  const failure = Promise.withResolvers<never>();
  const writer = new NumberWriter(store, {
    clock,
    onAcknowledged: (number) => {
      teller?.tell({ run: facts.run, number });
      onAcknowledged(number);
      const excess = number % LOOK_EVERY === 0 ? excessOf(scratch) : undefined;
      if (excess !== undefined) failure.reject(excess);
    },
  });
  writer.start();
  return {
    ...facts,
    failure: failure.promise,
    stop: async () => {
      writer.stop();
      await store.close();
      await teller?.close();
      awake.close();
    },
  };
}

async function verify(scratch: string, clock: Clock): Promise<NumbersFound> {
  if (!existsSync(scratch)) throw new GatewayError('STORE_CORRUPT', `${scratch} does not exist: ${NOTHING_LEFT}`);
  const facts = readFacts(scratch);
  const store = openSqliteStore({ directory: scratch, clock, log: silentLog, metrics: new MetricsTable() });
  const found = numbersIn(store);
  await store.close();
  return { ...facts, ...found };
}

function clean(scratch: string): void {
  rmSync(scratch, { recursive: true, force: true });
}

async function receive({ port, log, onHeard }: ReceiverOrder) {
  const transport = new UdpTransport({ name: 'selftest', host: '0.0.0.0', port, log, metrics: new MetricsTable(), writer: new TurnWriter() });
  let last: NumberReport = { run: '', number: 0 };
  await transport.listen((bytes) => {
    const [, run, number] = DATAGRAM.exec(bytes.toString('latin1')) ?? [];
    if (run === undefined || (run === last.run && Number(number) <= last.number)) return; // repeated, late, or not ours
    last = { run, number: Number(number) };
    onHeard(last);
  });
  const awake = keptAwake();
  return {
    address: transport.address,
    stop: async () => {
      await transport.close();
      awake.close();
    },
  };
}

async function tellerOf({ host, port }: { readonly host: string; readonly port: number }, log: Log) {
  const address = await addressOf(host);
  const own = address.includes(':') ? '::' : '0.0.0.0';
  const transport = new UdpTransport({ name: 'selftest', host: own, port: 0, log, metrics: new MetricsTable(), writer: new TurnWriter() });
  await transport.listen(() => undefined);
  const peer = { address: endpoint(address, port), host: address, port };
  return {
    tell: ({ run, number }: NumberReport): void => transport.send(Buffer.from(`postern-selftest ${run} ${number}\n`), peer),
    close: () => transport.close(),
  };
}

async function addressOf(host: string): Promise<string> {
  try {
    return (await lookup(host)).address;
  } catch (error) {
    throw new GatewayError('STORE_UNAVAILABLE', `${host} has no address (${error instanceof Error ? error.message : String(error)})`, { cause: error });
  }
}

/** On the disk before the first number is written: what comes later is judged by it. */
function note(scratch: string, facts: RunFacts): void {
  const handle = openSync(join(scratch, FACTS_FILE), 'wx', 0o600);
  writeSync(handle, JSON.stringify(facts));
  fsyncSync(handle);
  closeSync(handle);
  synced(scratch);
  synced(dirname(scratch));
}

function readFacts(scratch: string): RunFacts {
  try {
    return JSON.parse(readFileSync(join(scratch, FACTS_FILE), 'utf8'));
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw new GatewayError(
      'STORE_CORRUPT',
      `${scratch} has lost the note of its run, which was flushed before anything else (${cause}): the disk does not keep what it says`,
    );
  }
}

/** Nothing here may fill a disk. */
function excessOf(scratch: string): GatewayError | undefined {
  const sizes = ['', '-wal'].map((companion) => statSync(join(scratch, DATABASE_FILE + companion), { throwIfNoEntry: false })?.size ?? 0);
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  if (bytes <= SELFTEST_BYTES_MAX) return undefined;
  return new GatewayError('STORE_UNAVAILABLE', `${scratch} has ${bytes} bytes, more than the ${SELFTEST_BYTES_MAX} of a run`);
}

/** Timers keep no process alive, and between two commits there may be nothing else. */
function keptAwake(): { close(): void } {
  const { port1 } = new MessageChannel();
  port1.on('message', () => undefined);
  return port1;
}
