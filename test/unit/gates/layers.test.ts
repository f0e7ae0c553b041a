import { relative } from 'node:path/posix';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Outcome, PlantedTree } from '../../support/planted-tree.ts';

const GATE = 'scripts/layers.ts';

const specifier = (from: string, to: string): string => {
  const path = relative(from.slice(0, from.lastIndexOf('/')), to);
  return path.startsWith('.') ? path : `./${path}`;
};
/** The rules that fired, as `rule: from -> to`, without their explanations. */
const violations = ({ lines }: Outcome): string[] => lines.filter((line) => line.includes(' -> ')).map((line) => line.replace(/ \(.*\)$/, ''));

describe('ARCHITECTURE "Layer rules": every room against every other', () => {
  const protocol = { may: ['model', 'wire', 'transport', 'gateway', 'config'], types: ['bus', 'access'] };
  const table: Record<string, { may: string[]; types?: string[] }> = {
    'src/model': { may: [] },
    'src/wire': { may: ['model'] },
    'src/transport': { may: ['model', 'wire'] },
    'src/bus': { may: ['model'] },
    'src/access': { may: ['model'] },
    'src/devices': { may: ['model'] },
    'src/hooks': { may: ['model'] },
    'src/session': { may: ['model', 'wire', 'bus'] },
    'src/gateway': { may: ['model'], types: ['bus', 'access', 'devices'] },
    'src/broker': { may: ['model', 'bus', 'session', 'access', 'devices', 'hooks', 'gateway', 'config'] },
    'src/rules': { may: ['model', 'gateway', 'hooks', 'config'] },
    'src/admin': { may: ['model', 'gateway', 'hooks', 'config'] },
    'src/observe': { may: ['model'] },
    'src/config': { may: ['model'] },
    'src/control': { may: ['model', 'config'] },
    'src/store': { may: ['model', 'wire', 'session', 'broker', 'devices', 'gateway'], types: ['bus'] },
    'src/bridge': { may: ['model', 'wire', 'transport', 'gateway', 'config'] },
    'src/mqtt': protocol,
    'src/cli': { may: ['model', 'config', 'control', 'observe'] },
    'gateways/stomp': protocol,
  };
  const rooms = Object.keys(table);
  const pairs = rooms.flatMap((from) => rooms.filter((to) => to !== from).map((to) => [from, to] as const));
  const isIn = (names: string[] | undefined, room: string): boolean => names?.some((name) => room === `src/${name}`) ?? false;
  let outcome: Outcome;

  beforeAll(() => {
    const files: Record<string, string> = {};
    for (const room of rooms) files[`${room}/shown.ts`] = 'export const shown = 1;\nexport type Shown = number;\n';
    for (const [from, to] of pairs) {
      const name = to.replace('/', '-');
      files[`${from}/uses-${name}.ts`] = `export { shown } from '${specifier(`${from}/x`, `${to}/shown.ts`)}';\n`;
      files[`${from}/knows-${name}.ts`] = `export type { Shown } from '${specifier(`${from}/x`, `${to}/shown.ts`)}';\n`;
    }
    using tree = new PlantedTree(files);
    outcome = tree.run(GATE);
  });

  test('values: exactly what the table lists', () => {
    const forbidden = pairs.filter(([from, to]) => !isIn(table[from]?.may, to)).map(([from, to]) => `${from}/uses-${to.replace('/', '-')}.ts`);
    const fired = violations(outcome).flatMap((line) => /: (\S+\/uses-\S+)/.exec(line)?.[1] ?? []);
    expect([...new Set(fired)].sort()).toEqual(forbidden.sort());
  });

  test('types: also what the table lists as "types of"', () => {
    const forbidden = pairs
      .filter(([from, to]) => !isIn(table[from]?.may, to) && !isIn(table[from]?.types, to))
      .map(([from, to]) => `${from}/knows-${to.replace('/', '-')}.ts`);
    const fired = violations(outcome).flatMap((line) => /: (\S+\/knows-\S+)/.exec(line)?.[1] ?? []);
    expect([...new Set(fired)].sort()).toEqual(forbidden.sort());
  });
});

