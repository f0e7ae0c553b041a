// Figures as people read them.
import type { Spread } from './statistics.ts';

const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const precise = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 3, useGrouping: false });

export function count(value: number): string {
  return grouped.format(value);
}

/** Three significant digits. */
export function short(value: number): string {
  return Math.abs(value) >= 1000 ? count(value) : precise.format(value);
}

export function ratio(value: number): string {
  return `${value.toFixed(2)}x`;
}

/** `3.10x (2.95 to 3.20)`: median and quartiles. */
export function ratioSpread({ median, lowerQuartile, upperQuartile }: Spread): string {
  return `${ratio(median)} (${lowerQuartile.toFixed(2)} to ${upperQuartile.toFixed(2)})`;
}

export function range({ least, most }: Spread): string {
  return `${least.toFixed(2)} to ${most.toFixed(2)}`;
}
