import { describe, expect, test } from 'vitest';
import { matrixOf, type NamedTest, type Statements } from '../../../scripts/conformance/matrix.ts';
import { print, summary } from '../../../scripts/conformance/print.ts';
import { statementsNamedIn } from '../../../scripts/conformance/statement-ids.ts';
import { listedTests } from '../../../scripts/conformance/tests.ts';
import { testTitles } from '../../../scripts/conformance/titles.ts';
import { MQTT_3_1_1 } from '../../conformance/statements/mqtt-3.1.1.ts';
import { MQTT_3_1 } from '../../conformance/statements/mqtt-3.1.ts';
import { MQTT_5 } from '../../conformance/statements/mqtt-5.ts';
import type { Statement } from '../../conformance/statements/statement.ts';
import { PlantedTree } from '../../support/planted-tree.ts';

const FILE = 'test/conformance/mqtt-5/planted.test.ts';
const OLD_FILE = 'test/conformance/mqtt-3.1.1/planted.test.ts';

describe('the statements', () => {
  test('are those of the standards, by their number', () => {
    expect([MQTT_5.length, MQTT_3_1_1.length]).toEqual([251, 141]);
  });

  test('each has a test that names it, or a reason why it does not apply', () => {
    const { violations } = matrixOf({ 'MQTT 5.0': MQTT_5, 'MQTT 3.1.1': MQTT_3_1_1, 'MQTT 3.1': MQTT_3_1 }, listedTests());
    expect(violations).toEqual([]);
  });
});

describe('what a title names', () => {
  test.each([
    [FILE, 'MQTT-3.1.2-4: x', ['MQTT 5.0 MQTT-3.1.2-4']],
    [FILE, 'MQTT-4.3.3-1, -2, -9', ['MQTT 5.0 MQTT-4.3.3-1', 'MQTT 5.0 MQTT-4.3.3-2', 'MQTT 5.0 MQTT-4.3.3-9']],
    [FILE, 'MQTT-4.3.3-1 to -3 and -5', ['MQTT 5.0 MQTT-4.3.3-1', 'MQTT 5.0 MQTT-4.3.3-2', 'MQTT 5.0 MQTT-4.3.3-3', 'MQTT 5.0 MQTT-4.3.3-5']],
    [FILE, 'MQTT-4.2-1', ['MQTT 5.0 MQTT-4.2-1']],
    [FILE, 'MQTT-3.1.2-22 of 3.1.1', ['MQTT 3.1.1 MQTT-3.1.2-22']],
    [FILE, 'MQTT-6.0.0-1 of 5.0 and 3.1.1', ['MQTT 5.0 MQTT-6.0.0-1', 'MQTT 3.1.1 MQTT-6.0.0-1']],
    [FILE, 'MQTT 3.1.1 §3.1 > MQTT-3.1.0-1', ['MQTT 3.1.1 MQTT-3.1.0-1']],
    [OLD_FILE, 'bridges > MQTT-3.1.0-1', ['MQTT 3.1.1 MQTT-3.1.0-1']],
    [FILE, 'MQIsdp-5, -6: x', ['MQTT 3.1 MQIsdp-5', 'MQTT 3.1 MQIsdp-6']],
    [FILE, 'MQTT-SN 1.2 §6.14, −5 °C and MQTT 5 §3.1', []],
  ])('%s: %s', (file, title, named) => {
    expect(statementsNamedIn(file, title).map(({ standard, id }) => `${standard} ${id}`)).toEqual(named);
  });
});

describe('titles read from a file', () => {
  test.each([
    ['a test', `test('a', () => {});`, ['a']],
    ['in its suites', `describe('s', () => { describe('t', () => { test('a', f); }); test('b', f); });`, ['s > t > a', 's > b']],
    ['with peers', `describeWithPeers(['x'], 's', () => { it('a', f); });`, ['s > a']],
    ['rows of a table', `test.each([['MQTT-1.5.4-1', 1], [\`b\`, f()]] as const)('%s: %i', f);`, ['MQTT-1.5.4-1: 1', 'b: …']],
    ['rows of one cell, numbered', `test.each<string>(['a', 'b'])('%s %# 100%%', f);`, ['a 0 100%', 'b 1 100%']],
    ['a table by its name', `const ROWS: readonly Row[] = [['a'], ['b']]; test.each(ROWS)('%s', f);`, ['a', 'b']],
    ['a table with rows nobody can read', `test.each([['a'], ...rows(), ['b']])('%s', f);`, ['a', 'b']],
    ['a table nobody can read', `test.each(rows())('%s: x', f);`, ['%s: x']],
    ['a table of suites', `describe.each([5, 4])('version %i', () => { test('a', f); });`, ['version 5 > a', 'version 4 > a']],
    ['a skipped suite', `describe.skipIf(true)('s', () => { test('a', f); });`, ['s > a']],
    ['comments and other calls', `// test('MQTT-1.5.4-1')\nsay('MQTT-1.5.4-2'); test(name, f);`, []],
  ])('%s', (_, text, titles) => {
    expect(testTitles(FILE, text)).toEqual(titles);
  });
});

