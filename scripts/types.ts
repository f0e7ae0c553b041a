// Types gate: the compiler on its strictest flags, over every source file there is.
import { spawnSync } from 'node:child_process';
import { relative } from 'node:path';
import { hasReadAll, isBelow, ROOTS, sourceFiles } from './sources.ts';

const { stdout, error, status } = spawnSync('tsc', ['-p', '.', '--listFiles', '--pretty', 'false'], { encoding: 'utf8', maxBuffer: 1 << 28 });
if (error) throw error;
const lines = stdout.split('\n').filter((line) => line !== '');
const files = lines.filter((line) => line.startsWith('/'));
for (const line of lines.filter((each) => !each.startsWith('/'))) process.stdout.write(`${line}\n`);
const expected = sourceFiles().filter((path) => isBelow(ROOTS, path) && path.endsWith('.ts'));
const isComplete = hasReadAll('types', expected, new Set(files.map((path) => relative('.', path))));
process.exitCode = status === 0 && isComplete ? 0 : 1;
