import { describe, expect, test } from 'vitest';
import { examine } from '../../../scripts/tidy/examine.ts';
import { PlantedTree } from '../../support/planted-tree.ts';

const GATE = 'scripts/tidy.ts';
const rulesOf = (path: string, text: string): string[] => [...new Set(examine(path, text).map(({ rule }) => rule))];
const lines = (count: number, line: string): string => `${line}\n`.repeat(count);

describe('time and randomness come from the clock', () => {
  test.each([
    ['raw-timer', 'setTimeout(run, 5);'],
    ['raw-timer', 'const later = setInterval;'],
    ['raw-timer', 'globalThis.setTimeout(run, 5);'],
    ['raw-timer', `globalThis['setTimeout'](run, 5);`],
    ['raw-timer', 'const { setInterval: every } = globalThis;'],
    ['raw-timer', 'const signal = AbortSignal.timeout(5);'],
    ['raw-timer', 'Atomics.wait(cells, 0, 0, 5);'],
    ['raw-timer', `import { setTimeout as sleep } from 'node:timers/promises';`],
    ['raw-timer', `import timers from 'timers';`],
    ['raw-clock', 'const everything = globalThis;'],
    ['raw-clock', 'const at = Date.now();'],
    ['raw-clock', `const at = Date['now']();`],
    ['raw-clock', 'const at = Date[name]();'],
    ['raw-clock', 'const { now } = Date;'],
    ['raw-clock', 'const { parse, ...rest } = Date;'],
    ['raw-clock', 'const Clock = Date;'],
    ['raw-clock', 'const at = new Date();'],
    ['raw-clock', 'const at = new Date;'],
    ['raw-clock', 'const at = Date();'],
    ['raw-clock', 'const at = globalThis.Date.now();'],
    ['raw-clock', 'const at = performance.now();'],
    ['raw-clock', 'const { now } = performance;'],
    ['raw-clock', 'const x = Math.random();'],
    ['raw-clock', 'const { random } = Math;'],
    ['raw-clock', 'use({ random: Math.random });'],
    ['raw-clock', 'const at = process.hrtime.bigint();'],
    ['raw-clock', `import { performance } from 'node:perf_hooks';`],
    ['raw-clock', `import { hrtime } from 'node:process';`],
  ])('%s: %s', (rule, text) => {
    expect(rulesOf('src/bus/planted.ts', text)).toEqual([rule]);
    expect(rulesOf('gateways/stomp/planted.ts', text)).toEqual([rule]);
    expect(rulesOf('src/model/clock.ts', text)).toEqual([]);
    expect(rulesOf('src/observe/system-clock.ts', text)).toEqual([]);
    expect(rulesOf('scripts/planted.ts', text)).toEqual([]);
  });

  test.each([
    ['clock.setTimeout(run, 5);'],
    ['const at = new Date(ms).toISOString();'],
    ['const at = Date.parse(text);'],
    ['const isDate = value instanceof Date;'],
    ['const x = Math.floor(y);'],
    ['const { floor, max } = Math;'],
    ['interface Timers { setTimeout: number; now(): Date }'],
    ['class Fake { setTimeout(run: () => void): void {} }'],
    ['const fake = { setTimeout: 1, Date: 2 };'],
    ['process.on(signal, run);'],
    ['const own = process;'],
    ['clearTimeout(timer);'],
  ])('allowed: %s', (text) => {
    expect(rulesOf('src/bus/planted.ts', text)).toEqual([]);
  });
});

