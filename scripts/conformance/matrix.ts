// Statements on one side, tests that name them on the other.
import type { Statement } from '../../test/conformance/statements/statement.ts';
import { STANDARDS, type Standard, statementsNamedIn } from './statement-ids.ts';

export interface NamedTest {
  readonly file: string;
  readonly title: string;
  /** `listed`: read, not run. */
  readonly outcome: 'listed' | 'passed' | 'failed' | 'skipped';
}

export interface Row {
  readonly standard: Standard;
  readonly statement: Statement;
  readonly tests: readonly NamedTest[];
}

export interface Matrix {
  readonly rows: readonly Row[];
  /** Each a sentence; none where the matrix holds. */
  readonly violations: readonly string[];
}

export type Statements = Readonly<Record<Standard, readonly Statement[]>>;

export function matrixOf(statements: Statements, tests: readonly NamedTest[]): Matrix {
  const claims = new Map<string, NamedTest[]>();
  const known = new Set(STANDARDS.flatMap((standard) => statements[standard].map(({ id }) => `${standard} ${id}`)));
  const violations: string[] = [];
  for (const test of tests) {
    for (const { standard, id } of statementsNamedIn(test.file, test.title)) {
      const key = `${standard} ${id}`;
      claims.set(key, [...(claims.get(key) ?? []), test]);
      if (!known.has(key)) violations.push(`${id} is no statement of ${standard}, but ${test.file} names it: ${test.title}`);
    }
  }
  const rows = STANDARDS.flatMap((standard) =>
    statements[standard].map((statement) => ({ standard, statement, tests: claims.get(`${standard} ${statement.id}`) ?? [] })),
  );
  return { rows, violations: [...violations, ...rows.flatMap(judge), ...twice(rows)] };
}

/** What is wrong with one statement. */
function judge({ standard, statement: { id, notApplicable }, tests }: Row): string[] {
  const failed = tests.filter(({ outcome }) => outcome === 'failed');
  const isTested = tests.some(({ outcome }) => outcome !== 'skipped');
  return [
    ...failed.map(({ file, title }) => `${id} of ${standard}: ${file} fails: ${title}`),
    ...(isTested || notApplicable !== undefined ? [] : [`${id} of ${standard} has no test, and no reason why it does not apply`]),
    ...(isTested && notApplicable !== undefined ? [`${id} of ${standard} is tested, but said not to apply: ${notApplicable}`] : []),
  ];
}

function twice(rows: readonly Row[]): string[] {
  const seen = new Set<string>();
  return rows.flatMap(({ standard, statement: { id } }) => {
    const key = `${standard} ${id}`;
    if (seen.has(key)) return [`${id} of ${standard} is listed twice`];
    seen.add(key);
    return [];
  });
}
