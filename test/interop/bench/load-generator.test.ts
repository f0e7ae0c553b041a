// The load generator of `npm run bench` sees what a server loses, repeats or delays: figures of a tool that cannot are worth nothing.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { compileGenerator, compileSlowFsync, type LoadOptions, loadArguments } from '../../../scripts/bench/generator.ts';
import { describeWithPeers, peer } from '../../support/peers.ts';
import { type Faults, ScriptedServer } from './scripted-server.ts';

interface Run {
  readonly status: number | null;
  readonly figures: Readonly<Record<string, number>>;
  readonly stderr: string;
}

const BRIEF: LoadOptions = { warmup: 0.05, seconds: 0.3 };

describeWithPeers(['gcc', '/usr/include/stdio.h'], 'the load generator', () => {
  let folder = '';
  let program = '';
  let server: ScriptedServer | undefined;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'postern-load-'));
    program = compileGenerator(peer('gcc'), folder);
  });
  afterEach(() => server?.stop());
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function load(port: number, options: LoadOptions): Promise<Run> {
    const child = spawn(program, loadArguments({ ...options, port }), { stdio: ['ignore', 'pipe', 'pipe'] });
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (bytes) => {
      output.stdout += bytes;
    });
    child.stderr.on('data', (bytes) => {
      output.stderr += bytes;
    });
    return new Promise((resolve) => {
      child.once('close', (status) => resolve({ status, stderr: output.stderr, figures: output.stdout === '' ? {} : JSON.parse(output.stdout) }));
    });
  }

  async function started(faults?: Faults): Promise<{ readonly port: number; readonly server: ScriptedServer }> {
    server = new ScriptedServer(faults);
    return { port: await server.start(), server };
  }

  describe('routing', () => {
    test.each([
      ['fanin', 0, { publishers: 4 }],
      ['fanin', 1, { publishers: 4 }],
      ['fanout', 0, { subscribers: 4 }],
      ['fanout', 1, { subscribers: 4 }],
      ['p2p', 0, { publishers: 4 }],
      ['p2p', 1, { publishers: 4 }],
      ['fanin', 2, { publishers: 4 }],
      ['p2p', 2, { publishers: 4 }],
      ['subs', 0, { publishers: 4, topics: 25 }],
    ])('%s at QoS %d counts each copy once', async (mode, qos, shape) => {
      const { port } = await started();
      const { status, figures } = await load(port, { ...BRIEF, ...shape, mode, qos });
      expect(status).toBe(0);
      expect(figures['delivered']).toBeGreaterThan(0);
      expect(figures).toMatchObject({ lost: 0, duplicates: 0, stalled: 0 });
    });

    test('a message that never arrives is lost, and does not stop the rest', async () => {
      const { port } = await started({ forgets: (index) => index === 5 });
      const { figures } = await load(port, { ...BRIEF, mode: 'p2p', publishers: 2, window: 8 });
      expect(figures).toMatchObject({ lost: 1, duplicates: 0 });
    });

    test('a window full of lost messages is written off after a second', async () => {
      const { port } = await started({ forgets: (index) => index < 4 });
      const { figures } = await load(port, { mode: 'p2p', publishers: 1, window: 4, warmup: 0, seconds: 1.5 });
      expect(figures).toMatchObject({ lost: 4, stalled: 4 });
      expect(figures['delivered']).toBeGreaterThan(0);
    });

    test('a second copy is a duplicate, not a delivery', async () => {
      const { port } = await started({ repeatsDeliveries: true });
      const { figures } = await load(port, { ...BRIEF, mode: 'p2p', publishers: 1, qos: 1 });
      expect(figures['lost']).toBe(0);
      expect(figures['duplicates']).toBeGreaterThanOrEqual(figures['delivered'] ?? Number.POSITIVE_INFINITY);
    });

    test('--window 1 gives the server one packet per read', async () => {
      const { port, server: seen } = await started();
      await load(port, { ...BRIEF, mode: 'p2p', publishers: 3, window: 1 });
      expect(seen.publishesPerReadMost).toBe(1);
    });

    test('--window 16 lets packets share a read', async () => {
      const { port, server: seen } = await started();
      await load(port, { ...BRIEF, mode: 'p2p', publishers: 3, window: 16 });
      expect(seen.publishesPerReadMost).toBeGreaterThan(1);
    });

    test('--rate sends when due, answered or not', async () => {
      const { port } = await started({ forgets: () => true });
      const { figures } = await load(port, { mode: 'p2p', publishers: 5, rate: 1000, warmup: 0.2, seconds: 1 });
      expect(figures['published_per_s']).toBeGreaterThan(900);
      expect(figures['published_per_s']).toBeLessThan(1100);
      expect(figures['delivered']).toBe(0);
    });
  });

  test('probe measures how long a message to oneself takes', async () => {
    const { port } = await started();
    const { status, figures } = await load(port, { mode: 'probe', warmup: 0.05, seconds: 0.3 });
    expect(status).toBe(0);
    expect(figures['round_trips']).toBeGreaterThan(20);
    expect(figures['probe_round_trip_us_p99']).toBeGreaterThanOrEqual(figures['probe_round_trip_us_p50'] ?? 0);
  });

  test('conn opens and holds idle connections', async () => {
    const { port } = await started();
    const { status, figures } = await load(port, { mode: 'conn', connections: 150, from: 50, rest: 0.1 });
    expect(status).toBe(0);
    expect(figures).toMatchObject({ connections: 150 });
  });

  describe('retained', () => {
    const EVERYTHING: LoadOptions = { mode: 'retained', topics: 500, warmup: 0.05, seconds: 0.2 };

    test('counts what a subscriber of # is sent, and what another client waits meanwhile', async () => {
      const { port } = await started();
      const { status, figures } = await load(port, EVERYTHING);
      expect(status).toBe(0);
      expect(figures).toMatchObject({ topics: 500, received: 500, missing: 0 });
      expect(figures['sending_round_trip_us_max']).toBeGreaterThan(0);
    });

    test('a retained message that does not come is missing', async () => {
      const { port } = await started({ forgets: (index) => index === 5 });
      expect((await load(port, EVERYTHING)).figures).toMatchObject({ received: 499, missing: 1 });
    });

    test('a server that does nothing else while it sends is seen', async () => {
      const { port } = await started({ blocksMs: 150 });
      const { figures } = await load(port, EVERYTHING);
      expect(figures['sending_round_trip_us_max']).toBeGreaterThan(140_000);
      expect(figures['idle_round_trip_us_max']).toBeLessThan(140_000);
    });
  });

  describe('durability', () => {
    async function fillAndDrain(faults: Faults): Promise<{ readonly filled: Run; readonly drained: Run }> {
      const { port } = await started(faults);
      const ackFile = { 'ack-file': join(folder, 'acknowledged') };
      expect((await load(port, { mode: 'dursub' })).status).toBe(0);
      const filled = await load(port, { mode: 'durpub', publishers: 3, window: 4, ...ackFile, warmup: 0, seconds: 0.1 });
      return { filled, drained: await load(port, { mode: 'durdrain', ...ackFile, settle: 0.3 }) };
    }

    test('everything acknowledged was checked and is there', async () => {
      const { filled, drained } = await fillAndDrain({});
      expect(filled.figures['acked']).toBeGreaterThan(0);
      expect(drained.figures).toMatchObject({
        session_present: 1,
        acked: filled.figures['acked'],
        checked: filled.figures['acked'],
        acked_lost: 0,
        duplicates: 0,
      });
      expect(drained.status).toBe(0);
    });

    test.each([1, 3])('%d acknowledged and forgotten: that many lost, exit 1', async (forgotten) => {
      const { drained } = await fillAndDrain({ forgets: (index) => index >= 7 && index < 7 + forgotten });
      expect(drained.figures['acked_lost']).toBe(forgotten);
      expect(drained.status).toBe(1);
    });

    test('acknowledgements that belong to no message cannot be checked: exit 1', async () => {
      const { filled, drained } = await fillAndDrain({ repeatsPubacks: true });
      expect(filled.figures['unexpected']).toBeGreaterThan(0);
      expect(drained.figures['acked_lost']).toBe(0);
      expect(drained.figures['checked']).toBeLessThan(drained.figures['acked'] ?? 0);
      expect(drained.stderr).toContain('could be checked');
      expect(drained.status).toBe(1);
    });

    test('copies are counted', async () => {
      const { drained } = await fillAndDrain({ repeatsDeliveries: true });
      expect(drained.figures['duplicates']).toBeGreaterThan(0);
      expect(drained.figures['acked_lost']).toBe(0);
    });

    test.each([
      ['a truncated ack file', 'PSTNACK1', 'ends too early'],
      ['a file that is none', 'x'.repeat(64), 'is not an ack file'],
    ])('%s is a failed run, not a clean one', async (_what, content, message) => {
      const { port } = await started();
      const path = join(folder, 'damaged');
      writeFileSync(path, content);
      const { status, stderr } = await load(port, { mode: 'durdrain', 'ack-file': path });
      expect(status).toBe(2);
      expect(stderr).toContain(message);
    });
  });

  test.each([
    ['no mode', {}],
    ['an unknown mode', { mode: 'everything' }],
    ['QoS 3', { mode: 'p2p', qos: 3 }],
    ['several topics of a fan-in', { mode: 'fanin', topics: 2 }],
    ['conn without more to open', { mode: 'conn', connections: 5, from: 5 }],
    ['a payload without room for its stamp', { mode: 'p2p', payload: 15 }],
    ['a window of 0', { mode: 'p2p', window: 0 }],
    ['durpub without its file', { mode: 'durpub' }],
    ['--kill without a process', { mode: 'durpub', 'ack-file': 'x', kill: true }],
  ] as const)('wrong usage: %s', async (_what, options: LoadOptions) => {
    expect((await load(1, options)).status).toBe(64);
  });
});

describeWithPeers(['gcc', '/usr/include/stdio.h'], 'slow-fsync', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'postern-fsync-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each(['fsyncSync', 'fdatasyncSync'])('%s takes at least SLOWSYNC_MS', (call) => {
    const library = compileSlowFsync(peer('gcc'), folder);
    const script = `const fs = require('node:fs'); const file = fs.openSync(process.argv[1], 'w'); const start = performance.now(); fs.${call}(file); process.stdout.write(String(performance.now() - start));`;
    const environment = { ...process.env, LD_PRELOAD: library, SLOWSYNC_MS: '80' };
    const { stdout } = spawnSync(process.execPath, ['-e', script, join(folder, 'file')], { encoding: 'utf8', env: environment });
    expect(Number(stdout)).toBeGreaterThanOrEqual(80);
  });
});
