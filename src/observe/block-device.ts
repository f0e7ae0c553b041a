// The block device below a directory, as /sys shows it: what was written to it, and what it says of its own life.
import { readFileSync, realpathSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { WearCounters } from '../model/wear.ts';

/** The unit of /sys/block/DEVICE/stat, whatever the device's own is. */
const SECTOR_BYTES = 512;
/** Place of "write sectors" in that line (Documentation/block/stat.rst). */
const SECTORS_WRITTEN = 6;
const PRE_END_OF_LIFE = { '0x01': 'normal', '0x02': 'warning', '0x03': 'urgent' } as const;

/** What an eMMC says of itself (JEDEC 84-B50, DEVICE_LIFE_TIME_EST and PRE_EOL_INFO). */
export interface DeviceHealth {
  /** Upper bound of the share of its life that is used, in tenths; 11: more than all of it. */
  readonly usedTenths: number;
  readonly reserve: (typeof PRE_END_OF_LIFE)[keyof typeof PRE_END_OF_LIFE] | 'unknown';
}

/** The whole disk: a partition wears the same flash as its neighbours. */
export class BlockDevice {
  /** `mmcblk0`. */
  readonly name: string;
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
    this.name = basename(directory);
  }

  /** Undefined where there is none: tmpfs, overlays, network file systems. */
  static below(path: string, sys = '/sys'): BlockDevice | undefined {
    const directory = resolved(join(sys, 'dev/block', deviceNumber(nearest(resolve(path)).dev)));
    if (directory === undefined) return undefined;
    return new BlockDevice(contents(join(directory, 'partition')) === undefined ? directory : dirname(directory));
  }

  bytesWritten(): number | undefined {
    const sectors = Number(contents(join(this.#directory, 'stat'))?.split(/\s+/)[SECTORS_WRITTEN]);
    return Number.isFinite(sectors) ? sectors * SECTOR_BYTES : undefined;
  }

  /** Undefined for devices that do not tell: SD cards, most of them. */
  health(): DeviceHealth | undefined {
    const lifeTime = contents(join(this.#directory, 'device/life_time'));
    if (lifeTime === undefined) return undefined;
    const usedTenths = Math.max(...lifeTime.split(/\s+/).map(Number));
    const reserve = contents(join(this.#directory, 'device/pre_eol_info'));
    return { usedTenths, reserve: Object.entries(PRE_END_OF_LIFE).find(([code]) => code === reserve)?.[1] ?? 'unknown' };
  }
}

export function wearCounters(device: BlockDevice | undefined, io = '/proc/self/io'): WearCounters {
  return {
    deviceBytes: () => device?.bytesWritten(),
    processBytes: () => {
      const written = /^write_bytes: (\d+)$/m.exec(contents(io) ?? '')?.[1];
      return written === undefined ? undefined : Number(written);
    },
  };
}

/** The path itself, or what it will lie in. */
function nearest(path: string): Stats {
  return statSync(path, { throwIfNoEntry: false }) ?? nearest(dirname(path));
}

/** As `dev_t` has it: 12 and 20 bits, the minor in two parts. */
function deviceNumber(dev: number): string {
  const number = BigInt(dev);
  const major = (number >> 8n) & 0xfffn;
  const minor = (number & 0xffn) | ((number >> 12n) & 0xfff00n);
  return `${major}:${minor}`;
}

function resolved(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

function contents(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}
