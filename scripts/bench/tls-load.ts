// Load over TLS 1.3 without resumption, from one process on the load generator's core: 50 pairs at QoS 1, or nothing but handshakes. Slower than
// the generator in C, and as slow for either server: what counts is the CPU time of the server.
import { connect, type TLSSocket } from 'node:tls';
import { runOn } from './children.ts';
import { type Generator, type LoadOptions, loadArguments } from './generator.ts';
import { cpuNanoseconds } from './proc.ts';
import { TlsPair, type TlsTotals } from './tls-pair.ts';

const HANDSHAKES_AT_ONCE = 8;
const STALL_MS = 1000;

/** Starts this file as a process of its own; takes `mode` (p2p or handshakes), `pairs`, `window`, `payload`, `warmup` and `seconds`. */
export function tlsGenerator(core: number): Generator {
  return {
    run: async (server, options) => {
      const args = [import.meta.filename, ...loadArguments({ ...options, port: server.port, pid: server.pid })];
      const { stdout, stderr, ending } = await runOn(core, { program: process.execPath, args });
      if (!('status' in ending) || ending.status !== 0) throw new Error(`TLS load against ${server.name} failed:\n${stderr}`);
      return { values: JSON.parse(stdout) };
    },
  };
}

function open(port: number): TLSSocket {
  const socket = connect({ port, host: '127.0.0.1', minVersion: 'TLSv1.3', rejectUnauthorized: false }); // whose key it is, is not the question
  socket.setNoDelay(true);
  return socket;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}

interface Job {
  readonly port: number;
  readonly pid: number;
  readonly warmup: number;
  readonly seconds: number;
}

async function handshakes({ port, pid, warmup, seconds }: Job): Promise<LoadOptions> {
  const run = { done: 0, isOver: false };
  const shakers = Array.from({ length: HANDSHAKES_AT_ONCE }, async () => {
    while (!run.isOver) {
      await handshake(port);
      run.done += 1;
    }
  });
  await pause(warmup * 1000);
  const from = { done: run.done, cpu: cpuNanoseconds(pid) };
  await pause(seconds * 1000);
  const cpuSeconds = (cpuNanoseconds(pid) - from.cpu) / 1e9;
  const done = run.done - from.done;
  run.isOver = true;
  await Promise.all(shakers);
  return { mode: 'handshakes', handshakes: done, handshakes_per_cpu_s: done / cpuSeconds };
}

/** Until the server has closed as well: it has then read the last message of the handshake. */
function handshake(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = open(port);
    socket.once('secureConnect', () => socket.end());
    socket.once('error', reject);
    socket.once('close', () => resolve());
    socket.resume();
  });
}

async function pairs({ port, pid, warmup, seconds }: Job, { count, window, payload }: { count: number; window: number; payload: number }) {
  const totals: TlsTotals = { sent: 0, delivered: 0 };
  const running = Array.from({ length: count }, (_, index) => new TlsPair({ index, window, payload, totals, open: () => open(port) }));
  await Promise.all(running.map((pair) => pair.start()));
  await pause(warmup * 1000);
  const from = { delivered: totals.delivered, cpu: cpuNanoseconds(pid), time: performance.now() };
  await pause(seconds * 1000);
  const delivered = totals.delivered - from.delivered;
  const cpuUs = (cpuNanoseconds(pid) - from.cpu) / 1000;
  const elapsed = (performance.now() - from.time) / 1000;
  for (const pair of running) pair.stop();
  for (let seen = -1; seen !== totals.delivered && totals.delivered < totals.sent; await pause(STALL_MS)) seen = totals.delivered;
  for (const pair of running) pair.close();
  return { mode: 'p2p', delivered_per_s: delivered / elapsed, server_cpu_us_per_message: cpuUs / delivered, lost: totals.sent - totals.delivered };
}

if (import.meta.main) {
  const given = new Map<string, string>();
  for (let at = 2; at < process.argv.length; at += 2) given.set((process.argv[at] ?? '').slice(2), process.argv[at + 1] ?? '');
  const number = (name: string, otherwise: number): number => Number(given.get(name) ?? otherwise);
  const job: Job = { port: number('port', 0), pid: number('pid', 0), warmup: number('warmup', 1), seconds: number('seconds', 5) };
  const isHandshakes = given.get('mode') === 'handshakes';
  const result = isHandshakes
    ? await handshakes(job)
    : await pairs(job, { count: number('pairs', 50), window: number('window', 16), payload: number('payload', 64) });
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
