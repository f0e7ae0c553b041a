// Bundles src and gateways to dist/ when they changed since the last build (why a bundle: docs/decisions/0003-bundle.md). dist/ is complete or
// absent: the bundler writes beside it, the stamp goes in last, then one rename puts it in place.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { isBelow, PRODUCT, sourceFiles } from './sources.ts';

const DIST = 'dist';
const STAMP = '.sources';
/** The compiler and its flags count as sources. */
const SETTINGS = ['package.json', 'package-lock.json', 'tsconfig.json', 'scripts/build.ts'];
/** CommonJS packages inside the bundle ask for Node's own modules by `require`. */
const BANNER = "import{createRequire as bundledRequire}from'node:module';const require=bundledRequire(import.meta.url);";
/** Names are kept, so that a stack trace from the field can be read. */
const BUNDLE = [
  'src/main.ts',
  'src/runtime/commit-worker.ts',
  'src/runtime/backup-worker.ts',
  '--bundle',
  '--splitting',
  '--entry-names=[name]',
  '--platform=node',
  '--format=esm',
  '--target=node24',
  '--external:better-sqlite3',
  '--minify-whitespace',
  '--minify-syntax',
  '--sourcemap',
  '--legal-comments=linked',
  '--log-level=warning',
  `--banner:js=${BANNER}`,
];

/**
 * Brings dist/ up to date with the sources, by content: nothing is compiled when nothing changed.
 *
 * @returns the absolute path of the program's compiled entry; undefined when the sources do not compile, which the compiler has then explained.
 */
export function build(): string | undefined {
  const sources = digest();
  return isBuiltFrom(sources) || compile(sources) ? resolve(DIST, 'src/main.js') : undefined;
}

function digest(): string {
  const hash = createHash('sha256');
  for (const path of [...SETTINGS, ...sourceFiles().filter((file) => isBelow(PRODUCT, file))]) hash.update(`${path}\0`).update(readFileSync(path)).update('\0');
  return hash.digest('hex');
}

function isBuiltFrom(sources: string): boolean {
  return existsSync(`${DIST}/${STAMP}`) && readFileSync(`${DIST}/${STAMP}`, 'utf8') === sources;
}

function compile(sources: string): boolean {
  const next = `${DIST}.${process.pid}`;
  try {
    const { status, error } = spawnSync('esbuild', [...BUNDLE, `--outdir=${next}/src`], { stdio: ['ignore', 2, 2] });
    if (error) throw error;
    if (status !== 0) return false;
    copyFileSync('package.json', `${next}/package.json`);
    writeFileSync(`${next}/${STAMP}`, sources);
    replace(next, sources);
    return true;
  } finally {
    rmSync(next, { recursive: true, force: true });
  }
}

/** Two builds may end at once: whoever comes second finds its own result already there. */
function replace(next: string, sources: string): void {
  const last = `${next}.last`;
  while (!isBuiltFrom(sources)) {
    try {
      if (existsSync(DIST)) renameSync(DIST, last);
      renameSync(next, DIST);
      return;
    } catch (error) {
      if (!isRace(error)) throw error;
    } finally {
      rmSync(last, { recursive: true, force: true });
    }
  }
}

function isRace(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOTEMPTY' || error.code === 'EEXIST' || error.code === 'ENOENT');
}

if (import.meta.main && build() === undefined) process.exitCode = 1;
