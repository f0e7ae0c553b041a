// What the wall clock was when something happened, told afterwards. A message carries gateway time, which is monotonic over boots: it says in which boot
// the message came and how far into it. Where the wall clock stood to gateway time is kept beside it, boot by boot, step by step; so that a reading
// taken on a board whose clock was set an hour later has its true time as soon as that hour is over.
import type { GatewayMs } from '../model/clock.ts';
import type { Reception } from '../model/reception.ts';

/** From `fromMs` on the wall clock was `offsetMs` ahead of gateway time. */
export interface WallSpan {
  readonly fromMs: GatewayMs;
  readonly offsetMs: number;
  readonly isSynchronized: boolean;
}

/** One boot: never without a span; later ones begin later. */
export interface BootTimes {
  readonly boot: number;
  readonly startedMs: GatewayMs;
  readonly spans: readonly WallSpan[];
}

/** @param boots - in the order they came. @returns undefined for a moment before the first of them. */
export function receptionAt(boots: readonly BootTimes[], atMs: GatewayMs): Reception | undefined {
  const times = boots.findLast(({ startedMs }) => startedMs <= atMs);
  if (times === undefined) return undefined;
  const { boot, startedMs, spans } = times;
  const index = spans.findLastIndex(({ fromMs }) => fromMs <= atMs);
  const isRightThen = spans[index]?.isSynchronized === true;
  const right = isRightThen ? spans[index] : nearestRight(spans, index);
  const certainty = isRightThen ? 'synchronized' : right === undefined ? 'unknown' : 'estimated';
  return { boot, uptimeMs: atMs - startedMs, certainty, wallMs: right && atMs + right.offsetMs };
}

/** The next time it was set right; if there was none, the last one before. */
function nearestRight(spans: readonly WallSpan[], index: number): WallSpan | undefined {
  const isRight = ({ isSynchronized }: WallSpan): boolean => isSynchronized;
  return spans.slice(index + 1).find(isRight) ?? spans.slice(0, Math.max(0, index)).findLast(isRight);
}
