// Figures of a process, from /proc.

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** Resident memory in MB (10^6 bytes). */
export function residentMB(pid: number): number {
  return memoryMB(pid, /^VmRSS:\s+(\d+) kB$/m);
}

/** The most that was ever resident, in MB. */
export function peakResidentMB(pid: number): number {
  return memoryMB(pid, /^VmHWM:\s+(\d+) kB$/m);
}

function memoryMB(pid: number, line: RegExp): number {
  const kib = line.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  if (kib === undefined) throw new Error(`process ${pid} has ended`);
  return (Number(kib) * 1024) / 1e6;
}

/**
 * Seconds of user and system CPU the process has had, threads that ended included. Counted in clock ticks of 10 ms: for starts, not for
 * messages.
 */
export function cpuSeconds(pid: number): number {
  const [utime, stime] = cpuTicks(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  return (utime + stime) / ticksPerSecond();
}

/** Fields 14 and 15 of proc_pid_stat(5). The second field, the name in parentheses, may itself contain blanks and parentheses. */
export function cpuTicks(stat: string): readonly [utime: number, stime: number] {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return [Number(fields[11]), Number(fields[12])];
}

function ticksPerSecond(): number {
  return Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
}

/** The processors this process may use. */
export function allowedCores(): number[] {
  const list = /^Cpus_allowed_list:\s+(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '';
  return parseCoreList(list);
}

/** `0-2,5` → 0, 1, 2, 5. */
export function parseCoreList(list: string): number[] {
  return list.split(',').flatMap((part) => {
    const [first = 0, last = first] = part.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

/** Nanoseconds of CPU all living threads of the process have had: the first field of schedstat, finer than the ticks of /proc/PID/stat. */
export function cpuNanoseconds(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => sum + threadNanoseconds(`/proc/${pid}/task/${thread}/schedstat`), 0);
}

function threadNanoseconds(path: string): number {
  try {
    return Number(readFileSync(path, 'utf8').split(' ')[0]);
  } catch {
    return 0; // the thread ended while the directory was read
  }
}