describe('one home for each way out of the turn, to the network and to another module', () => {
  test.each([
    ['setImmediate(run);', 'raw-turn', 'src/transport/planted.ts'],
    ['queueMicrotask(run);', 'raw-turn', 'src/store/sqlite/planted.ts'],
    ['process.nextTick(run);', 'raw-turn', 'src/transport/planted.ts'],
    ['await import(`node:net`);', 'computed-import', 'src/hooks/planted.ts'],
    ['await fetch(url);', 'raw-network', 'src/access/providers/planted.ts'],
    ['new WebSocket(url);', 'raw-network', 'src/transport/planted.ts'],
    ['const module = await import(name);', 'computed-import', 'src/hooks/planted.ts'],
  ])('%s: %s but in %s', (text, rule, home) => {
    expect(rulesOf('src/broker/planted.ts', text)).toEqual([rule]);
    expect(rulesOf(home, text)).toEqual([]);
  });

  test.each([
    [`type Socket = import('node:net').Socket;`],
    [`type Net = typeof import('node:net');`],
    [`import { createRequire } from 'node:module';`],
    [`import net = require('node:net');`],
    [`const net = require('node:net');`],
    [`const net = process.getBuiltinModule('node:net');`],
    [`const { getBuiltinModule } = process;`],
    [`/// <reference path="../broker/broker.ts" />`],
  ])('unseen-import: %s', (text) => {
    expect(rulesOf('gateways/stomp/planted.ts', text)).toEqual(['unseen-import']);
  });

  test(`allowed: await import('./late.ts')`, () => {
    expect(rulesOf('src/cli/planted.ts', `await import('./late.ts');`)).toEqual([]);
  });
});

describe('failures', () => {
  test.each([
    [`throw new Error('no');`, 'plain-error'],
    [`throw Error('no');`, 'plain-error'],
    [`reject(new Error('no'));`, 'plain-error'],
    [`throw 'no';`, 'plain-error'],
    ['class LinkError extends Error {}', 'plain-error'],
    ['try { run(); } catch {}', 'empty-catch'],
    ['try { run(); } catch { /* why not */ }', 'empty-catch'],
    ['void run().catch(() => {});', 'empty-catch'],
    ['void run().catch(() => undefined);', 'empty-catch'],
    ['try { run(); } catch (error) { this.#log.warn({ error }); }', 'catch-only-logs'],
    ['try { run(); } catch (error) { context.log?.error(error); }', 'catch-only-logs'],
    ['void run().catch((error) => log.error(error));', 'catch-only-logs'],
    ['void run().catch(function (error) { console.error(error); });', 'catch-only-logs'],
    ['const link = peer as any;', 'lying-cast'],
    ['const link = peer as unknown as Link;', 'lying-cast'],
  ])('%s: %s', (text, rule) => {
    expect(rulesOf('src/broker/planted.ts', text)).toEqual([rule]);
    expect(rulesOf('test/interop/planted.ts', text)).toEqual([]);
  });

  test.each([
    [`throw new GatewayError('LINK_CLOSED', 'gone');`],
    [`throw new TypeError('a delivery is read before it is shown');`],
    ['const isError = value instanceof Error;'],
    ['try { run(); } catch (error) { log.warn(error); close(); }'],
    ['try { run(); } catch (error) { throw error; }'],
    ['void run().catch((error) => close(error));'],
    ['const packet = bytes as Packet;'],
    ['const kinds = [1, 2] as const;'],
  ])('allowed: %s', (text) => {
    expect(rulesOf('src/broker/planted.ts', text)).toEqual([]);
  });

  test('src/model/errors.ts is where Error is extended', () => {
    expect(rulesOf('src/model/errors.ts', 'class GatewayError extends Error {}')).toEqual([]);
  });
});

describe('length', () => {
  test.each([
    ['src/bus/planted.ts', 401, ['file-too-long']],
    ['gateways/stomp/planted.ts', 400, []],
    ['scripts/planted.ts', 401, ['file-too-long']],
    ['test/unit/planted.ts', 401, []],
  ])('%s of %i lines: %j', (path, count, rules) => {
    expect(rulesOf(path, lines(count, 'run();'))).toEqual(rules);
  });

  test.each([
    ['function run() {\n', '}\n', 59, ['function-too-long']],
    ['function run() {\n', '}\n', 58, []],
    ['const run = () => {\n', '};\n', 59, ['function-too-long']],
    ['class Link {\n  run() {\n', '  }\n}\n', 59, ['function-too-long']],
    ['class Link {\n  readonly run = function () {\n', '  };\n}\n', 59, ['function-too-long']],
  ])('%j with %3$i lines inside: %4$j', (head, tail, count, rules) => {
    expect(rulesOf('src/bus/planted.ts', `${head}${lines(count, 'run();')}${tail}`)).toEqual(rules);
  });
});

