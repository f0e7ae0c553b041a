import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Outcome, ours, PlantedTree } from '../../support/planted-tree.ts';

const PRINTS = `import { version } from './model/version.ts';\n\nprocess.stdout.write(\`\${version} \${JSON.stringify(process.argv.slice(2))}\\n\`);\n`;
const DRAINS = `process.on('SIGTERM', () => process.exit(7));\nsetInterval(() => undefined, 1000);\nprocess.stdout.write('ready\\n');\n`;

const builtFrom = (main: string): PlantedTree =>
  new PlantedTree({
    ...ours('scripts/bootstrap.mjs', 'scripts/start.ts', 'scripts/build.ts', 'scripts/runtime-options.ts', 'scripts/sources.ts'),
    'src/main.ts': main,
    'src/runtime/commit-worker.ts': '',
    'src/runtime/backup-worker.ts': '',
    'src/model/version.ts': `export const version: string = 'one';\n`,
  });

describe('npm start -- arguments', () => {
  let tree: PlantedTree;
  beforeAll(() => {
    tree = builtFrom(PRINTS);
  });
  afterAll(() => tree[Symbol.dispose]());

  test.each([
    ['', 'start'],
    ['--config x.yaml', 'start --config x.yaml'],
    ['check --config x.yaml', 'check --config x.yaml'],
    ['status', 'status'],
    ['--help', '--help'],
  ])('"%s" runs the program with "%s"', (args, seen) => {
    const { status, lines } = tree.run('scripts/start.ts', ...args.split(' ').filter((word) => word !== ''));
    expect(lines).toEqual([`one ${JSON.stringify(seen.split(' '))}`]);
    expect(status).toBe(0);
  });
});

describe('npm start', () => {
  let tree: PlantedTree;
  const start = (): Outcome => tree.run('scripts/start.ts');
  const builtAt = (): number => statSync(tree.path('dist/src/main.js')).mtimeMs;

  beforeEach(() => {
    tree = builtFrom(PRINTS);
  });
  afterEach(() => tree[Symbol.dispose]());

  test('compiles when a source changed, appeared or went, and only then', () => {
    start();
    const first = builtAt();
    tree.write({ 'bin/esbuild': '#!/bin/sh\nexit 9\n' });
    expect(start().lines).toEqual(['one ["start"]']);
    expect(builtAt()).toBe(first);
    tree.remove('bin');
    tree.write({ 'src/model/version.ts': `export const version: string = 'two';\n` });
    expect(start().lines).toEqual(['two ["start"]']);
    for (const change of [() => tree.write({ 'gateways/x/index.ts': 'export const x = 1;\n' }), () => tree.remove('gateways')]) {
      const before = builtAt();
      change();
      start();
      expect(builtAt()).toBeGreaterThan(before);
    }
  });

  test('sources that do not compile start nothing and leave the last build', () => {
    start();
    const first = builtAt();
    tree.write({ 'src/model/version.ts': `export { version } from './nowhere.ts';\n` });
    const { status, lines } = start();
    expect(status).toBe(1);
    expect(lines.filter((line) => line.includes('Could not resolve "./nowhere.ts"'))).toHaveLength(1);
    expect(lines.filter((line) => line.startsWith('one '))).toEqual([]);
    expect(builtAt()).toBe(first);
    expect(readdirSync(tree.root).filter((name) => name.startsWith('dist'))).toEqual(['dist']);
  });

  test('a bundler that dies half way leaves the last build', () => {
    start();
    const first = builtAt();
    tree.write({
      'bin/esbuild': `#!/bin/sh\nfor last; do :; done\ndir=$(echo "$last" | cut -d= -f2)\nmkdir -p "$dir" && echo half > "$dir/main.js"\nexit 1\n`,
      'src/model/version.ts': `export const version: string = 'two';\n`,
    });
    expect(start()).toEqual({ status: 1, lines: [] });
    expect(builtAt()).toBe(first);
    expect(readdirSync(tree.root).filter((name) => name.startsWith('dist'))).toEqual(['dist']);
  });

  test('a build that was cut short does not run', () => {
    start();
    tree.write({ 'dist/src/main.js': 'half' });
    tree.remove('dist/.sources');
    expect(start().lines).toEqual(['one ["start"]']);
  });

  test('starts at the same time end with the same build', async () => {
    const both = await Promise.all([1, 2, 3].map(() => tree.start('scripts/start.ts')).map(async (child) => (await once(child, 'exit'))[0]));
    expect(both).toEqual([0, 0, 0]);
    expect(start().lines).toEqual(['one ["start"]']);
  });

  test.for([
    ['the script', 'scripts/start.ts'],
    ['npm', 'npm', 'start', '--silent'],
  ])('a signal to %s reaches the program, its exit code comes back', async ([, program = '', ...args], { signal }) => {
    tree.write({ 'src/main.ts': DRAINS });
    const child = tree.start(program, ...args);
    await once(child.stdout, 'data', { signal });
    child.kill('SIGTERM');
    expect(await once(child, 'exit', { signal })).toEqual([7, null]);
  });
});
