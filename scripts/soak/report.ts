// What a soak showed, as a table, and whether that is what was promised.
import type { Account } from './account.ts';
import { GROWTH_MB_MAX, GROWTH_SHARE_MAX, type MemoryTrend } from './memory.ts';

export interface SoakResult {
  readonly heading: readonly string[];
  readonly trend: MemoryTrend;
  readonly accounts: readonly Pick<Account, 'name' | 'sentCount' | 'acknowledgedCount' | 'receivedCount' | 'repeatedCount' | 'missing'>[];
  readonly counts: ReadonlyMap<string, number>;
  readonly complaints: readonly string[];
}

const MISSING_SHOWN = 10;

/** What was broken, one line each; empty: the soak has passed. */
export function violations({ trend, accounts, complaints }: SoakResult): string[] {
  const lost = accounts.flatMap((account) => {
    const missing = account.missing();
    return missing.length === 0 ? [] : [`${account.name}: ${missing.length} acknowledged and never received: ${missing.slice(0, MISSING_SHOWN).join(' ')}`];
  });
  const received = accounts.reduce((sum, account) => sum + account.receivedCount, 0);
  const idle = received === 0 ? ['nothing was received at all: the run shows nothing'] : [];
  const grown = trend.isFlat ? [] : [`memory grew by ${trend.growthMB.toFixed(1)} MB (${trend.slopeMBPerHour.toFixed(2)} MB an hour)`];
  return [...grown, ...lost, ...complaints, ...idle];
}

export function report(result: SoakResult): string {
  const { heading, trend, accounts, counts } = result;
  const total = (of: (account: SoakResult['accounts'][number]) => number): number => accounts.reduce((sum, account) => sum + of(account), 0);
  const bound = `at most ${GROWTH_MB_MAX} MB, or ${GROWTH_SHARE_MAX * 100} % of the median`;
  const rows: [string, string][] = [
    ['resident memory, median and most', `${trend.medianMB.toFixed(1)} MB, ${trend.mostMB.toFixed(1)} MB (${trend.samples} samples after the warm-up)`],
    ['growth of its lowest points', `${trend.growthMB.toFixed(1)} MB, ${trend.slopeMBPerHour.toFixed(2)} MB an hour (${bound})`],
    ['its lowest points, MB', trend.lowestMB.map((megabytes) => megabytes.toFixed(0)).join(' ')],
    ['owed messages: acknowledged', `${total((account) => account.acknowledgedCount)} of ${total((account) => account.sentCount)}`],
    ['owed messages: received', `${total((account) => account.receivedCount)}, and ${total((account) => account.repeatedCount)} copies`],
    ['owed messages: lost', `${total((account) => account.missing().length)}`],
    ...[...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]): [string, string] => [name, `${value}`]),
  ];
  const broken = violations(result);
  const table = `| | |\n| --- | --- |\n${rows.map(([name, value]) => `| ${name} | ${value} |\n`).join('')}`;
  const lines = broken.map((violation) => `VIOLATION ${violation}\n`).join('');
  return `${heading.map((line) => `- ${line}\n`).join('')}\n${table}\n${lines}${broken.length === 0 ? 'PASSED' : 'FAILED'}\n`;
}
