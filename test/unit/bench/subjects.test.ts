import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { loadArguments } from '../../../scripts/bench/generator.ts';
import { postern, standIn, withAccessRules, withTls } from '../../../scripts/bench/subjects.ts';
import { RUNTIME_OPTIONS } from '../../../scripts/runtime-options.ts';

const place = { port: 20001, directory: '/tmp/place' };

describe('command lines', () => {
  const directory = mkdtempSync(join(tmpdir(), 'postern-subjects-'));
  afterAll(() => rmSync(directory, { recursive: true }));

  test('a stand-in gets its port and directory wherever it names them', () => {
    expect(standIn(' server --listen=127.0.0.1:{port}  --data {dir}/a --log {dir}/b ').command(place)).toEqual({
      program: 'server',
      args: ['--listen=127.0.0.1:20001', '--data', '/tmp/place/a', '--log', '/tmp/place/b'],
    });
  });

  test('Postern runs on the Node that runs the bench, in a data directory of its own', () => {
    const { program, args } = postern('/dist/src/main.js').command(place);
    expect(program).toBe(process.execPath);
    expect(args.slice(0, RUNTIME_OPTIONS.length + 4)).toEqual([...RUNTIME_OPTIONS, '/dist/src/main.js', 'start', '--data', '/tmp/place/data']);
    expect(args).toContain('mqtt.tcp.bind=127.0.0.1:20001');
  });

  test('behind TLS it has no other listener, and its key beside its data', () => {
    const { args } = withTls(postern('main.js')).command({ ...place, directory });
    expect(args).toEqual(expect.arrayContaining(['mqtt.tcp.enabled=false', 'mqtt.tls.bind=127.0.0.1:20001', `mqtt.tls.keyFile=${directory}/server.key`]));
    expect(readFileSync(join(directory, 'server.key'), 'utf8')).toContain('PRIVATE KEY');
  });

  test('of the access rules only the last allows anything', () => {
    const { args } = withAccessRules(postern('main.js'), 1_000).command({ ...place, directory });
    const { access } = parse(readFileSync(args[args.indexOf('--config') + 1] ?? '', 'utf8'));
    expect(access.rules).toHaveLength(1_000);
    expect(access.rules.filter((rule: { permission: string }) => rule.permission === 'allow')).toEqual([access.rules[999]]);
  });

  test('the generator takes flags without a value', () => {
    expect(loadArguments({ mode: 'durpub', kill: true, window: 16 })).toEqual(['--mode', 'durpub', '--kill', '--window', '16']);
  });
});
