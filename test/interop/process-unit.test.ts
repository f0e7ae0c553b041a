// systemd/postern.service as systemd itself judges it.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { RUNTIME_OPTIONS } from '../../scripts/runtime-options.ts';
import { SHUTDOWN_TIMEOUT_MS } from '../../src/model/limits.ts';
import { describeWithPeers, peer } from '../support/peers.ts';
import { temporaryDirectory } from '../support/postern-process.ts';

const UNIT = readFileSync('systemd/postern.service', 'utf8');
/** Tenths of systemd's exposure level; the unit has 1.3 in systemd 252. */
const EXPOSURE_MAX = 15;

/** The unit with a program that exists here. */
function analyze(command: readonly string[], unit = UNIT): { readonly status: number | null; readonly output: string } {
  const path = join(temporaryDirectory(), 'postern.service');
  writeFileSync(path, unit.replace('/usr/bin/postern', process.execPath));
  const { status, stdout, stderr } = spawnSync(peer('systemd-analyze'), [...command, path], { encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

const SECURITY = ['security', '--offline=true', `--threshold=${EXPOSURE_MAX}`, '--no-pager'];

describeWithPeers(['systemd-analyze'], 'systemd/postern.service', () => {
  test('systemd-analyze verify has nothing to say', () => {
    expect(analyze(['verify'])).toEqual({ status: 0, output: '' });
  });

  test('systemd-analyze verify sees a misspelt directive', () => {
    expect(analyze(['verify'], UNIT.replace('WatchdogSec', 'WatchDogSecs')).output).toContain('WatchDogSecs');
  });

  test('systemd-analyze security', () => {
    expect(analyze(SECURITY)).toMatchObject({ status: 0 });
  });

  test.each([
    ['a user of its own', /^DynamicUser=.*\n/gm],
    ['its system call filter', /^SystemCallFilter=.*\n/gm],
    ['its view of a read-only system', /^Protect\w+=.*\n/gm],
  ])('without %s it would be too exposed', (_, lines) => {
    expect(analyze(SECURITY, UNIT.replace(lines, ''))).toMatchObject({ status: 1 });
  });

  test('systemd waits longer than the gateway takes to stop', () => {
    const [, seconds] = /^TimeoutStopSec=(\d+)s$/m.exec(UNIT) ?? [];
    expect(Number(seconds) * 1_000).toBeGreaterThan(SHUTDOWN_TIMEOUT_MS);
  });

  test('it runs Node.js as `npm start` does, with options that may stand in the environment', () => {
    const options = RUNTIME_OPTIONS.join(' ');
    expect(UNIT).toContain(`\nEnvironment="NODE_OPTIONS=${options}"\n`);
    expect(spawnSync(process.execPath, ['--eval', ''], { env: { NODE_OPTIONS: options } })).toMatchObject({ status: 0 });
  });
});
