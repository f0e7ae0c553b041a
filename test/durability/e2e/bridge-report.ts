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
  readonly ways: readonly Way[];
  readonly complaints: readonly string[];
}

/** For people. */
export function bridgeSummary(report: BridgeReport): string {
  const { centre, bridgeQos, seed, seconds, counts, acknowledged, ways } = report;
  return [
    `centre ${centre}, bridge at QoS ${bridgeQos}, seed ${seed}: ${Math.round(seconds)} s`,
    `  kills                     ${counts.gateway} of the gateway, ${counts.centre} of the centre; link ${counts.cuts} times cut, ${counts.silences} times silent`,
    `  acknowledged              ${acknowledged.readings} readings, ${acknowledged.commands} commands`,
    ...ways.map(wayLine),
    ...violations(report).map((line) => `  VIOLATION ${line}`),
    '',
  ].join('\n');
}

/** What the run failed to show. */
export function bridgeWeaknesses({ counts, acknowledged }: BridgeReport, acknowledgedPerKillMin: number): string[] {
  const min = (counts.gateway + counts.centre) * acknowledgedPerKillMin;
  return Object.entries(acknowledged).flatMap(([what, count]) => (count < min ? [`only ${count} ${what} were acknowledged, wanted are ${min}`] : []));
}
