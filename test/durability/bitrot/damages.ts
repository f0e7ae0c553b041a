// What a disk does to a file it does not lose: bits that turn, sectors of zeros, of something else, or of each other, ends that are cut off.
import type { Draws } from '../../support/store-workload.ts';

export interface Damage {
  readonly name: DamageName;
  readonly bytes: Buffer;
  /** Where `bytes` are not what they were, ends not included. */
  readonly hit: readonly HitRange[];
}

export interface HitRange {
  readonly start: number;
  readonly end: number;
}

const SECTOR_BYTES = 512;
const BLOCK_BYTES = 4096;

export const DAMAGES = ['bit', 'byte', 'zeroed sector', 'zeroed block', 'foreign sector', 'swapped sectors', 'cut', 'cut by a few bytes'] as const;
export type DamageName = (typeof DAMAGES)[number];

/** Bits turn more often than sectors go. */
const WEIGHED: readonly DamageName[] = [...DAMAGES, 'bit', 'bit', 'bit', 'bit'];

export function damaged(intact: Buffer, draws: Draws): Damage {
  const name = draws.pick(WEIGHED) ?? 'bit';
  const changed = change(Buffer.from(intact), name, draws);
  return { name, bytes: changed, hit: differences(intact, changed) };
}

function change(bytes: Buffer, name: DamageName, draws: Draws): Buffer {
  const at = draws.below(bytes.length);
  const sector = at - (at % SECTOR_BYTES);
  switch (name) {
    case 'bit':
      bytes[at] = (bytes[at] ?? 0) ^ (1 << draws.below(8));
      return bytes;
    case 'byte':
      bytes[at] = draws.below(256);
      return bytes;
    case 'zeroed sector':
      return overwritten(bytes, sector, SECTOR_BYTES, '\0');
    case 'zeroed block':
      return overwritten(bytes, at - (at % BLOCK_BYTES), BLOCK_BYTES, '\0');
    case 'foreign sector':
      return overwritten(bytes, sector, SECTOR_BYTES, 'something else ');
    case 'swapped sectors':
      return swapped(bytes, sector, draws);
    case 'cut':
      return bytes.subarray(0, at);
    case 'cut by a few bytes':
      return bytes.subarray(0, Math.max(0, bytes.length - 1 - draws.below(2 * SECTOR_BYTES)));
  }
}

function overwritten(bytes: Buffer, start: number, length: number, filler: string): Buffer {
  bytes.subarray(start, start + length).fill(filler);
  return bytes;
}

function swapped(bytes: Buffer, sector: number, draws: Draws): Buffer {
  const sectors = Math.floor(bytes.length / SECTOR_BYTES);
  const other = draws.below(sectors) * SECTOR_BYTES;
  const length = Math.min(SECTOR_BYTES, bytes.length - sector);
  const kept = Buffer.from(bytes.subarray(sector, sector + length));
  bytes.copy(bytes, sector, other, other + length);
  kept.copy(bytes, other);
  return bytes;
}

function differences(before: Buffer, after: Buffer): HitRange[] {
  const hit: HitRange[] = [];
  let start = -1;
  for (let at = 0; at <= before.length; at += 1) {
    const differs = at < before.length && before[at] !== after[at];
    if (differs && start < 0) start = at;
    if (!differs && start >= 0) {
      hit.push({ start, end: at });
      start = -1;
    }
  }
  return hit;
}
