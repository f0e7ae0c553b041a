/** What a figure has to reach. */
export interface Floor {
  readonly bound: 'at least' | 'at most';
  readonly value: number;
  /** As printed behind the value: `x`, ` MB`, ` s`. */
  readonly unit: string;
}

export type Verdict = 'PASS' | 'MISS';

export function verdict(figure: number, floor: Floor): Verdict {
  const isMet = floor.bound === 'at least' ? figure >= floor.value : figure <= floor.value;
  return isMet ? 'PASS' : 'MISS';
}

export function floorText({ bound, value, unit }: Floor): string {
  return `${bound === 'at least' ? '≥' : '≤'} ${value}${unit}`;
}

/** At least `value` times as good as the other. */
export function timesBetter(value: number): Floor {
  return { bound: 'at least', value, unit: 'x' };
}

/** At most `value` times the cost of the other. */
export function timesTheCost(value: number): Floor {
  return { bound: 'at most', value, unit: 'x' };
}
