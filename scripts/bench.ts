// `npm run bench`: Postern, Mosquitto and aedes side by side, each on one processor and the load generator on another; prints ratios and verdicts.

import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { abuseScenarios } from './bench/abuse.ts';
import { accessScenarios } from './bench/access.ts';
import { aedesServer } from './bench/aedes-server.ts';
import { type BenchArguments, HELP, parseArguments } from './bench/arguments.ts';
import { backlogScenarios } from './bench/backlog.ts';
import type { Bench, Line, Scenario } from './bench/bench.ts';
import { bridgeScenarios } from './bench/bridge.ts';
import { durableScenarios } from './bench/durable.ts';
import { durablePeerScenarios } from './bench/durable-peer.ts';
import { footprintScenarios } from './bench/footprint.ts';
import { compileGenerator, compileSlowFsync, compileTurnTimes, generator } from './bench/generator.ts';
import { commitName, machineLines } from './bench/machine.ts';
import { allowedCores } from './bench/proc.ts';
import { report } from './bench/report.ts';
import { retainedScenarios } from './bench/retained.ts';
import { routingScenarios } from './bench/routing.ts';
import { freePort, type Subject } from './bench/server.ts';
import { sparseScenarios } from './bench/sparse.ts';
import { stallScenarios } from './bench/stall.ts';
import { mosquitto, mosquittoBridging, mosquittoPersistent, mosquittoTls, postern, standIn, withBridges, withTls } from './bench/subjects.ts';
import { subscriptionScenarios } from './bench/subscriptions.ts';
import { tlsScenarios } from './bench/tls.ts';
import { wearScenarios } from './bench/wear.ts';
import { build } from './build.ts';
import { EXIT_USAGE, UsageError } from './command-line.ts';
import { findPeer, installCommand, missingPackages, type Peer } from './peers.ts';

const SCENARIOS: readonly Scenario[] = [
  ...routingScenarios,
  ...sparseScenarios,
  ...accessScenarios,
  ...tlsScenarios,
  ...subscriptionScenarios,
  ...retainedScenarios,
  ...abuseScenarios,
  ...durableScenarios,
  ...durablePeerScenarios,
  ...stallScenarios,
  ...backlogScenarios,
  ...bridgeScenarios,
  ...footprintScenarios,
  ...wearScenarios,
];
const NEEDED: readonly Peer[] = ['gcc', '/usr/include/stdio.h', 'mosquitto'];

/** Everything of this run, the program under test included: a build that replaces dist/ meanwhile changes no figure. */
const workshop = resolve(`dist.bench-${process.pid}`);

function say(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}

function program(peer: Peer): string {
  const path = findPeer(peer);
  if (path === undefined) throw new Error(`${peer} is missing: ${installCommand(missingPackages(NEEDED))}`);
  return path;
}

function chosen(only: readonly string[]): readonly Scenario[] {
  const unknown = only.find((name) => !SCENARIOS.some((scenario) => scenario.name.startsWith(name)));
  if (unknown !== undefined) throw new UsageError(`no scenario begins with "${unknown}": ${SCENARIOS.map((scenario) => scenario.name).join(' ')}`);
  return SCENARIOS.filter((scenario) => only.length === 0 || only.some((name) => scenario.name.startsWith(name)));
}

function twoCores(): readonly [server: number, load: number] {
  const [server, load] = allowedCores();
  if (server === undefined || load === undefined) throw new Error('a server and its load generator need a core each; this process may use only one');
  return [server, load];
}

/** Postern compiled by the path of `npm start`, and copied out of dist/. */
function compiledPostern(): Subject {
  const entry = build();
  if (entry === undefined) throw new Error('Postern does not compile');
  const copy = join(workshop, 'program');
  cpSync(dirname(dirname(entry)), copy, { recursive: true });
  return postern(join(copy, 'src/main.js'));
}

function prepare(args: BenchArguments, cores: readonly [number, number], data: string): Bench {
  const subject = args.standIn === undefined ? compiledPostern() : standIn(args.standIn);
  return {
    schedule: args.schedule,
    subject,
    peer: mosquitto(program('mosquitto')),
    persistentPeer: mosquittoPersistent(program('mosquitto')),
    aedes: aedesServer,
    bridging: (bridges) => ({ subject: withBridges(subject, bridges), peer: mosquittoBridging(program('mosquitto'), bridges) }),
    tls: { subject: withTls(subject), peer: mosquittoTls(program('mosquitto')) },
    generator: generator(compileGenerator(program('gcc'), workshop), cores[1]),
    serverCore: cores[0],
    loadCore: cores[1],
    slowFsync: compileSlowFsync(program('gcc'), workshop),
    turnTimes: compileTurnTimes(program('gcc'), workshop),
    freshPlace: async () => ({ port: await freePort(), directory: mkdtempSync(join(data, 'place-')) }),
    say,
  };
}

async function measure(bench: Bench, scenarios: readonly Scenario[]): Promise<Line[]> {
  const lines: Line[] = [];
  for (const scenario of scenarios) lines.push(...(await scenario.run(bench)));
  return lines;
}

function heading(args: BenchArguments, { when, commit, machine }: { when: string; commit: string; machine: readonly string[] }): string[] {
  const { pairs, sparsePairs, seconds, warmupSeconds, rounds } = args.schedule;
  const subject = args.standIn === undefined ? `commit: ${commit}` : `stand-in, not Postern: \`${args.standIn}\``;
  const schedule = `${pairs} interleaved rounds (one packet per read: ${sparsePairs}) of ${seconds} s after ${warmupSeconds} s of warm-up, ${rounds} durable rounds; medians, quartiles in parentheses`;
  const smoke = args.isSmoke ? ['**a smoke run: it shows that everything runs, its figures mean nothing**'] : [];
  return [`Benchmark of ${when}`, ...smoke, subject, ...machine, schedule];
}

async function run(args: BenchArguments): Promise<boolean> {
  const scenarios = chosen(args.only);
  const cores = twoCores();
  for (const peer of NEEDED) program(peer);
  mkdirSync(workshop);
  const data = mkdtempSync(join(resolve(args.directory ?? workshop), 'bench-'));
  process.on('exit', () => {
    for (const directory of [workshop, data]) rmSync(directory, { recursive: true, force: true });
  });
  const when = new Date().toISOString().slice(0, 10);
  const commit = commitName();
  const machine = machineLines({ directory: data, mosquitto: program('mosquitto'), cores });
  const lines = await measure(prepare(args, cores, data), scenarios);
  const text = report(heading(args, { when, commit, machine }), lines);
  process.stdout.write(text);
  if (args.isSaved) {
    const path = `docs/bench/${when}-${commit}.md`;
    writeFileSync(path, text);
    say(`written to ${path}`);
  }
  return args.isSmoke || lines.every((line) => line.verdict !== 'MISS');
}

try {
  const args = parseArguments(process.argv.slice(2));
  if (args === 'help') process.stdout.write(HELP);
  else process.exitCode = (await run(args)) ? 0 : 1;
} catch (error) {
  say(error instanceof Error ? error.message : `${error}`);
  process.exit(error instanceof UsageError ? EXIT_USAGE : 1); // servers may still run: they end with this process
}
