import type { StartGateway } from '../control/running-gateway.ts';
import type { Clock } from '../model/clock.ts';
import type { Log } from '../model/log.ts';

/** Signals a gateway acts on. */
export type Signal = 'SIGTERM' | 'SIGINT' | 'SIGHUP';

export interface LogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly format: 'text' | 'json';
}

/** A log whose level can change while it is in use. */
export interface ProcessLog {
  readonly log: Log;
  setLevel(level: LogOptions['level']): void;
}

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
  /** Whether a person reads standard error. */
  readonly isTerminal: boolean;
  openLog(options: LogOptions): ProcessLog;
  onSignal(signal: Signal, run: () => void): void;
  /** Told once, of an error nobody caught; the process cannot go on after it. */
  onCrash(run: (error: unknown) => void): void;
  /** Ends the process at once. */
  exit(code: number): void;
  /** Runs a program to its end. Rejects when it cannot be run or fails. */
  execute(program: string, args: readonly string[]): Promise<void>;
  readonly startGateway: StartGateway;
}
