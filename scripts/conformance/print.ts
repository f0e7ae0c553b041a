// The matrix as text.
import type { Matrix, NamedTest, Row } from './matrix.ts';
import { STANDARDS } from './statement-ids.ts';

const MARK = { listed: 'test', passed: 'pass', failed: 'FAIL', skipped: 'skip' } as const;

/** Each statement, under it the tests that name it or the reason why there is none; then a line of counts for each standard. */
export function print({ rows }: Matrix): string {
  const parts = STANDARDS.map((standard) => {
    const own = rows.filter((row) => row.standard === standard);
    return `${standard}\n${own.map(printRow).join('')}\n`;
  });
  return `${parts.join('')}${summary(rows)}`;
}

function printRow({ statement: { id, duty, asks, notApplicable }, tests }: Row): string {
  const reason = notApplicable === undefined ? '' : `      n/a   ${notApplicable}\n`;
  return `  ${id.padEnd(13)} ${duty.padEnd(6)} ${asks}\n${tests.map(printTest).join('')}${reason}`;
}

function printTest({ file, title, outcome }: NamedTest): string {
  return `      ${MARK[outcome]}  ${file}: ${title.replaceAll(/\p{C}/gu, '·')}\n`;
}

export function summary(rows: readonly Row[]): string {
  return STANDARDS.map((standard) => {
    const own = rows.filter((row) => row.standard === standard);
    const tested = own.filter(({ tests }) => tests.some(({ outcome }) => outcome !== 'skipped')).length;
    const excused = own.filter(({ tests, statement }) => tests.length === 0 && statement.notApplicable !== undefined).length;
    return `${standard}: ${own.length} statements, ${tested} tested, ${excused} not applicable, ${own.length - tested - excused} open\n`;
  }).join('');
}
