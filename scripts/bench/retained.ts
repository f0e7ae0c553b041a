// 100,000 retained messages and a subscriber of "#": when its first message comes, what memory the sending takes, and how long another
// client's message to itself is kept waiting meanwhile.
import type { Bench, Line, Scenario, Table } from './bench.ts';
import { type Floor, floorText, type Verdict, verdict } from './floors.ts';
import { count, short } from './format.ts';
import { type Figures, figure } from './generator.ts';
import { withBothServers } from './pairs.ts';
import { median } from './statistics.ts';

const TABLE: Table = { title: 'Retained: a subscriber of # and 100,000 retained messages of 64 B', columns: ['figure', 'ours', 'Mosquitto', 'floor', ''] };
const MESSAGES = 100_000;
const STALL_FLOOR: Floor = { bound: 'at most', value: 20, unit: ' ms' };

export const retainedScenarios: readonly Scenario[] = [{ name: 'retained', run: retained }];

async function retained(bench: Bench): Promise<Line[]> {
  const subject: Figures[] = [];
  const peer: Figures[] = [];
  for (let index = 0; index < bench.schedule.rounds; index += 1) {
    const { seconds, warmupSeconds: warmup } = bench.schedule;
    const load = { mode: 'retained', topics: MESSAGES, payload: 64, qos: 0, warmup, seconds };
    await withBothServers(bench, async (servers) => {
      subject.push(await bench.generator.run(servers.subject, load));
      peer.push(await bench.generator.run(servers.peer, load));
    });
    bench.say(`retained ${index + 1}/${bench.schedule.rounds}: longest wait ${stallMs(subject.slice(-1)).toFixed(1)} ms`);
  }
  return retainedLines(subject, peer);
}

export function retainedLines(subject: readonly Figures[], peer: readonly Figures[]): Line[] {
  const missing = subject.reduce((sum, run) => sum + figure(run, 'missing'), 0);
  const line = (name: string, of: (runs: readonly Figures[]) => number, print = short): Line => ({
    table: TABLE,
    cells: [name, print(of(subject)), print(of(peer)), ''],
    verdict: undefined,
  });
  const middle =
    (key: string, factor: number) =>
    (runs: readonly Figures[]): number =>
      median(runs.map((run) => figure(run, key))) * factor;
  const judged: Verdict = missing > 0 ? 'MISS' : verdict(stallMs(subject), STALL_FLOOR);
  return [
    line('memory of the messages, MB', middle('stored_kib', 0.001024)),
    line('first message, ms', middle('first_message_ms', 1)),
    line('all messages, ms', middle('all_messages_ms', 1)),
    line('memory more while sending, MB', middle('sending_kib', 0.001024)),
    line("longest round trip of another client's message without that, ms", middle('idle_round_trip_us_max', 0.001)),
    {
      table: TABLE,
      cells: [`longest round trip meanwhile, ms${missing > 0 ? ' MISSING' : ''}`, short(stallMs(subject)), short(stallMs(peer)), floorText(STALL_FLOOR)],
      verdict: judged,
    },
    line('messages missing', (runs) => runs.reduce((sum, run) => sum + figure(run, 'missing'), 0), count),
  ];
}

/** The median of the rounds: one of them may have met a stall of the machine. */
function stallMs(runs: readonly Figures[]): number {
  return median(runs.map((run) => figure(run, 'sending_round_trip_us_max'))) / 1000;
}
