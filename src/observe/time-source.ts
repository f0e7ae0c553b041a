// Whether the wall clock of this machine is right, asked of those who keep it.
import { execFile } from 'node:child_process';

/** Made by systemd-timesyncd when it has set the clock, on a file system that a reboot empties. */
const TIMESYNC_MARK = '/run/systemd/timesync/synchronized';
const TIMEDATECTL = '/usr/bin/timedatectl';
const CHRONYC = '/usr/bin/chronyc';
const ASK_TIMEOUT_MS = 1_000;

/** How the machine is asked whether its wall clock is right. */
export interface TimeSource {
  /** Path of a file that is written when the clock has been set. */
  readonly mark: string;
  readonly ask: () => Promise<boolean>;
}

export const MACHINE: TimeSource = {
  mark: TIMESYNC_MARK,
  ask: async () =>
    (await answerOf(TIMEDATECTL, 'show', '--property=NTPSynchronized', '--value')) === 'yes' || isKeptByChrony(await answerOf(CHRONYC, '-n', '-c', 'tracking')),
};

const LOCAL_REFERENCE = '7F7F0101';

/**
 * The kernel's flag, which timedatectl tells, is cleared by timesyncd and ntpd, but by chronyd only where it has `rtcsync`.
 *
 * @param tracking - the line of `chronyc -c tracking`: what the clock follows comes first, the leap status last.
 */
export function isKeptByChrony(tracking: string | undefined): boolean {
  if (tracking === undefined || tracking === '') return false;
  const fields = tracking.split(',');
  return fields[0] !== LOCAL_REFERENCE && fields.length > 2 && fields.at(-1) !== 'Not synchronised';
}

/** Undefined where the program is not there, or fails. */
function answerOf(program: string, ...args: string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: ASK_TIMEOUT_MS }, (error, output) => resolve(error === null ? output.trim() : undefined));
  });
}
