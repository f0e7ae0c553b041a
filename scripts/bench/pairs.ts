// Interleaved pairs: both servers stay up and take turns, A B B A, so that whatever the machine does meanwhile meets both alike.
import type { Bench } from './bench.ts';
import { type Figures, figure, type LoadOptions } from './generator.ts';
import { type Server, start } from './server.ts';

export interface Sides<T> {
  readonly subject: T;
  readonly peer: T;
}

/** Runs `use` with both servers fresh and up, each on the same processor. */
export async function withBothServers<T>(bench: Bench, use: (servers: Sides<Server>) => Promise<T>): Promise<T> {
  const options = { core: bench.serverCore };
  const servers = { subject: await start(bench.subject, await bench.freshPlace(), options), peer: await start(bench.peer, await bench.freshPlace(), options) };
  const result = await use(servers);
  await servers.subject.stop();
  await servers.peer.stop();
  return result;
}

/** One load against either server. `isSubjectFirst` decides the order. */
export async function runPair(bench: Bench, servers: Sides<Server>, load: LoadOptions, isSubjectFirst: boolean): Promise<Sides<Figures>> {
  if (isSubjectFirst) {
    const subject = await bench.generator.run(servers.subject, load);
    return { subject, peer: await bench.generator.run(servers.peer, load) };
  }
  const peer = await bench.generator.run(servers.peer, load);
  return { subject: await bench.generator.run(servers.subject, load), peer };
}

/** `count` pairs, the order turned at each. */
export async function runPairs(
  bench: Bench,
  servers: Sides<Server>,
  { name, load, count }: { name: string; load: LoadOptions; count: number },
): Promise<Sides<Figures>[]> {
  const pairs: Sides<Figures>[] = [];
  for (let index = 0; index < count; index += 1) {
    const pair = await runPair(bench, servers, load, index % 2 === 0);
    pairs.push(pair);
    bench.say(`${name} ${index + 1}/${count}: ${cpu(pair.subject).toFixed(2)} us per message, ${bench.peer.name} ${cpu(pair.peer).toFixed(2)}`);
  }
  return pairs;
}

/** Microseconds of the server's CPU per delivered message. */
export function cpu(figures: Figures): number {
  return figure(figures, 'server_cpu_us_per_message');
}

export function rate(figures: Figures): number {
  return figure(figures, 'delivered_per_s');
}

/** Messages of all runs that never arrived. */
export function lost(runs: readonly Figures[]): number {
  return runs.reduce((sum, run) => sum + figure(run, 'lost'), 0);
}
