import type { Findings } from './ledger.ts';

/** One way from publishers to a collector. */
export interface Way {
  readonly name: string;
  /** Whether QoS 2 holds all along it. */
  readonly isExactlyOnce: boolean;
  /** False where a program that is not ours, and changes the order, is in between. */
  readonly isOrdered?: boolean;
  readonly findings: Findings;
}

export interface ChaosReport {
  readonly seed: number;
  readonly centre: string;
  readonly bridgeQos: 1 | 2;
  readonly seconds: number;
  readonly kills: number;
  /** Of these, how many came between the receipt of a sensor's packet and its acknowledgement. */
  readonly killsBeforeAnswer: number;
  /** Readings publishers were told are safe. */
  readonly acknowledged: number;
  readonly commandsAcknowledged: number;
  readonly sensorReconnects: number;
  /** Of mosquitto_pub. */
  readonly batches: { readonly acknowledged: number; readonly unknown: number };
  readonly disturbances: { readonly centreDown: number; readonly cuts: number; readonly silences: number };
  readonly ways: readonly Way[];
  /** What the comparison of state after the kills found. */
  readonly complaints: readonly string[];
}

/** Of the kills, at least this share must come between receipt and acknowledgement, or the run has shown little. */
const BEFORE_ANSWER_MIN = 1 / 3;
/** Fewer kills say nothing about shares. */
const KILLS_MIN = 10;
const SHOWN = 10;

/** Everything that is wrong, in lines; empty: the promises were kept. */
export function violations({ ways, complaints }: Pick<ChaosReport, 'ways' | 'complaints'>): string[] {
  return [...ways.flatMap(violationsOn), ...summed('', complaints)];
}

/** What the run failed to show. */
export function weaknesses({ kills, killsBeforeAnswer, acknowledged }: ChaosReport, acknowledgedMin: number): string[] {
  const weak = [];
  if (kills >= KILLS_MIN && killsBeforeAnswer < kills * BEFORE_ANSWER_MIN)
    weak.push(`only ${killsBeforeAnswer} of ${kills} kills came between receipt and acknowledgement`);
  if (acknowledged < acknowledgedMin) weak.push(`only ${acknowledged} readings were acknowledged, wanted are ${acknowledgedMin}`);
  return weak;
}

function violationsOn({ name, isExactlyOnce, isOrdered = true, findings }: Way): string[] {
  return [
    ...summed(`lost ${name}: `, findings.lost),
    ...(isExactlyOnce ? summed(`QoS 2 more than once ${name}: `, findings.repeatedQos2) : []),
    ...(isOrdered ? summed(`out of order ${name}: `, findings.outOfOrder) : []),
    ...summed(`never published so, ${name}: `, findings.strange),
  ];
}

function summed(title: string, items: readonly string[]): string[] {
  if (items.length === 0) return [];
  if (title === '') return [...items.slice(0, SHOWN), ...(items.length > SHOWN ? [`... and ${items.length - SHOWN} more`] : [])];
  return [`${title}${items.length} (${items.slice(0, SHOWN).join(' ')}${items.length > SHOWN ? ' ...' : ''})`];
}

/** For people. */
export function summary(report: ChaosReport): string {
  const { centre, bridgeQos, seed, seconds, kills, killsBeforeAnswer, acknowledged, disturbances, ways, batches } = report;
  const share = kills === 0 ? 0 : Math.round((100 * killsBeforeAnswer) / kills);
  return [
    `centre ${centre}, bridge at QoS ${bridgeQos}, seed ${seed}: ${Math.round(seconds)} s`,
    `  kills                     ${kills}, of which between receipt and acknowledgement ${killsBeforeAnswer} (${share} %)`,
    `  centre                    ${disturbances.centreDown} times down, link ${disturbances.cuts} times cut, ${disturbances.silences} times silent`,
    `  acknowledged              ${acknowledged} readings, ${report.commandsAcknowledged} commands to sensors`,
    `  publishers                sensors connected anew ${report.sensorReconnects} times; mosquitto_pub ${batches.acknowledged} batches, ${batches.unknown} cut short`,
    ...ways.map(wayLine),
    `  state after kills         ${report.complaints.length} differences`,
    ...violations(report).map((line) => `  VIOLATION ${line}`),
    '',
  ].join('\n');
}

export function wayLine({ name, isExactlyOnce, findings }: Way): string {
  const { lost, duplicates, outOfOrder, strange } = findings;
  const allowed = isExactlyOnce ? '' : ' (allowed here)';
  return `  ${name}: lost ${lost.length}, repeated QoS 1 ${duplicates[1]} (allowed), QoS 2 ${duplicates[2]}${allowed}, out of order ${outOfOrder.length}, strange ${strange.length}`;
}
