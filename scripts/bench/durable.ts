// What was acknowledged is on the disk: QoS 1 to an offline persistent session, SIGKILL in full flow, restart, drain, compare.
// The speed is told as a share of what the disk allows: a bare SQLite loop in the same run, one commit per window of messages:
// of one small row, and of a row as big as those messages are in the log (docs/decisions/0011-durable-floor.md).
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bench, Line, Scenario, Table } from './bench.ts';
import { commitsPerSecond } from './commit-loop.ts';
import { type Floor, floorText, verdict } from './floors.ts';
import { count, range, short } from './format.ts';
import { type Figures, figure } from './generator.ts';
import { start } from './server.ts';
import { median, spread } from './statistics.ts';
import { withCommitter } from './subjects.ts';

const TABLE: Table = {
  title: 'Durable: QoS 1 to an offline persistent session, killed in full flow',
  columns: [
    'scenario',
    'in flight',
    'acked/s',
    'bare commits/s',
    'share',
    'range',
    'commits/s of the same bytes',
    'share of those',
    'first answer ms',
    'acked',
    'checked',
    'lost',
    'duplicates',
    'floor',
    '',
  ],
};

/** Where a flush takes longer than everything else, the disk is what a gateway is held against. */
const FLOOR: Floor = { bound: 'at least', value: 0.5, unit: ' of bare' };
/** Where it takes 0.1 ms, the bytes and the processor decide: then against commits of the same bytes. */
const FAST_DISK_FLOOR: Floor = { bound: 'at least', value: 0.35, unit: ' of the same bytes' };
const PUBLISHERS = 8;
const WINDOW = 16;
const LOAD = { publishers: PUBLISHERS, window: WINDOW, payload: 64 } as const;
const IN_FLIGHT = PUBLISHERS * WINDOW;
const SMALL_ROW_BYTES = 64;
/** One window of those messages in the log: payload, topic, stamp, record and reference. */
const WINDOW_BYTES = 14_400;
/** Extra milliseconds per flush of the second scenario, as on an SD card: there the disk decides and not the processor. */
const CARD_FLUSH_MS = 10;

/** Commits per second of the bare loop, before and after. */
interface Yardstick {
  readonly smallRows: number;
  readonly sameBytes: number;
}

/** What one data directory went through: filled, killed, drained. */
export interface Round {
  readonly yardstick: Yardstick;
  readonly filled: Figures;
  readonly drained: Figures;
}

export const durableScenarios: readonly Scenario[] = [
  { name: 'durable-disk', run: (bench) => durable(bench, 'durable-disk', 0) },
  { name: 'durable-card', run: (bench) => durable(bench, 'durable-card', CARD_FLUSH_MS) },
  ...(['inline', 'worker'] as const).flatMap((committer) => [withDisk(committer, 'disk', 0), withDisk(committer, 'card', CARD_FLUSH_MS)]),
];

/** The same with commits in one place, wherever they would go by themselves. */
function withDisk(committer: 'inline' | 'worker', disk: string, flushMs: number): Scenario {
  const name = `durable-${disk}-${committer}`;
  return { name, run: (bench) => durable({ ...bench, subject: withCommitter(bench.subject, committer) }, name, flushMs) };
}

async function durable(bench: Bench, name: string, flushMs: number): Promise<Line[]> {
  const environment: Readonly<Record<string, string>> = flushMs > 0 ? { LD_PRELOAD: bench.slowFsync, SLOWSYNC_MS: `${flushMs}` } : {};
  const rounds: Round[] = [];
  for (let index = 0; index < bench.schedule.rounds; index += 1) {
    const last = await round(bench, environment);
    rounds.push(last);
    bench.say(
      `${name} ${index + 1}/${bench.schedule.rounds}: share ${share(last, 'smallRows').toFixed(2)} of bare, ${share(last, 'sameBytes').toFixed(2)} of the same bytes, ${figure(last.drained, 'acked_lost')} lost of ${figure(last.drained, 'checked')} checked`,
    );
  }
  return [durableLine(name, rounds, flushMs)];
}

