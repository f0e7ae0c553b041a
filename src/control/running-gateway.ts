// What the process knows of the gateway it runs: the composition root implements this, commands and signals use it.
import type { Config } from '../config/config.ts';
import type { Clock } from '../model/clock.ts';
import type { Log } from '../model/log.ts';

export interface StartOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
}

/**
 * Opens the store, then the listeners, and resolves once peers can connect. When it rejects, everything it had opened is closed again.
 *
 * @throws GatewayError - its message is one sentence that says what to do.
 */
export type StartGateway = (options: StartOptions) => Promise<RunningGateway>;

export interface RunningGateway {
  /** Every listener as it is bound: `mqtt.tcp`, `127.0.0.1:1883`. */
  readonly addresses: readonly ListenerAddress[];
  /** What `postern status` shows: texts, numbers, booleans, and lists and records of them. Cheap; never touches the disk. */
  status(): Record<string, unknown>;
  /** False once messages cannot be made durable any more; the watchdog then restarts the process. */
  isHealthy(): boolean;
  /** Takes over what can change while running. Keys of `log` and `control` are the process's own and are left to it. */
  reload(next: Config): ReloadOutcome;
  /** Says goodbye to peers, waits for the last commit and closes the store. */
  stop(): Promise<void>;
}

export interface ListenerAddress {
  readonly name: string;
  readonly address: string;
}

/** Names of configuration keys. */
export interface ReloadOutcome {
  readonly applied: readonly string[];
  readonly needsRestart: readonly string[];
}
