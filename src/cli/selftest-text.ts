import type { FlushFacts, NumbersFound } from '../model/selftest.ts';
import { harmless } from '../observe/text-line.ts';

export interface Verdict {
  /** Acknowledged numbers that are not there. */
  readonly lost: number;
  /** Nothing is lost or damaged. */
  readonly isKept: boolean;
}

export function verdictOf({ last, holes, damage }: NumbersFound, acknowledged: number): Verdict {
  const lost = Math.max(0, acknowledged - last) + holes;
  return { lost, isKept: lost === 0 && damage.length === 0 };
}

export function beginText(
  { run, flush }: { readonly run: string; readonly flush: FlushFacts },
  { scratch, reportTo }: { readonly scratch: string; readonly reportTo: string | undefined },
): string {
  return told([
    `run ${run} writes to ${scratch}${reportTo === undefined ? '' : ` and tells ${reportTo}`}`,
    ...flushLines(flush),
    'Pull the plug whenever you like, and remember the last number you read. When the board is up again:',
    reportTo === undefined ? '  postern selftest --power-loss --verify NUMBER' : '  postern selftest --power-loss --heard FILE, with the file of the receiver',
  ]);
}

export function foundText(found: NumbersFound, { acknowledged, verdict, scratch }: { acknowledged: number; verdict: Verdict; scratch: string }): string {
  const { run, startedAtMs, last, holes, damage, flush, sync } = found;
  return told([
    `run ${run} of ${new Date(startedAtMs).toISOString()}: ${acknowledged} acknowledged, found up to ${last}`,
    ...flushLines(flush),
    ...(sync.syncMsMax > 0 ? [`syncs of commits took ${sync.syncMsMedian} ms (median), ${sync.syncMsMax} ms at most`] : []),
    ...(holes > 0 ? [`${holes} numbers before the last one are missing`] : []),
    ...damage,
    ...conclusion(verdict, { flush, scratch }),
  ]);
}

function conclusion({ lost, isKept }: Verdict, { flush, scratch }: { readonly flush: FlushFacts; readonly scratch: string }): string[] {
  if (isKept && flush.doubts.length === 0) return ['lost 0: what was acknowledged is there. Once more, or ten times: a card that lies does not always lose'];
  if (isKept) return ['lost 0, but see above: this run proves nothing'];
  return [
    lost > 0 ? `lost ${lost}: the disk said that these were written, and they were not` : 'lost 0, but what was flushed is damaged',
    'Its flushes cannot be trusted (a card that lies, a mount without barriers, a virtual disk that caches): no software on it keeps a promise.',
    `What is left lies in ${scratch}; postern selftest --power-loss --clean removes it.`,
  ];
}

function flushLines({ smallMs, mibPerSecond, filesystem, cache, doubts }: FlushFacts): string[] {
  const told = cache === '' ? '' : `, the disk says ${cache}`;
  return [
    `a flush takes ${smallMs.toFixed(3)} ms, large ones come to ${Math.round(mibPerSecond)} MiB/s (${filesystem}${told})`,
    ...doubts.map((doubt) => `DOUBTFUL: ${doubt}`),
  ];
}

function told(lines: readonly string[]): string {
  return lines.map((line) => `${harmless(line)}\n`).join('');
}
