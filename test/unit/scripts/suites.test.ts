import { describe, expect, test } from 'vitest';
import { judge, type Report } from '../../../scripts/suites.ts';
import { PlantedTree } from '../../support/planted-tree.ts';

const passing = { name: 'test/unit/a.test.ts', status: 'passed', assertionResults: [{ status: 'passed' }] };
const report = (changed: Partial<Report>): Report => ({
  success: true,
  numPassedTests: 1,
  numFailedTests: 0,
  numPendingTests: 0,
  numTodoTests: 0,
  testResults: [passing],
  ...changed,
});

describe('what counts as a failure', () => {
  test.each<[string, Report | undefined, number | null, readonly string[], number, readonly string[]]>([
    ['all passed', report({}), 0, [passing.name], 0, []],
    ['a failed test', report({ success: false, numFailedTests: 1 }), 1, [], 1, []],
    ['no report', undefined, 1, [], 1, ['vitest ended with 1 and left no report']],
    ['killed', undefined, null, [], 1, ['vitest ended with a signal and left no report']],
    ['an error outside every test', report({}), 1, [], 1, ['vitest ended with 1 though every test passed']],
    [
      'a file that did not load',
      report({ success: false, testResults: [passing, { name: 'test/unit/b.test.ts', status: 'failed', assertionResults: [] }] }),
      1,
      [],
      1,
      ['test/unit/b.test.ts failed outside its tests'],
    ],
    ['a file no suite claims', report({}), 0, [passing.name, 'test/stray/b.test.ts'], 1, ['test/stray/b.test.ts was not run']],
    ['no test', report({ numPassedTests: 0, testResults: [] }), 0, [], 1, ['no test ran']],
    ['only skipped tests', report({ numPassedTests: 0, numPendingTests: 3 }), 0, [], 1, ['no test ran']],
  ])('%s', (_what, given, status, expected, failed, failures) => {
    expect(judge(given, status, expected)).toMatchObject({ failed, failures });
  });

  test('skipped and todo tests are told apart from passed ones', () => {
    expect(judge(report({ numPassedTests: 5, numPendingTests: 2, numTodoTests: 1 }), 0, [])).toMatchObject({ passed: 5, skipped: 3 });
  });
});

describe('npm test on a planted tree', () => {
  const suite = (body: string): string => `import { expect, test } from 'vitest';\n${body}\n`;

  test('the last line is the plain count, the exit code tells', () => {
    using tree = new PlantedTree({
      'test/unit/good.test.ts': suite(`test('a', () => { expect(1).toBe(1); }); test.skipIf(true)('b', () => {});`),
      'test/contract/good.test.ts': suite(`test('c', () => { expect(1).toBe(1); });`),
    });
    const { status, lines } = tree.run('scripts/test.ts', 'unit', 'contract');
    expect(lines.at(-1)).toBe('2 passed, 0 failed, 1 skipped');
    expect(status).toBe(0);
  });

  test('a failing test, a file that does not load, a focused test: each counts', () => {
    using tree = new PlantedTree({
      'test/unit/good.test.ts': suite(`test('a', () => { expect(1).toBe(1); });`),
      'test/unit/bad.test.ts': suite(`test('b', () => { expect(1).toBe(2); });`),
      'test/unit/broken.test.ts': `import './nowhere.ts';\n`,
      'test/unit/empty.test.ts': 'export {};\n',
      'test/unit/focused.test.ts': suite(`test.only('c', () => { expect(1).toBe(1); });`),
    });
    const { status, lines } = tree.run('scripts/test.ts', 'unit');
    expect(lines.at(-1)).toMatch(/^1 passed, 4 failed/);
    expect(status).toBe(1);
  });

  test('a suite without tests, and a name that means nothing', () => {
    using tree = new PlantedTree({ 'test/unit/a.ts': '' });
    expect(tree.run('scripts/test.ts', 'unit')).toMatchObject({ status: 1 });
    const { status, lines } = tree.run('scripts/test.ts', 'untested');
    expect(lines).toEqual([expect.stringMatching(/^FAILED: untested is none of gates, version, types/), '0 passed, 1 failed']);
    expect(status).toBe(1);
  });
});
