// When a metered link may be used: times of day, each from a minute to another one, over midnight too.

const MINUTES_PER_DAY = 1_440;
const WRITTEN = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/;

/** Minutes since midnight; `from` is in it, `to` is not. The whole day when they are equal. */
export interface TimeWindow {
  readonly from: number;
  readonly to: number;
}

/** @param written - `22:00-06:30`. @returns undefined when it is not that. */
export function timeWindow(written: string): TimeWindow | undefined {
  const [, fromHour, fromMinute, toHour, toMinute] = WRITTEN.exec(written) ?? [];
  if (fromHour === undefined) return undefined;
  return { from: Number(fromHour) * 60 + Number(fromMinute), to: Number(toHour) * 60 + Number(toMinute) };
}

export function isInside({ from, to }: TimeWindow, minute: number): boolean {
  return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}

/** From that minute until one of the windows begins or ends, in whole minutes; at least 1. */
export function minutesToNextEdge(windows: readonly TimeWindow[], minute: number): number {
  const edges = windows.flatMap(({ from, to }) => [from, to]);
  return Math.min(MINUTES_PER_DAY, ...edges.map((edge) => (edge - minute + MINUTES_PER_DAY) % MINUTES_PER_DAY || MINUTES_PER_DAY));
}