async function round(bench: Bench, environment: Readonly<Record<string, string>>): Promise<Round> {
  const place = await bench.freshPlace();
  const options = { core: bench.serverCore, environment };
  const { seconds, warmupSeconds: warmup } = bench.schedule;
  const ackFile = { 'ack-file': join(place.directory, 'acknowledged') };
  const before = await bareCommits(place.directory, seconds / 2, options);
  const filling = await start(bench.subject, place, options);
  await bench.generator.run(filling, { mode: 'dursub' });
  const filled = await bench.generator.run(filling, { mode: 'durpub', ...LOAD, ...ackFile, warmup, seconds, kill: true });
  await filling.ended();
  const after = await bareCommits(place.directory, seconds / 2, options);
  const draining = await start(bench.subject, place, options);
  const drained = await bench.generator.run(draining, { mode: 'durdrain', ...ackFile });
  await draining.stop();
  const yardstick = { smallRows: (before.smallRows + after.smallRows) / 2, sameBytes: (before.sameBytes + after.sameBytes) / 2 };
  return { yardstick, filled, drained };
}

async function bareCommits(directory: string, seconds: number, options: { core: number; environment: Readonly<Record<string, string>> }): Promise<Yardstick> {
  const own = join(directory, 'bare');
  await mkdir(own, { recursive: true });
  const smallRows = await commitsPerSecond(own, seconds / 2, { ...options, rowBytes: SMALL_ROW_BYTES });
  const sameBytes = await commitsPerSecond(own, seconds / 2, { ...options, rowBytes: WINDOW_BYTES });
  return { smallRows, sameBytes };
}

/** Of the acknowledgements the disk would allow if every window of messages shared one commit. */
function share({ yardstick, filled }: Round, of: keyof Yardstick): number {
  return figure(filled, 'acked_per_s') / (figure(filled, 'in_flight') * yardstick[of]);
}

function firstAnswerMsOf({ filled }: Round): number {
  return figure(filled, 'answer_us_min') / 1000;
}

/** Why a round proves nothing, or proves the opposite. */
function doubtOf(round: Round, flushMs: number): string | undefined {
  const { drained } = round;
  const acked = figure(drained, 'acked');
  if (figure(drained, 'acked_lost') > 0) return 'LOST';
  if (acked === 0 || figure(drained, 'checked') < acked) return 'NOT CHECKED';
  return firstAnswerMsOf(round) < flushMs ? 'ANSWERED BEFORE THE FLUSH' : undefined;
}

/**
 * A line that does not pass says why in its first cell, unless it was only slow.
 *
 * @param flushMs - what every flush took at least: an answer that came sooner was given before its message was on the disk.
 */
export function durableLine(name: string, rounds: readonly Round[], flushMs: number): Line {
  const ofBare = spread(rounds.map((each) => share(each, 'smallRows')));
  const ofSameBytes = median(rounds.map((each) => share(each, 'sameBytes')));
  const judged = flushMs > 0 ? { share: ofBare.median, floor: FLOOR } : { share: ofSameBytes, floor: FAST_DISK_FLOOR };
  const sum = (of: (round: Round) => number): number => rounds.reduce((total, each) => total + of(each), 0);
  const firstAnswerMs = Math.min(...rounds.map(firstAnswerMsOf));
  const doubt = rounds.map((each) => doubtOf(each, flushMs)).find((each) => each !== undefined);
  const cells = [
    doubt === undefined ? name : `${name} ${doubt}`,
    `${IN_FLIGHT}`,
    count(median(rounds.map(({ filled }) => figure(filled, 'acked_per_s')))),
    count(median(rounds.map(({ yardstick }) => yardstick.smallRows))),
    ofBare.median.toFixed(2),
    range(ofBare),
    count(median(rounds.map(({ yardstick }) => yardstick.sameBytes))),
    ofSameBytes.toFixed(2),
    short(firstAnswerMs),
    count(sum(({ drained }) => figure(drained, 'acked'))),
    count(sum(({ drained }) => figure(drained, 'checked'))),
    count(sum(({ drained }) => figure(drained, 'acked_lost'))),
    count(sum(({ drained }) => figure(drained, 'duplicates'))),
    `${floorText(judged.floor)}, 0 lost`,
  ];
  return { table: TABLE, cells, verdict: doubt === undefined ? verdict(judged.share, judged.floor) : 'MISS' };
}
