// Runs the suites and judges the report: a suite that did not load, a file that was not run and a run without tests are failures too.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { sourceFiles } from './sources.ts';

/** The projects of vitest.config.ts, in the order they run. */
export const SUITES = ['unit', 'conformance', 'contract', 'durability', 'interop', 'e2e'] as const;
/** These run against programs from Debian packages. */
export const SUITES_WITH_PEERS: readonly Suite[] = ['durability', 'interop', 'e2e'];
export type Suite = (typeof SUITES)[number];

/** Vitest is stopped after this long: `npm test` promises an end within twenty minutes. */
const RUN_MS_MAX = 20 * 60_000;

/** What vitest's JSON reporter writes, as far as it is judged. */
export interface Report {
  readonly success: boolean;
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly { readonly name: string; readonly status: string; readonly assertionResults: readonly { readonly status: string }[] }[];
}

export interface Verdict {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** What failed beside the tests vitest has printed itself. */
  readonly failures: readonly string[];
}

export function runSuites(suites: readonly Suite[]): Verdict {
  const folder = mkdtempSync(join(tmpdir(), 'postern-test-'));
  const outputFile = join(folder, 'report.json');
  const options = [...suites.flatMap((name) => ['--project', name]), '--reporter=default', '--reporter=json', `--outputFile.json=${outputFile}`];
  const { status, error } = spawnSync('vitest', ['run', ...options], { stdio: 'inherit', timeout: RUN_MS_MAX });
  if (error) process.stdout.write(`vitest: ${error.message}\n`);
  const report: Report | undefined = existsSync(outputFile) ? JSON.parse(readFileSync(outputFile, 'utf8')) : undefined;
  rmSync(folder, { recursive: true });
  return judge(report, status, testFiles(suites));
}

/** The test files of `suites`; with all of them also those no suite has claimed. */
function testFiles(suites: readonly Suite[]): string[] {
  const tests = sourceFiles().filter((path) => /\.(test|spec)\.[cm]?[jt]sx?$/.test(path));
  return suites.length === SUITES.length ? tests : tests.filter((path) => suites.some((name) => path.startsWith(`test/${name}/`)));
}

/**
 * @param report - undefined when vitest left none.
 * @param status - its exit status; null when it was killed.
 * @param expected - the test files that should have run, relative to the working directory.
 */
export function judge(report: Report | undefined, status: number | null, expected: readonly string[]): Verdict {
  if (report === undefined) return { passed: 0, failed: 1, skipped: 0, failures: [`vitest ended with ${status ?? 'a signal'} and left no report`] };
  const failures = [];
  const run = new Map(report.testResults.map((result) => [relative('.', result.name), result]));
  for (const [path, { status: outcome, assertionResults }] of run) {
    if (outcome === 'failed' && !assertionResults.some((test) => test.status === 'failed')) failures.push(`${path} failed outside its tests`);
  }
  for (const path of expected) if (!run.has(path)) failures.push(`${path} was not run`);
  if (report.numPassedTests + report.numFailedTests === 0) failures.push('no test ran');
  const isExplained = failures.length + report.numFailedTests > 0;
  if (!isExplained && (status !== 0 || !report.success)) failures.push(`vitest ended with ${status ?? 'a signal'} though every test passed`);
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + failures.length,
    skipped: report.numPendingTests + report.numTodoTests,
    failures,
  };
}
