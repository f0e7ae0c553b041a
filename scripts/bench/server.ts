// A server under load: started on its own processor and port, polled until it listens, stopped or killed.
import { closeSync, openSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Child, type Command, startOn } from './children.ts';

const HOST = '127.0.0.1';
const START_SECONDS_MAX = 30;
const STOP_SECONDS_MAX = 30;
const POLL_MS = 10;
const LOG_LINES_SHOWN = 20;

/** Where a server is to run. */
export interface Place {
  readonly port: number;
  /** For its data, configuration and log; exists. */
  readonly directory: string;
}

/** A kind of server. */
export interface Subject {
  readonly name: string;
  /** The command that runs it in the foreground at `place`; may write files there. */
  command(place: Place): Command;
}

export interface Server {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  /** SIGTERM, and the end of the process. */
  stop(): Promise<void>;
  /** The end of a process that somebody else kills. */
  ended(): Promise<void>;
}

/** Starts `subject` without waiting for it to listen. */
export function launch(subject: Subject, place: Place, { core, environment = {} }: { core: number; environment?: Readonly<Record<string, string>> }): Server {
  const command = subject.command(place);
  const log = openSync(join(place.directory, 'server.log'), 'a');
  const child = startOn(core, { ...command, environment: { ...command.environment, ...environment } }, { stdio: ['ignore', log, log] });
  closeSync(log);
  return {
    name: subject.name,
    pid: child.pid,
    port: place.port,
    stop: () => stop(subject.name, child),
    ended: async () => void (await child.ended),
  };
}

/** Starts `subject` and waits until its port answers. */
export async function start(subject: Subject, place: Place, options: { core: number; environment?: Readonly<Record<string, string>> }): Promise<Server> {
  const server = launch(subject, place, options);
  let isRunning = true;
  void server.ended().then(() => {
    isRunning = false;
  });
  const deadline = performance.now() + START_SECONDS_MAX * 1000;
  while (!(await isListening(place.port))) {
    if (!isRunning) throw new Error(`${subject.name} ended instead of listening:\n${lastLines(place)}`);
    if (performance.now() > deadline)
      throw new Error(`${subject.name} does not listen on port ${place.port} after ${START_SECONDS_MAX} s:\n${lastLines(place)}`);
    await delay(POLL_MS);
  }
  return server;
}

async function stop(name: string, child: Child): Promise<void> {
  child.process.kill('SIGTERM');
  const patience = new AbortController();
  const ending = await Promise.race([child.ended, delay(STOP_SECONDS_MAX * 1000, undefined, { signal: patience.signal, ref: false })]);
  if (ending === undefined) throw new Error(`${name} did not end ${STOP_SECONDS_MAX} s after SIGTERM`);
  patience.abort();
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: HOST });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function lastLines({ directory }: Place): string {
  return readFileSync(join(directory, 'server.log'), 'utf8').trimEnd().split('\n').slice(-LOG_LINES_SHOWN).join('\n');
}

/** A port nobody uses at this moment. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, HOST, () => {
      const address = server.address();
      server.close(() => (address !== null && typeof address === 'object' ? resolve(address.port) : reject(new Error('no free port'))));
    });
  });
}