describe('single rules', () => {
  const targets = [
    'src/model/error.ts',
    'src/wire/reader.ts',
    'src/transport/link.ts',
    'src/gateway/contract.ts',
    'src/broker/broker.ts',
    'src/mqtt/codec.ts',
    'src/mqtt/connection.ts',
    'gateways/coap/index.ts',
    'gateways/coap/codec.ts',
    'gateways/stomp/packets.ts',
    'src/stray/other.ts',
    'test/support/fake.ts',
    'scripts/tool.ts',
  ];
  const planted: readonly [path: string, line: string, ...rules: string[]][] = [
    ['gateways/stomp/codec.ts', `import '../../src/wire/reader.ts'; import '../../src/model/error.ts'; import './packets.ts';`],
    ['src/mqtt/codec-connect.ts', `import 'node:fs';`, 'codec-is-pure'],
    ['src/mqtt/codec/properties.ts', `import 'node:buffer';`, 'codec-is-pure'],
    ['src/mqtt/reason-lists.ts', `import 'node:fs';`, 'codec-is-pure'],
    ['src/mqtt/packets.ts', `import type {} from './connection.ts';`, 'codec-is-pure'],
    ['src/mqtt/decode-publish.ts', `import '../transport/link.ts';`, 'codec-is-pure'],
    ['gateways/stomp/encode.ts', `import type { Outlet } from '../../src/gateway/contract.ts';`, 'codec-is-pure'],
    ['gateways/stomp/decode/frame.ts', `import 'yaml';`, 'codec-is-pure'],
    ['gateways/stomp/reason.ts', `import type { PublishOutcome } from '../../src/gateway/contract.ts'; import './packets.ts';`],
    ['src/mqtt/reason.ts', `import '../gateway/contract.ts';`, 'reason-imports-types'],
    ['gateways/coap/reason.ts', `import '../../src/transport/link.ts';`, 'reason-is-a-table'],

    ['src/bridge/uplinks/mqtt.ts', `import '../../mqtt/codec.ts'; import '../../transport/link.ts';`],
    ['src/bridge/uplinks/peek.ts', `import '../../mqtt/connection.ts';`, 'bridge-imports'],
    ['gateways/stomp/gateway.ts', `import '../coap/index.ts';`, 'gateways-are-strangers'],
    ['gateways/lwm2m/gateway.ts', `import '../coap/index.ts';`],
    ['gateways/lwm2m/blocks.ts', `import '../coap/codec.ts';`, 'lwm2m-stands-on-coap'],
    ['src/broker/favourite.ts', `import '../../gateways/coap/index.ts';`, 'broker-imports', 'core-forgets-gateways'],
    ['src/runtime.ts', `import '../gateways/coap/index.ts'; import './broker/broker.ts';`],
    ['src/runtime/parts.ts', `import '../broker/broker.ts'; import '../transport/link.ts';`],
    ['src/observe/parts.ts', `import '../runtime/parts.ts';`, 'observe-imports', 'runtime-is-the-root'],
    ['src/cli/start.ts', `import '../runtime.ts';`],
    ['src/observe/state.ts', `import '../runtime.ts';`, 'observe-imports', 'runtime-is-the-root'],
    ['src/cli/stray.ts', `import '../stray/other.ts';`, 'cli-imports', 'every-file-has-a-room'],

    ['src/broker/dial.ts', `import 'node:net';`, 'network-only-in-transport'],
    ['src/broker/socket-type.ts', `import type { Socket } from 'node:net';`, 'network-only-in-transport'],
    ['gateways/stomp/listen.ts', `import { createSocket } from 'dgram';`, 'network-only-in-transport'],
    ['gateways/stomp/late.ts', `export const open = () => import('node:http');`, 'network-only-in-transport'],
    ['gateways/stomp/serial.ts', `import 'serialport';`, 'network-only-in-transport', 'not-resolvable'],
    ['gateways/stomp/web.ts', `export { WebSocketServer } from 'ws';`, 'declared-dependencies-only', 'network-only-in-transport'],
    ['src/transport/tcp.ts', `import 'node:net'; import 'node:tls'; import 'node:dgram'; import 'node:http';`],
    ['src/control/server.ts', `import 'node:net';`],
    ['src/control/web.ts', `import 'node:http';`, 'control-is-a-unix-socket'],
    ['src/admin/api.ts', `import 'node:http';`],
    ['src/access/providers/http.ts', `import 'node:https';`],
    ['src/access/providers/ldap.ts', `import 'node:tls';`, 'http-is-not-a-socket'],
    ['src/access/providers/dial.ts', `import 'node:net';`, 'http-is-not-a-socket'],
    ['src/model/dial.ts', `import 'node:net';`, 'network-only-in-transport'],
    ['src/model/address-ranges.ts', `import 'node:net';`],
    ['src/access/passwords.ts', `import 'node:http';`, 'network-only-in-transport'],
    ['src/store/sqlite/database.ts', `import Database from 'better-sqlite3';`],
    ['src/broker/rows.ts', `import type { Database } from 'better-sqlite3';`, 'sqlite-only-in-store'],
    ['src/store/rows.ts', `import 'node:sqlite';`, 'sqlite-only-in-store'],

    ['src/session/fake.ts', `import '../../test/support/fake.ts';`, 'product-stands-alone'],
    ['gateways/coap/tool.ts', `import '../../scripts/tool.ts';`, 'product-stands-alone'],
    ['src/config/load.ts', `import 'yaml';`],
    ['src/config/check.ts', `import 'fast-check';`, 'declared-dependencies-only'],
    ['src/wire/gone.ts', `import './nowhere.ts';`, 'not-resolvable'],
  ];
  const fired = new Map<string, string[]>();

  beforeAll(() => {
    const contents = Object.fromEntries([...targets.map((path) => [path, '']), ...planted.map(([path, line]) => [path, line])]);
    using tree = new PlantedTree(contents);
    for (const line of violations(tree.run(GATE))) {
      const [, rule = '', from = ''] = /^(\S+): (\S+) -> /.exec(line) ?? [];
      fired.set(from, [...(fired.get(from) ?? []), rule]);
    }
  });

  test.each(planted)('%s: %s', (path, _line, ...rules) => {
    expect([...new Set(fired.get(path))].sort()).toEqual(rules);
  });
});

