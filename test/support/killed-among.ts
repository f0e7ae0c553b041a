// Loaded before the program (`node --import`): at its KILL_AT-th step with a file or the control socket something ends as by SIGKILL: the process itself, or KILL_PID,
// the gateway it talks to, KILL_AFTER_MS later.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';

const STEPS: readonly [module: object, name: string][] = [
  [fs, 'openSync'],
  [fs, 'writeSync'],
  [fs, 'fsyncSync'],
  [fs, 'renameSync'],
  [net, 'createConnection'],
];
const gateway = process.env['KILL_PID'];
let left = Number(process.env['KILL_AT']);

function kill(): void {
  if (gateway === undefined) process.kill(process.pid, 'SIGKILL');
  else setTimeout(() => process.kill(Number(gateway), 'SIGKILL'), Number(process.env['KILL_AFTER_MS']));
}

for (const [module, name] of STEPS) {
  const real: unknown = Reflect.get(module, name);
  Object.assign(module, {
    [name]: (...args: unknown[]) => {
      if (name !== 'openSync' || String(args[0]).includes('.queue')) left -= 1;
      if (left === 0) kill();
      return typeof real === 'function' ? real(...args) : undefined;
    },
  });
}
syncBuiltinESMExports();
