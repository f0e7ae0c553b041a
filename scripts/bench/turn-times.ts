// The turns of a server that ran with test/support/turn-times.c: what others wait for, in CPU time, whatever else the machine does.
import { existsSync, readFileSync } from 'node:fs';

export interface Turn {
  /** On the clock of `process.hrtime`. */
  readonly beganUs: number;
  readonly tookUs: number;
}

/** A stretch of time, on the clock of `process.hrtime`. */
export interface Span {
  readonly fromUs: number;
  readonly toUs: number;
}

export function nowUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

/** The environment that has them written to `file` when the server ends. */
export function turnTimesTo(file: string, library: string): Readonly<Record<string, string>> {
  return { LD_PRELOAD: library, TURN_TIMES: file };
}

/** None when the server writes none: another subject may not poll like Node.js. */
export function readTurns(file: string): readonly Turn[] {
  if (!existsSync(file)) return [];
  return turnsIn(readFileSync(file, 'utf8'));
}

export function turnsIn(text: string): readonly Turn[] {
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const [beganUs = Number.NaN, tookUs = Number.NaN] = line.split(' ').map(Number);
    return { beganUs, tookUs };
  });
}

export function within(turns: readonly Turn[], spans: readonly Span[]): readonly Turn[] {
  return turns.filter(({ beganUs }) => spans.some(({ fromUs, toUs }) => beganUs >= fromUs && beganUs <= toUs));
}

/**
 * What who comes at any moment of these turns still waits until the one at hand is over: 1 - `share` of them longer.
 *
 * @returns microseconds, to the nearest.
 */
export function restOfTurnUs(turns: readonly Turn[], share: number): number {
  const wholeUs = turns.reduce((sum, { tookUs }) => sum + tookUs, 0);
  let low = 0;
  let high = turns.reduce((longest, { tookUs }) => Math.max(longest, tookUs), 0);
  while (high - low > 0.5) {
    const middle = (low + high) / 2;
    const longerUs = turns.reduce((sum, { tookUs }) => sum + Math.max(0, tookUs - middle), 0);
    if (longerUs > wholeUs * (1 - share)) low = middle;
    else high = middle;
  }
  return Math.round(high);
}