describe('whole graphs', () => {
  test('no-circular: a ring of types only, and one closed by a dynamic import', () => {
    using tree = new PlantedTree({
      'src/model/ring-a.ts': `import type { B } from './ring-b.ts'; export type A = B;`,
      'src/model/ring-b.ts': `export type { A as B } from './ring-c.ts';`,
      'src/model/ring-c.ts': `export type * from './ring-a.ts';`,
      'src/wire/lazy-a.ts': `export const b = () => import('./lazy-b.ts');`,
      'src/wire/lazy-b.ts': `import './lazy-a.ts';`,
    });
    expect(violations(tree.run(GATE))).toEqual([
      'no-circular: src/model/ring-a.ts -> src/model/ring-b.ts',
      'no-circular: src/wire/lazy-a.ts -> src/wire/lazy-b.ts',
    ]);
  });

  test('no-orphans: what main.ts does not lead to, though it has imports of its own; main-is-the-process', () => {
    using tree = new PlantedTree({
      'src/main.ts': `import './cli/start.ts'; import './model/known.ts';`,
      'src/cli/start.ts': `import '../model/known.ts';`,
      'src/model/known.ts': '',
      'src/model/lonely.ts': `import './known.ts';`,
    });
    expect(violations(tree.run(GATE))).toEqual([
      'main-is-the-process: src/main.ts -> src/model/known.ts',
      'no-orphans: src/model/lonely.ts -> src/model/lonely.ts',
    ]);
  });
});

describe('the gate reads everything or fails', () => {
  const sources = { 'src/model/a.ts': `enum Old { A }\nexport type { B } from './b.ts';`, 'src/model/b.ts': 'export type B = Old;' };
  const gate = (files: Record<string, string>, ...replacement: [] | [string, string]): Outcome => {
    using tree = new PlantedTree(files);
    const [from, to] = replacement;
    if (from !== undefined && to !== undefined) tree.write({ '.dependency-cruiser.cjs': tree.read('.dependency-cruiser.cjs').replace(from, to) });
    return tree.run(GATE);
  };

  test('it passes on a clean tree and says what it read', () => {
    expect(gate(sources)).toEqual({ status: 0, lines: ['layers: 2 of 2 source files read'] });
  });

  test('a parser that finds no imports (the default one under TypeScript 7)', () => {
    const { status, lines } = gate(sources, `parser: 'swc'`, `parser: 'tsc'`);
    expect(status).toBe(1);
    expect(lines).toContain('import-not-read: src/model/a.ts -> ./b.ts');
  });

  test('a file its settings leave out', () => {
    const { status, lines } = gate({ ...sources, 'src/bus/trie.ts': '' }, 'options: {', `options: { exclude: 'src/bus',`);
    expect(status).toBe(1);
    expect(lines).toContain('not-read: src/bus/trie.ts');
  });

  test('no source at all', () => {
    expect(gate({ 'test/a.ts': '' }).status).toBe(1);
  });
});
