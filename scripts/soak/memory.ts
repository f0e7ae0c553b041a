// Whether memory is flat. The resident size of a program with a garbage collector is a saw: its teeth say nothing, the line below them does.

/** The resident size at one moment. */
export interface Sample {
  /** Since the start of the run. */
  readonly seconds: number;
  readonly megabytes: number;
}

export interface MemoryTrend {
  /** After the warm-up. */
  readonly samples: number;
  readonly medianMB: number;
  readonly mostMB: number;
  readonly slopeMBPerHour: number;
  /** What the slope comes to over the measured time. */
  readonly growthMB: number;
  readonly isFlat: boolean;
  /** The lowest points, in order. */
  readonly lowestMB: readonly number[];
}

/** The beginning of a run fills caches, pools and the code that is compiled when it is hot, and the heap grows to what suits the load. */
const WARMUP_SHARE = 0.2;
const WARMUP_SECONDS_MIN = 300;
/** A short run keeps this for the line. */
const MEASURED_SHARE_MIN = 0.4;
/** The saw is cut into so many pieces, of each the lowest point counts. */
const PIECES = 24;
/** A line through the lowest points may rise by so much from its one end to the other, or by this share of the median if that is more. */
export const GROWTH_MB_MAX = 5;
export const GROWTH_SHARE_MAX = 0.05;

/** @throws RangeError - fewer samples than a line needs. */
export function memoryTrend(all: readonly Sample[]): MemoryTrend {
  const samples = all.filter(({ seconds }) => seconds >= warmupSeconds(all.at(-1)?.seconds ?? 0));
  const lowest = lowestOfPieces(samples);
  const [first, last] = [lowest.at(0), lowest.at(-1)];
  if (first === undefined || last === undefined || lowest.length < 3)
    throw new RangeError(`${all.length} samples of memory are too few to draw a line through`);
  const slope = theilSen(lowest);
  const growthMB = slope * (last.seconds - first.seconds);
  const medianMB = middle(samples.map(({ megabytes }) => megabytes));
  return {
    samples: samples.length,
    medianMB,
    mostMB: Math.max(...samples.map(({ megabytes }) => megabytes)),
    slopeMBPerHour: slope * 3600,
    growthMB,
    lowestMB: lowest.map(({ megabytes }) => megabytes),
    isFlat: growthMB <= Math.max(GROWTH_MB_MAX, GROWTH_SHARE_MAX * medianMB),
  };
}

function warmupSeconds(total: number): number {
  return Math.max(WARMUP_SHARE * total, Math.min(WARMUP_SECONDS_MIN, (1 - MEASURED_SHARE_MIN) * total));
}

function lowestOfPieces(samples: readonly Sample[]): Sample[] {
  const size = Math.max(1, Math.ceil(samples.length / PIECES));
  const lowest: Sample[] = [];
  for (let at = 0; at < samples.length; at += size) {
    lowest.push(samples.slice(at, at + size).reduce((least, sample) => (sample.megabytes < least.megabytes ? sample : least)));
  }
  return lowest;
}

/** The median of the slopes between all pairs (Theil and Sen): a third of the points may be anything without turning the line. */
function theilSen(points: readonly Sample[]): number {
  const slopes = points.flatMap((from, index) =>
    points.slice(index + 1).map((to) => (to.megabytes - from.megabytes) / Math.max(to.seconds - from.seconds, Number.EPSILON)),
  );
  return middle(slopes);
}

function middle(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? 0;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? upper;
  return (upper + lower) / 2;
}