describe('the matrix', () => {
  const statement = (id: string, notApplicable?: string): Statement => ({
    ...({ id, duty: 'server', asks: 'something' } as const),
    ...(notApplicable === undefined ? {} : { notApplicable }),
  });
  const named = (title: string, outcome: NamedTest['outcome'] = 'listed'): NamedTest => ({ file: FILE, title, outcome });
  const of = (...list: readonly Statement[]): Statements => ({ 'MQTT 5.0': list, 'MQTT 3.1.1': [], 'MQTT 3.1': [] });

  test.each<[string, Statements, NamedTest[], string[]]>([
    ['tested', of(statement('MQTT-1.1-1')), [named('MQTT-1.1-1', 'passed')], []],
    ['not applicable', of(statement('MQTT-1.1-1', 'because')), [], []],
    ['neither', of(statement('MQTT-1.1-1')), [named('something else')], ['MQTT-1.1-1 of MQTT 5.0 has no test']],
    ['both', of(statement('MQTT-1.1-1', 'because')), [named('MQTT-1.1-1')], ['MQTT-1.1-1 of MQTT 5.0 is tested, but said not to apply: because']],
    ['failed', of(statement('MQTT-1.1-1')), [named('MQTT-1.1-1', 'failed')], [`MQTT-1.1-1 of MQTT 5.0: ${FILE} fails: MQTT-1.1-1`]],
    ['skipped', of(statement('MQTT-1.1-1')), [named('MQTT-1.1-1', 'skipped')], ['MQTT-1.1-1 of MQTT 5.0 has no test']],
    ['unknown', of(), [named('MQTT-1.1-1')], ['MQTT-1.1-1 is no statement of MQTT 5.0']],
    ['listed twice', of(statement('MQTT-1.1-1', 'a'), statement('MQTT-1.1-1', 'a')), [], ['MQTT-1.1-1 of MQTT 5.0 is listed twice']],
  ])('%s', (_, statements, tests, violations) => {
    const found = matrixOf(statements, tests).violations;
    expect(found.length).toBe(violations.length);
    for (const [index, violation] of violations.entries()) expect(found[index]).toContain(violation);
  });

  test('as text: statement, test or reason, and the counts', () => {
    const matrix = matrixOf(of(statement('MQTT-1.1-1'), statement('MQTT-1.1-2', 'because')), [named('MQTT-1.1-1: x\0', 'passed')]);
    expect(print(matrix)).toContain(`  MQTT-1.1-1    server something\n      pass  ${FILE}: MQTT-1.1-1: x·\n`);
    expect(print(matrix)).toContain('  MQTT-1.1-2    server something\n      n/a   because\n');
    expect(summary(matrix.rows)).toContain('MQTT 5.0: 2 statements, 1 tested, 1 not applicable, 0 open\n');
  });
});

describe('npm run conformance', () => {
  const COMMAND = 'scripts/conformance.ts';

  test('--list: a test that names an unknown statement, and statements without a test: exit 1, each told', () => {
    using tree = new PlantedTree({ [FILE]: `import { test } from 'vitest';\ntest('MQTT-1.5.4-1, MQTT-9.9.9-9: planted', () => {});\n` });
    const { status, lines } = tree.run(COMMAND, '--list');
    expect(status).toBe(1);
    expect(lines).toContain(`      test  ${FILE}: MQTT-1.5.4-1, MQTT-9.9.9-9: planted`);
    expect(lines).toContain(`FAILED: MQTT-9.9.9-9 is no statement of MQTT 5.0, but ${FILE} names it: MQTT-1.5.4-1, MQTT-9.9.9-9: planted`);
    expect(lines).toContain('FAILED: MQTT-1.5.4-2 of MQTT 5.0 has no test, and no reason why it does not apply');
    expect(lines.filter((line) => line.includes('MQTT-1.5.4-1 of'))).toEqual([]);
  });

  test('runs what it lists, and marks what fails', () => {
    using tree = new PlantedTree({
      [FILE]: `import { expect, test } from 'vitest';
        test('MQTT-1.5.4-1: holds', () => { expect(1).toBe(1); });
        test.each([['MQTT-1.5.4-2: breaks']])('%s', () => { expect(1).toBe(2); });`,
      'test/conformance/mqtt-5/idle.test.ts': `import { test } from 'vitest'; test('names nothing', () => { throw new TypeError('ran'); });`,
    });
    const { status, lines } = tree.run(COMMAND);
    expect(status).toBe(1);
    expect(lines).toContain(`      pass  ${FILE}: MQTT-1.5.4-1: holds`);
    expect(lines).toContain(`      FAIL  ${FILE}: MQTT-1.5.4-2: breaks`);
    expect(lines).toContain(`FAILED: MQTT-1.5.4-2 of MQTT 5.0: ${FILE} fails: MQTT-1.5.4-2: breaks`);
    expect(lines.filter((line) => line.includes('idle.test.ts'))).toEqual([]);
  });

  test('another option is none', () => {
    using tree = new PlantedTree({});
    expect(tree.run(COMMAND, '--all').status).toBe(64);
  });
});
