import { describe, expect, test } from 'vitest';
import { backupCommands } from '../../../src/control/backup-commands.ts';
import type { BackupProgress } from '../../../src/model/backup.ts';
import { GatewayError } from '../../../src/model/errors.ts';
import { CONTROL_TIMEOUT_MS } from '../../../src/model/limits.ts';

const RUNNING: BackupProgress = { state: 'running', pages: 0, pagesLeft: 0 };
const FAILED: BackupProgress = { state: 'failed', code: 'STORE_UNAVAILABLE', message: 'the disk is full' };

/** A process whose backup fails once somebody has waited for it. */
function commands() {
  const begun: boolean[] = [];
  const waits: number[] = [];
  let progress: BackupProgress = { state: 'none' };
  const table = backupCommands({
    backUp: (withSecrets) => {
      if (progress.state === 'running') throw new GatewayError('LIMIT_EXCEEDED', 'another backup is being made: wait for it');
      begun.push(withSecrets);
      progress = RUNNING;
    },
    backups: {
      progress: () => progress,
      finished: async (withinMs) => {
        waits.push(withinMs);
        progress = FAILED;
      },
    },
  });
  return { begun, waits, run: (name: string, parameters = {}) => table[name]?.run(parameters) };
}

describe('backup.start', () => {
  test.each([
    [{}, false],
    [{ withSecrets: false }, false],
    [{ withSecrets: true }, true],
  ])('with %j', (parameters, withSecrets) => {
    const { run, begun } = commands();
    expect([run('backup.start', parameters), begun]).toEqual([RUNNING, [withSecrets]]);
  });

  test('one at a time', () => {
    const { run } = commands();
    run('backup.start');
    expect(() => run('backup.start')).toThrow('another backup is being made');
  });

  test('takes no word for yes', () => {
    expect(() => commands().run('backup.start', { withSecrets: 'yes' })).toThrow('"withSecrets" must be true or false');
  });
});

describe('backup.status', () => {
  test('answers at once, or waits, but not for longer than who asks', async () => {
    const { run, waits } = commands();
    expect(await run('backup.status')).toEqual({ state: 'none' });
    run('backup.start');
    expect(await run('backup.status')).toEqual(RUNNING);
    expect(waits).toEqual([]);
    expect(await run('backup.status', { isToWait: true })).toEqual(FAILED);
    expect(waits).toEqual([CONTROL_TIMEOUT_MS / 2]);
  });
});
