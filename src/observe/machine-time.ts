import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import type { MachineTime } from '../model/clock.ts';

const BOOT_ID = '/proc/sys/kernel/random/boot_id';
/** 48 bits: exact as a number. */
const HEX_DIGITS = 12;

/** Undefined where the kernel does not name its boots. */
export function machineTime(path = BOOT_ID): MachineTime | undefined {
  const bootId = Number.parseInt(readBootId(path).replaceAll('-', '').slice(0, HEX_DIGITS), 16);
  return Number.isNaN(bootId) ? undefined : { bootId, uptimeMs: () => uptime() * 1_000 };
}

function readBootId(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
