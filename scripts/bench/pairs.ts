// Interleaved rounds: the servers stay up and take turns, A B C C B A, so that whatever the machine does meanwhile meets all alike.
import type { Bench } from './bench.ts';
import { type Figures, figure, type Generator, type LoadOptions } from './generator.ts';
import { type Server, type Subject, start } from './server.ts';

/** What is compared: ours and one other. */
export interface Sides<T> {
  readonly subject: T;
  readonly peer: T;
}

/** Runs `use` with all servers fresh and up, each on the same processor. */
export async function withServers<Name extends string, T>(
  bench: Bench,
  subjects: Readonly<Record<Name, Subject>>,
  use: (servers: Readonly<Record<Name, Server>>) => Promise<T>,
): Promise<T> {
  const started: [string, Server][] = [];
  for (const [name, subject] of Object.entries<Subject>(subjects)) {
    started.push([name, await start(subject, await bench.freshPlace(), { core: bench.serverCore })]);
  }
  const result = await use(Object.fromEntries(started) as Record<Name, Server>);
  for (const [, server] of started) await server.stop();
  return result;
}

/** Postern and Mosquitto. */
export function withBothServers<T>(bench: Bench, use: (servers: Sides<Server>) => Promise<T>): Promise<T> {
  return withServers(bench, { subject: bench.subject, peer: bench.peer }, use);
}

/** One load against each server in turn. `isForward` decides the order. */
export async function runRound<Name extends string>(
  generator: Generator,
  servers: Readonly<Record<Name, Server>>,
  load: LoadOptions,
  isForward: boolean,
): Promise<Record<Name, Figures>> {
  const entries = Object.entries<Server>(servers);
  const figures: Record<string, Figures> = {};
  for (const [name, server] of isForward ? entries : entries.toReversed()) figures[name] = await generator.run(server, load);
  return figures as Record<Name, Figures>;
}

/** `count` rounds, the order turned at each. */
export async function runRounds<Name extends string>(
  bench: Bench,
  servers: Readonly<Record<Name, Server>>,
  { name, load, count, generator = bench.generator }: { name: string; load: LoadOptions; count: number; generator?: Generator },
): Promise<Record<Name, Figures>[]> {
  const rounds: Record<Name, Figures>[] = [];
  for (let index = 0; index < count; index += 1) {
    const round = await runRound(generator, servers, load, index % 2 === 0);
    rounds.push(round);
    const costs = Object.entries<Server>(servers).map(([side, server]) => `${server.name} ${cpu(round[side as Name]).toFixed(2)}`);
    bench.say(`${name} ${index + 1}/${count}: us per message ${costs.join(', ')}`);
  }
  return rounds;
}

/** The rounds as pairs of ours and `other`. */
export function pairsWith<Name extends string>(rounds: readonly Readonly<Record<Name | 'subject', Figures>>[], other: Name): Sides<Figures>[] {
  return rounds.map((round) => ({ subject: round.subject, peer: round[other] }));
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
