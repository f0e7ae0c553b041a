// Debian's Mosquitto as the centre. It is never killed with SIGKILL: what it then loses of what it acknowledged is not ours to count.
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Centre } from './centre.ts';
import { type Child, startChild } from './children.ts';
import { HOST } from './network.ts';

const START_MS_MAX = 10_000;
const POLL_MS = 10;

export interface MosquittoOptions {
  readonly program: string;
  readonly port: number;
  readonly directory: string;
  /** Of mosquitto.conf, about its one listener and all else. */
  readonly lines?: readonly string[];
}

export class MosquittoCentre implements Centre {
  readonly name = 'mosquitto';
  readonly port: number;
  readonly #program: string;
  readonly #directory: string;
  #child: Child | undefined;

  constructor({ program, port, directory, lines = [] }: MosquittoOptions) {
    this.port = port;
    this.#program = program;
    this.#directory = directory;
    mkdirSync(join(directory, 'db'), { recursive: true });
    writeFileSync(join(directory, 'mosquitto.conf'), configuration(port, join(directory, 'db'), lines));
  }

  async start(): Promise<void> {
    const log = openSync(join(this.#directory, 'mosquitto.log'), 'a');
    this.#child = startChild(this.#program, ['-c', join(this.#directory, 'mosquitto.conf')], { stdio: ['ignore', log, log] });
    closeSync(log);
    const deadline = performance.now() + START_MS_MAX;
    while (!(await isListening(this.port))) {
      if (performance.now() > deadline) throw new Error(`mosquitto does not listen on port ${this.port}`);
      await delay(POLL_MS);
    }
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    child?.process.kill('SIGTERM');
    await child?.ended;
  }

  async bringDown(): Promise<void> {
    await this.stop();
  }
}

function configuration(port: number, directory: string, lines: readonly string[]): string {
  const settings = [
    `listener ${port} ${HOST}`,
    'allow_anonymous true',
    'persistence true',
    `persistence_location ${directory}/`,
    'max_queued_messages 0', // 0: no limit, here and below
    'max_queued_bytes 0',
    'user root', // as whom it is when started by root; without meaning otherwise
    ...lines,
  ];
  return `${settings.join('\n')}\n`;
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: HOST });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
