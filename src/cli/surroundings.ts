import type { Config } from '../config/config.ts';
import type { Maintenance } from '../control/maintenance.ts';
import type { StartGateway } from '../control/running-gateway.ts';
import type { Clock } from '../model/clock.ts';
import type { LogSettings, ProcessLog } from '../observe/log.ts';

/** Signals a gateway acts on. */
export type Signal = 'SIGTERM' | 'SIGINT' | 'SIGHUP';

/** What a command finds around it, so that tests can put something else there. */
export interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly hostname: string;
  readonly version: string;
  readonly clock: Clock;
  /** Standard output: what was asked for. */
  write(text: string): void;
  /** Standard error: what went wrong. */
  complain(text: string): void;
  /**
   * A secret from standard input: a person types it twice and sees nothing of it, from a program or file the first line is taken.
   *
   * @param called - "Password".
   * @throws GatewayError CONFIG_INVALID - the input ended before, or the two are not the same.
   */
  readSecret(called: string): Promise<string>;
  /** Whether a person reads standard error. */
  readonly isTerminal: boolean;
  /** The log, on standard error. */
  openLog(settings: LogSettings): ProcessLog;
  onSignal(signal: Signal, run: () => void): void;
  /** Told once, of an error nobody caught; the process cannot go on after it. */
  onCrash(run: (error: unknown) => void): void;
  /** Ends the process at once. */
  exit(code: number): void;
  /** Runs a program to its end. Rejects when it cannot be run or fails. */
  execute(program: string, args: readonly string[]): Promise<void>;
  /** Once, when everything runs: gives back the memory that only starting needed. */
  releaseMemory(): void;
  readonly startGateway: StartGateway;
  /** Loaded when it is used. */
  maintenance(): Promise<Maintenance>;
  /** What is wrong inside the files a configuration names, a sentence each. */
  fileProblems(config: Config): Promise<readonly string[]>;
}
