// The tests that may name statements: as they stand in their files, or as they ran.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { sourceFiles } from '../sources.ts';
import { judge, type Report } from '../suites.ts';
import type { NamedTest } from './matrix.ts';
import { statementsNamedIn } from './statement-ids.ts';
import { testTitles } from './titles.ts';

/** Where a title that names a statement claims to test it. Titles elsewhere quote ids, as those of configuration errors do. */
const CLAIMING = /^test\/(conformance\/mqtt|unit\/(mqtt|broker|bus|model|bridge|transport)\/).*\.test\.ts$/;
const RUN_MS_MAX = 9 * 60_000;

/** Every test of those files, read and not run. */
export function listedTests(): NamedTest[] {
  const files = sourceFiles().filter((path) => CLAIMING.test(path));
  return files.flatMap((file) => (testTitles(file, readFileSync(file, 'utf8')) ?? []).map((title) => ({ file, title, outcome: 'listed' as const })));
}

/** What vitest tells of a test beside what the suites are judged by. */
interface NamingReport extends Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string; readonly title: string; readonly ancestorTitles: readonly string[] }[];
  }[];
}

/** Runs every file that names a statement. @returns its tests under the titles they ran under, and what failed outside of them. */
export function runTests(): { readonly tests: NamedTest[]; readonly failures: readonly string[] } {
  const files = [...new Set(listedTests().flatMap(({ file, title }) => (statementsNamedIn(file, title).length > 0 ? [file] : [])))];
  const folder = mkdtempSync(join(tmpdir(), 'postern-conformance-'));
  const outputFile = join(folder, 'report.json');
  const options = ['--reporter=dot', '--reporter=json', `--outputFile.json=${outputFile}`];
  const { status } = spawnSync('vitest', ['run', ...options, ...files], { stdio: ['ignore', 2, 2], timeout: RUN_MS_MAX });
  const report: NamingReport | undefined = existsSync(outputFile) ? JSON.parse(readFileSync(outputFile, 'utf8')) : undefined;
  rmSync(folder, { recursive: true });
  return { tests: report === undefined ? [] : ranTests(report), failures: judge(report, status, files).failures };
}

function ranTests({ testResults }: NamingReport): NamedTest[] {
  return testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.map(({ title, ancestorTitles, status }) => ({
      file: relative('.', name),
      title: [...ancestorTitles, title].join(' > '),
      outcome: status === 'passed' ? ('passed' as const) : status === 'failed' ? ('failed' as const) : ('skipped' as const),
    })),
  );
}
