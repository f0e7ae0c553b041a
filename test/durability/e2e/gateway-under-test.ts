// A gateway as a process: started on the same data and ports again and again, and killed in between.
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ask } from '../../../src/control/client.ts';
import type { Clock } from '../../../src/model/clock.ts';
import { type Child, startChild } from './children.ts';

export interface GatewayOptions {
  readonly name: string;
  /** Node's arguments up to the entry of the program. */
  readonly entry: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** For its data, configuration and log; exists. */
  readonly directory: string;
  readonly configuration: Readonly<Record<string, unknown>>;
  readonly clock: Clock;
}

/** What of `postern status` a run looks at. */
export interface GatewayStatus {
  readonly state: string;
  readonly sessions: { readonly stored: number; readonly connected: number };
  readonly store: { readonly boot: number; readonly queuedMessages: number; readonly damagedGroups: readonly number[] };
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
  #isKilled = false;
  #isUp = false;

  constructor(options: GatewayOptions) {
    this.name = options.name;
    this.#options = options;
    this.#data = join(options.directory, 'data');
    this.#configuration = join(options.directory, 'postern.yaml');
    writeFileSync(this.#configuration, JSON.stringify(options.configuration)); // which is YAML
  }

  get pid(): number {
    if (this.#child === undefined) throw new Error(`${this.name} is not running`);
    return this.#child.pid;
  }

  /** Between the first answer after a start and the next kill. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /** Starts it and waits until its listeners are open. */
  async start(): Promise<void> {
    const { entry, environment, directory, name } = this.#options;
    const log = openSync(join(directory, 'gateway.log'), 'a');
    const args = [...entry, 'start', '--config', this.#configuration, '--data', this.#data];
    const child = startChild(process.execPath, args, { stdio: ['ignore', log, log], env: { ...process.env, ...environment } });
    closeSync(log);
    this.#child = child;
    this.#isKilled = false;
    const end: { reached: boolean } = { reached: false };
    void child.ended.then(() => {
      end.reached = true;
    });
    const deadline = performance.now() + START_MS_MAX;
    while (!(await this.#isRunning())) {
      if (end.reached) throw new Error(`${name} ended instead of starting:\n${this.lastLines()}`);
      if (performance.now() > deadline) throw new Error(`${name} did not start within ${START_MS_MAX / 1000} s:\n${this.lastLines()}`);
      await delay(POLL_MS);
    }
    this.#isUp = true;
    void child.ended.then(() => this.#onEnded(child));
  }

  /** Stops its clock: what it has done is done, and nothing more happens until it is killed. */
  freeze(): void {
    process.kill(this.pid, 'SIGSTOP');
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#isKilled = true;
    this.#isUp = false;
    child.process.kill('SIGKILL');
    await child.ended;
    this.#child = undefined;
  }

  /** SIGTERM. @throws when it does not end well. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#isKilled = true;
    this.#isUp = false;
    child.process.kill('SIGTERM');
    const patience = new AbortController();
    const ending = await Promise.race([child.ended, delay(STOP_MS_MAX, undefined, { signal: patience.signal })]);
    patience.abort();
    this.#child = undefined;
    if (ending?.code !== 0) {
      child.process.kill('SIGKILL');
      throw new Error(`${this.name} did not stop in order (${JSON.stringify(ending)}):\n${this.lastLines()}`);
    }
  }

  async status(): Promise<GatewayStatus> {
    const answer = await ask(join(this.#data, 'control.sock'), this.#options.clock, 'status');
    if (!('ok' in answer)) throw new Error(`${this.name}: ${answer.error.message}`);
    return answer.ok as GatewayStatus;
  }

  lastLines(): string {
    return readFileSync(join(this.#options.directory, 'gateway.log'), 'utf8').trimEnd().split('\n').slice(-LOG_LINES_SHOWN).join('\n');
  }

  async #isRunning(): Promise<boolean> {
    try {
      return (await this.status()).state === 'running';
    } catch {
      return false; // not yet
    }
  }

  /** An end nobody asked for is the worst finding of all: it ends the run. */
  #onEnded(child: Child): void {
    if (this.#isKilled || this.#child !== child) return;
    this.#isUp = false;
    throw new Error(`${this.name} ended by itself:\n${this.lastLines()}`);
  }
}
