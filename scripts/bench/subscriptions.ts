// What 100,000 subscriptions cost: to make, to hold, and in every message routed past them.
import type { Bench, Line, Scenario, Table } from './bench.ts';
import { type Floor, floorText, timesTheCost, type Verdict, verdict } from './floors.ts';
import { count, ratio, short } from './format.ts';
import { type Figures, figure, type LoadOptions } from './generator.ts';
import { cpu, lost, withServers } from './pairs.ts';
import type { Subject } from './server.ts';
import { median } from './statistics.ts';

const TABLE: Table = {
  title: 'Subscriptions: 100 clients with 1,000 filters each, of which 40 % have wildcards, beside 100 clients with one each',
  columns: ['figure', 'ours', 'Mosquitto', 'floor', ''],
};
const FEW: LoadOptions = { mode: 'subs', publishers: 100, payload: 64 };
const TOPICS_EACH = 1000;
const TIME_FLOOR: Floor = { bound: 'at most', value: 1, unit: ' s' };
const MEMORY_FLOOR: Floor = { bound: 'at most', value: 120, unit: ' MB' };
const GROWTH_FLOOR = timesTheCost(2);

export const subscriptionScenarios: readonly Scenario[] = [{ name: 'subscriptions', run: subscriptions }];

/** Runs of one server. */
export interface SubscriptionFigures {
  readonly few: readonly Figures[];
  readonly many: readonly Figures[];
}

async function subscriptions(bench: Bench): Promise<Line[]> {
  const subject: SubscriptionFigures = { few: [], many: [] };
  const peer: SubscriptionFigures = { few: [], many: [] };
  let ours = subject;
  let theirs = peer;
  for (let index = 0; index < bench.schedule.rounds; index += 1) {
    ours = await oneMore(bench, bench.subject, ours);
    theirs = await oneMore(bench, bench.peer, theirs);
    bench.say(`subscriptions ${index + 1}/${bench.schedule.rounds}: ${seconds(ours.many).toFixed(2)} s, ${megabytes(ours.many).toFixed(0)} MB`);
  }
  return subscriptionLines(ours, theirs);
}

/** Fresh servers for either, so that memory is counted from nothing. */
async function oneMore(bench: Bench, server: Subject, { few, many }: SubscriptionFigures): Promise<SubscriptionFigures> {
  const { seconds: duration, warmupSeconds: warmup } = bench.schedule;
  const load = { ...FEW, warmup, seconds: duration };
  return withServers(bench, { few: server, many: server }, async (servers) => ({
    few: [...few, await bench.generator.run(servers.few, load)],
    many: [...many, await bench.generator.run(servers.many, { ...load, topics: TOPICS_EACH })],
  }));
}

export function subscriptionLines(subject: SubscriptionFigures, peer: SubscriptionFigures): Line[] {
  const isLossy = lost(subject.many) > 0;
  const line = (name: string, [ours, theirs]: readonly [string, string], judged?: { floor: Floor; verdict: Verdict }): Line => ({
    table: TABLE,
    cells: [name, ours, theirs, judged === undefined ? '' : floorText(judged.floor)],
    verdict: judged?.verdict,
  });
  const judged = (value: number, floor: Floor) => ({ floor, verdict: isLossy ? 'MISS' : verdict(value, floor) }) as const;
  const both = (of: (runs: SubscriptionFigures) => number, print: (value: number) => string) => [print(of(subject)), print(of(peer))] as const;
  const growth = (runs: SubscriptionFigures): number => median(runs.many.map(cpu)) / median(runs.few.map(cpu));
  return [
    line(
      'time to make 100,000 subscriptions, s',
      both(({ many }) => seconds(many), short),
      judged(seconds(subject.many), TIME_FLOOR),
    ),
    line(
      'memory of 100,000 subscriptions, MB',
      both(({ many }) => megabytes(many), short),
      judged(megabytes(subject.many), MEMORY_FLOOR),
    ),
    line(
      'us per message past 100 subscriptions',
      both(({ few }) => median(few.map(cpu)), short),
    ),
    line(
      'us per message past 100,000 subscriptions',
      both(({ many }) => median(many.map(cpu)), short),
    ),
    line(`growth of CPU per message${isLossy ? ' LOST' : ''}`, both(growth, ratio), judged(growth(subject), GROWTH_FLOOR)),
    line(
      'messages lost',
      both(({ many }) => lost(many), count),
    ),
  ];
}

function seconds(runs: readonly Figures[]): number {
  return median(runs.map((run) => figure(run, 'subscribing_s')));
}

function megabytes(runs: readonly Figures[]): number {
  return (median(runs.map((run) => figure(run, 'subscriptions_kib'))) * 1024) / 1e6;
}
