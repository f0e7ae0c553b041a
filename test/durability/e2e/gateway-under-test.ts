// A gateway as a process: started on the same data and ports again and again, and killed in between.
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ask } from '../../../src/control/client.ts';
import type { Clock } from '../../../src/model/clock.ts';
import type { StoreStatus } from '../../../src/session/session-store.ts';
import { type Child, startChild } from './children.ts';

export interface GatewayOptions {
  readonly name: string;
  /** Node's arguments up to the entry of the program. */
  readonly entry: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** For its data, configuration and log; exists. */
  readonly directory: string;
  /** For its data, if that lies elsewhere. */
  readonly data?: string;
  readonly configuration: Readonly<Record<string, unknown>>;
  readonly clock: Clock;
}

/** What of `postern status` a run looks at. */
export interface GatewayStatus {
  readonly state: string;
  readonly sessions: { readonly stored: number; readonly connected: number };
  readonly store: {
    readonly boot: number;
    readonly queuedMessages: number;
    readonly damagedGroups: readonly number[];
    readonly quarantined: readonly string[];
  } & Pick<StoreStatus, 'diskStep' | 'roomBytes' | 'storeBytes' | 'ballastBytes' | 'writeFailure'>;
  readonly bridges: readonly { readonly name: string; readonly isConnected: boolean }[];
  readonly counters: Readonly<Record<string, number>>;
}

const START_MS_MAX = 30_000;
const STOP_MS_MAX = 20_000;
const POLL_MS = 15;
const LOG_LINES_SHOWN = 15;

export class GatewayUnderTest {
  readonly name: string;
  readonly #options: GatewayOptions;
  readonly #configuration: string;
  readonly #data: string;
  #child: Child | undefined;
  /** An end nobody asked for, and the last it said. */
  #crash: Error | undefined;

  constructor(options: GatewayOptions) {
    this.name = options.name;
    this.#options = options;
    this.#data = options.data ?? join(options.directory, 'data');
    this.#configuration = join(options.directory, 'postern.yaml');
    writeFileSync(this.#configuration, JSON.stringify(options.configuration)); // which is YAML
  }

  /** Starts it and waits until its listeners are open. */
  async start(): Promise<void> {
    const { entry, environment, directory, name } = this.#options;
    const log = openSync(join(directory, 'gateway.log'), 'a');
    const args = [...entry, 'start', '--config', this.#configuration, '--data', this.#data];
    const child = startChild(process.execPath, args, { stdio: ['ignore', log, log], env: { ...process.env, ...environment } });
    closeSync(log);
    this.#child = child;
    void child.ended.then((ending) => {
      if (this.#child === child) this.#crash = new Error(`${name} ended by itself (${JSON.stringify(ending)}):\n${this.#lastLines()}`);
    });
    const deadline = performance.now() + START_MS_MAX;
    while (!(await this.#isRunning())) {
      if (performance.now() > deadline) throw new Error(`${name} did not start within ${START_MS_MAX / 1000} s:\n${this.#lastLines()}`);
      await delay(POLL_MS);
    }
  }

  /** Most memory it ever had. */
  get memoryBytesMost(): number {
    const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.#child?.process.pid}/status`, 'utf8')) ?? [];
    return Number(kilobytes) * 1024;
  }

  /** Stops its clock: what it has done is done, and nothing more happens until it is killed. */
  freeze(): void {
    this.#checkAlive();
    this.#child?.process.kill('SIGSTOP');
  }

  /** @throws when it has ended before by itself. */
  async kill(): Promise<void> {
    this.#checkAlive();
    const child = this.#child;
    this.#child = undefined;
    child?.process.kill('SIGKILL');
    await child?.ended;
  }

  /** SIGTERM. @throws when it does not end well. */
  async stop(): Promise<void> {
    this.#checkAlive();
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    child.process.kill('SIGTERM');
    const patience = new AbortController();
    const ending = await Promise.race([child.ended, delay(STOP_MS_MAX, undefined, { signal: patience.signal })]);
    patience.abort();
    if (ending?.code !== 0) {
      child.process.kill('SIGKILL');
      throw new Error(`${this.name} did not stop in order (${JSON.stringify(ending)}):\n${this.#lastLines()}`);
    }
  }

  async status(): Promise<GatewayStatus> {
    this.#checkAlive();
    const answer = await ask(join(this.#data, 'control.sock'), this.#options.clock, 'status');
    if (!('ok' in answer)) throw new Error(`${this.name}: ${answer.error.message}`);
    return answer.ok as GatewayStatus;
  }

  /** What the queue of that client has lost since it began, by cause. */
  async lostBy(clientId: string): Promise<Readonly<Record<string, number>>> {
    this.#checkAlive();
    const answer = await ask(join(this.#data, 'control.sock'), this.#options.clock, 'queues', { clientId });
    if (!('ok' in answer)) throw new Error(`${this.name}: ${answer.error.message}`);
    const { queues } = answer.ok as { readonly queues: readonly { readonly lost?: Readonly<Record<string, number>> }[] };
    return queues[0]?.lost ?? {};
  }

  #lastLines(): string {
    return readFileSync(join(this.#options.directory, 'gateway.log'), 'utf8').trimEnd().split('\n').slice(-LOG_LINES_SHOWN).join('\n');
  }

  async #isRunning(): Promise<boolean> {
    try {
      return (await this.status()).state === 'running';
    } catch (error) {
      if (error === this.#crash) throw error;
      return false; // not yet
    }
  }

  #checkAlive(): void {
    const crash = this.#crash;
    if (crash === undefined) return;
    this.#child = undefined;
    throw crash;
  }
}
