import { describe, expect, test } from 'vitest';
import { loadArguments } from '../../../scripts/bench/generator.ts';
import { postern, standIn } from '../../../scripts/bench/subjects.ts';

const place = { port: 20001, directory: '/tmp/place' };

describe('command lines', () => {
  test('a stand-in gets its port and directory wherever it names them', () => {
    expect(standIn(' server --listen=127.0.0.1:{port}  --data {dir}/a --log {dir}/b ').command(place)).toEqual({
      program: 'server',
      args: ['--listen=127.0.0.1:20001', '--data', '/tmp/place/a', '--log', '/tmp/place/b'],
    });
  });

  test('Postern runs on the Node that runs the bench, in a data directory of its own', () => {
    const { program, args } = postern('/dist/src/main.js').command(place);
    expect(program).toBe(process.execPath);
    expect(args.slice(0, 4)).toEqual(['/dist/src/main.js', 'start', '--data', '/tmp/place/data']);
    expect(args).toContain('mqtt.tcp.bind=127.0.0.1:20001');
  });

  test('the generator takes flags without a value', () => {
    expect(loadArguments({ mode: 'durpub', kill: true, window: 16 })).toEqual(['--mode', 'durpub', '--kill', '--window', '16']);
  });
});
