// Debian's broker as a process of its own, on loopback and a free port.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { freeTcpPort } from '../durability/e2e/network.ts';
import { peer } from './peers.ts';
import { temporaryDirectory } from './postern-process.ts';

const STARTING_MS_MAX = 10_000;

export class MosquittoProcess {
  readonly port: number;
  readonly #configuration: string;
  #child: ChildProcess | undefined;

  private constructor(port: number, configuration: string) {
    this.port = port;
    this.#configuration = configuration;
  }

  /** @param lines - of mosquitto.conf, after the listener. Killed when the test ends. */
  static async start(lines: readonly string[] = []): Promise<MosquittoProcess> {
    const port = await freeTcpPort();
    const directory = temporaryDirectory();
    const configuration = join(directory, 'mosquitto.conf');
    const common = ['allow_anonymous true', 'user root', 'persistence true', `persistence_location ${directory}/`, 'max_queued_messages 0'];
    writeFileSync(configuration, [`listener ${port} 127.0.0.1`, ...common, ...lines, ''].join('\n'));
    const broker = new MosquittoProcess(port, configuration);
    await broker.start();
    onTestFinished(() => broker.stop());
    return broker;
  }

  async start(): Promise<void> {
    this.#child = spawn(peer('mosquitto'), ['-c', this.#configuration], { stdio: 'ignore' });
    const deadline = performance.now() + STARTING_MS_MAX;
    while (!(await answers(this.port))) {
      if (performance.now() > deadline) throw new Error(`mosquitto does not answer on port ${this.port}`);
    }
  }

  /** SIGTERM: it saves what it has. */
  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const isUp = await Promise.race([once(socket, 'connect').then(() => true), once(socket, 'error').then(() => false)]).catch(() => false);
  socket.destroy();
  return isUp;
}
