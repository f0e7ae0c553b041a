// `postern import mosquitto`: what it writes, what it leaves alone, and how it ends.
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { EXIT } from '../../../src/cli/exit-codes.ts';
import { run } from '../../../src/cli/program.ts';
import type { Surroundings } from '../../../src/cli/surroundings.ts';
import { temporaryDirectory } from '../../support/postern-process.ts';

const HASH = '$7$101$xfNHK7pOWA5QHBGW$rBjitkhHbWwTVTj167Nudorhc74YZ+wBL3y+mVS4fX9bnGimqG68hHGVIkXG/2/rEe5hoJBP7we3FVz7p82lCQ==';
const SECRETS = ['hunter2', 'xfNHK7pOWA5QHBGW', '00112233445566778899'];

let directory: string;
let told: { out: string; error: string };
let problems: readonly string[];

beforeEach(() => {
  directory = temporaryDirectory();
  told = { out: '', error: '' };
  problems = [];
});

function write(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text.replaceAll('DIR', directory));
  return path;
}

function imports(conf: string, ...more: readonly string[]): Promise<number> {
  const file = write('mosquitto.conf', conf);
  const surroundings = {
    hostname: 'board',
    environment: {},
    write: (text: string) => {
      told.out += text;
    },
    complain: (text: string) => {
      told.error += text;
    },
    fileProblems: async () => problems,
  } as unknown as Surroundings;
  return run(['import', 'mosquitto', file, '--output', join(directory, 'out/postern.yaml'), ...more], surroundings);
}

const written = (): string[] => readdirSync(join(directory, 'out')).sort();

const ALL = [
  'listener 8883',
  'psk_hint garden',
  'psk_file DIR/psk',
  'password_file DIR/passwords',
  'acl_file DIR/acl',
  'log_dest syslog',
  'plugin_opt_password hunter2',
  'connection centre',
  'address centre.example:1883',
  'topic # out 1',
  'remote_username garden',
  'remote_password hunter2',
  'bridge_identity garden',
  'bridge_psk 00112233445566778899',
].join('\n');

function writeAll(): void {
  mkdirSync(join(directory, 'out'));
  write('psk', 'valve:00112233445566778899\n');
  write('passwords', `ada:${HASH}\nbob:hunter2\n`);
  write('acl', 'user ada\ntopic #\n');
}

describe('what is written', () => {
  beforeEach(writeAll);

  test('lies beside the configuration, for its owner alone, and no secret is shown or in it', async () => {
    expect(await imports(ALL)).toBe(EXIT.ok);
    expect(written()).toStrictEqual(['access.acl', 'bridge-centre.password', 'bridge-centre.psk', 'postern.yaml', 'psk', 'users.json']);
    for (const name of written()) expect(statSync(join(directory, 'out', name)).mode & 0o777).toBe(0o600);
    const yaml = readFileSync(join(directory, 'out/postern.yaml'), 'utf8');
    for (const secret of SECRETS) expect(told.out + told.error + yaml).not.toContain(secret);
    expect(readFileSync(join(directory, 'out/bridge-centre.password'), 'utf8')).toBe('hunter2\n');
  });

  test('every line without an equivalent is listed', async () => {
    await imports(ALL);
    const conf = join(directory, 'mosquitto.conf');
    expect(told.out).toContain(`${conf}:6: log_dest: no equivalent: the log goes to standard error, for the service manager to keep\n`);
    expect(told.out).toContain(`${conf}:7: plugin_opt_password: no equivalent: it is for a plugin\n`);
    expect(told.out).toContain(`${join(directory, 'passwords')}:2: user: no equivalent: the password is no hash of mosquitto_passwd: this user is left out\n`);
    expect(told.out).toContain('3 no equivalent, 1 differs, 0 not needed; every other line has its equivalent\n');
  });

  test.each(['postern.yaml', 'users.json', 'psk'])('never over a %s that exists', async (name) => {
    write(`out/${name}`, 'mine');
    expect(await imports(ALL)).toBe(EXIT.cannotCreate);
    expect(told.error).toMatch(/exists: choose another --output, or --force to replace it; nothing was written\n$/);
    expect(written()).toStrictEqual([name]);
    expect(readFileSync(join(directory, 'out', name), 'utf8')).toBe('mine');
  });

  test('over what exists when it is asked for', async () => {
    write('out/postern.yaml', 'mine');
    expect(await imports(ALL, '--force')).toBe(EXIT.ok);
    expect(readFileSync(join(directory, 'out/postern.yaml'), 'utf8')).toMatch(/^# Made by postern import mosquitto of .*mosquitto\.conf\.\n/);
  });

  test('not in a dry run', async () => {
    expect(await imports(ALL, '--dry-run')).toBe(EXIT.ok);
    expect(told.out).toContain('log_dest');
    expect(written()).toStrictEqual([]);
  });

  test('not under the name of one of its own files', async () => {
    expect(await imports(ALL, '--output', join(directory, 'out/users.json'), '--force')).toBe(EXIT.cannotCreate);
    expect(written()).toStrictEqual([]);
  });

  test('strictly only when nothing is lost and nothing differs', async () => {
    expect(await imports(ALL, '--strict')).toBe(EXIT.dataError);
    expect(written()).toStrictEqual([]);
    expect(await imports('listener 1883\nuser mosquitto\nallow_anonymous true\n', '--strict')).toBe(EXIT.ok);
    expect(written()).toStrictEqual(['postern.yaml']);
  });
});

describe('nothing is written', () => {
  beforeEach(writeAll);

  test('of a file that Mosquitto would refuse', async () => {
    expect(await imports('listener 1883\nmax_keepalive hunter2\n')).toBe(EXIT.dataError);
    expect(told.error).toBe(`${join(directory, 'mosquitto.conf')}:2: must be a whole number\npostern: nothing was written\n`);
    expect(written()).toStrictEqual([]);
  });

  test('when a gateway would not start with it, and it is told where', async () => {
    expect(await imports('listener 8883\ncertfile DIR/gone.pem\nkeyfile DIR/gone.key\n')).toBe(EXIT.config);
    expect(told.error).toContain(`${join(directory, 'out/postern.yaml')}:10:19: mqtt.listeners[0].tls.certFile must be the path of a readable file`);
    expect(written()).toStrictEqual([]);
  });

  test('when a file it names cannot be used', async () => {
    problems = ['the certificate has expired'];
    expect(await imports(ALL)).toBe(EXIT.config);
    expect(told.error).toBe('the certificate has expired\npostern: the gateway would not start with this; nothing was written\n');
    expect(written()).toStrictEqual([]);
  });

  test.each(['acl_file', 'password_file'])('without the %s', async (option) => {
    expect(await imports(`listener 1883\n${option} DIR/gone\n`)).toBe(EXIT.config);
    expect(told.error).toMatch(/gone cannot be read: ENOENT.*; nothing was written\n$/);
  });
});

test('a directory that is not there is not made', async () => {
  expect(await imports('listener 1883\n')).toBe(EXIT.cannotCreate);
  expect(existsSync(join(directory, 'out'))).toBe(false);
});

test('no file is a usage error', async () => {
  const surroundings = { complain: () => undefined, write: () => undefined } as unknown as Surroundings;
  expect(await run(['import', 'mosquitto'], surroundings)).toBe(EXIT.usage);
});
