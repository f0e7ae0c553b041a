// npm aedes as a server of the bench: its own defaults, on a socket that Nagle's algorithm does not delay.
import { createServer } from 'node:net';
import type { Subject } from './server.ts';

/** Starts this file as a process of its own. */
export const aedesServer: Subject = {
  name: 'aedes',
  command: ({ port }) => ({ program: process.execPath, args: [import.meta.filename, `${port}`] }),
};

async function serve(port: number): Promise<void> {
  const { Aedes } = await import('aedes');
  const broker = await Aedes.createBroker();
  createServer({ noDelay: true }, broker.handle).listen(port, '127.0.0.1');
}

if (import.meta.main) await serve(Number(process.argv[2]));
