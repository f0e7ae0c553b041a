// Lint gate: biome over every file it knows, warnings included, and the proof that it looked at each source file.
import { spawnSync } from 'node:child_process';
import { hasReadAll, sourceFiles } from './sources.ts';

const options = ['--error-on-warnings', '--verbose', '--colors=off', '--max-diagnostics=200'];
const { stdout, stderr, error, status } = spawnSync('biome', ['ci', '.', ...options], { encoding: 'utf8', maxBuffer: 1 << 28 });
if (error) throw error;
process.stdout.write(stderr);
const processed = [...stdout.matchAll(/^ +- (.+)$/gm)].map(([, path = '']) => path);
const isComplete = hasReadAll('lint', sourceFiles(), new Set(processed));
process.exitCode = status === 0 && isComplete ? 0 : 1;