describe('comments and exports', () => {
  test.each([
    ['// TODO: handle errors', 'unfinished'],
    ['/* FIXME later */', 'unfinished'],
    ['// XXX', 'unfinished'],
    ['// ==== Queue ====', 'banner'],
    ['// ─── Queue ───', 'banner'],
    ['/*\n * ********************\n */', 'banner'],
    ['// queue.push(delivery);', 'commented-out-code'],
    ['// if (isPaused) return;', 'commented-out-code'],
    ['export default 1;', 'default-export'],
    ['const a = 1;\nexport { a as default };', 'default-export'],
  ])('%s: %s', (text, rule) => {
    expect(rulesOf('src/bus/planted.ts', text)).toEqual([rule]);
    expect(rulesOf('test/unit/planted.test.ts', text)).toEqual([rule]);
  });

  test.each([
    ['// MQTT-3.8.3-3; see docs/interpretation.md'],
    ['// the peer may hang up here;'],
    ['// Flags: DUP, QoS, Retain'],
    ['/** @example queue.push(delivery); */'],
    ['// a -> b -- or c'],
    ['export const a = 1;'],
  ])('allowed: %s', (text) => {
    expect(rulesOf('src/bus/planted.ts', text)).toEqual([]);
  });
});

describe('a test moves the clock by hand', () => {
  test.each([
    ['await new Promise((resolve) => setTimeout(resolve, 100));'],
    [`import { setTimeout as sleep } from 'node:timers/promises';`],
    ['Atomics.wait(cells, 0, 0, 5);'],
  ])('%s', (text) => {
    for (const suite of ['unit', 'conformance', 'contract']) expect(rulesOf(`test/${suite}/planted.test.ts`, text)).toEqual(['sleep-in-test']);
    expect(rulesOf('test/interop/planted.test.ts', text)).toEqual([]);
  });

  test('allowed: to measure', () => {
    expect(rulesOf('test/unit/planted.test.ts', 'const at = performance.now();')).toEqual([]);
  });
});

describe('the gate reads everything or fails', () => {
  test('it passes on a clean tree and says what it read', () => {
    using tree = new PlantedTree({ 'src/model/a.ts': '', 'scripts/bootstrap.mjs': '', 'test/unit/c.ts': '' });
    expect(tree.run(GATE)).toEqual({ status: 0, lines: ['tidy: 3 of 3 source files read'] });
  });

  test('each finding with file, line and rule', () => {
    using tree = new PlantedTree({ 'src/model/a.ts': '\nsetTimeout(run, 5);\n', 'src/.hidden/b.ts': 'export default 1;', 'gateways/x/c.ts': 'const = ;' });
    const { status, lines: printed } = tree.run(GATE);
    expect(status).toBe(1);
    expect(printed).toEqual([
      'gateways/x/c.ts:1 does-not-parse',
      'src/.hidden/b.ts:1 default-export',
      'src/model/a.ts:2 raw-timer',
      'tidy: 3 of 3 source files read',
    ]);
  });

  test('a spelling no gate reads', () => {
    using tree = new PlantedTree({ 'src/model/a.ts': '', 'src/model/b.mts': '', 'gateways/x/c.js': '' });
    const { status, lines: printed } = tree.run(GATE);
    expect(status).toBe(1);
    expect(printed).toEqual(['not-read: gateways/x/c.js', 'not-read: src/model/b.mts', 'tidy: 1 of 3 source files read']);
  });

  test('code outside the tree', () => {
    using tree = new PlantedTree({ 'src/model/a.ts': '', 'lib/b.ts': '' });
    expect(tree.run(GATE).lines).toContain('lib/b.ts:1 outside-the-tree');
  });

  test('no source at all', () => {
    using tree = new PlantedTree({});
    expect(tree.run(GATE).status).toBe(1);
  });
});
