import { violations, type Way, wayLine } from './report.ts';

export interface BridgeReport {
  readonly seed: number;
  readonly centre: string;
  readonly bridgeQos: 1 | 2;
  readonly seconds: number;
  /** Kills of the gateway and of the centre; breaks of the wire between them. */
  readonly counts: { readonly gateway: number; readonly centre: number; readonly cuts: number; readonly silences: number };
  /** What publishers at either end were told is safe. */
  readonly acknowledged: { readonly readings: number; readonly commands: number };
  /** Samples, of which the bridge's queue drops the oldest: missing at the centre, and reported there as lost. */
  readonly samples: { readonly acknowledged: number; readonly missing: number; readonly reported: number };
  readonly ways: readonly Way[];
  readonly complaints: readonly string[];
}

/** For people. */
export function bridgeSummary(report: BridgeReport): string {
  const { centre, bridgeQos, seed, seconds, counts, acknowledged, samples, ways } = report;
  return [
    `centre ${centre}, bridge at QoS ${bridgeQos}, seed ${seed}: ${Math.round(seconds)} s`,
    `  kills                     ${counts.gateway} of the gateway, ${counts.centre} of the centre; link ${counts.cuts} times cut, ${counts.silences} times silent`,
    `  acknowledged              ${acknowledged.readings} readings, ${acknowledged.commands} commands`,
    `  samples                   ${samples.acknowledged} acknowledged, ${samples.missing} missing at the centre, ${samples.reported} reported as lost`,
    ...ways.map(wayLine),
    ...violations(report).map((line) => `  VIOLATION ${line}`),
    '',
  ].join('\n');
}

/** What the run failed to show. */
export function bridgeWeaknesses({ counts, acknowledged, samples }: BridgeReport, acknowledgedPerKillMin: number): string[] {
  const min = (counts.gateway + counts.centre) * acknowledgedPerKillMin;
  const unlost = samples.missing === 0 ? ['no sample was dropped'] : [];
  const few = Object.entries(acknowledged).flatMap(([what, count]) => (count < min ? [`only ${count} ${what} were acknowledged, wanted are ${min}`] : []));
  return [...few, ...unlost];
}
