// Loaded before the program (`node --import`): in the place of the KILL_AT-th change of a directory the process ends as by SIGKILL.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const CHANGES = ['copyFileSync', 'mkdirSync', 'renameSync', 'rmdirSync', 'rmSync'] as const;
let left = Number(process.env['KILL_AT']);

for (const name of CHANGES) {
  const real: unknown = fs[name];
  Object.assign(fs, {
    [name]: (...args: unknown[]) => {
      left -= 1;
      if (left === 0) process.kill(process.pid, 'SIGKILL');
      return typeof real === 'function' ? real(...args) : undefined;
    },
  });
}
syncBuiltinESMExports();
