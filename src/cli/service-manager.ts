// sd_notify(3) through the program `systemd-notify`: Node.js cannot send to a Unix datagram socket. Outside of systemd all of it does nothing.
import type { CancelTimer, Clock } from '../model/clock.ts';
import type { Log } from '../model/log.ts';
import type { Surroundings } from './surroundings.ts';

export interface ServiceManagerOptions {
  readonly environment: Surroundings['environment'];
  readonly pid: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly execute: Surroundings['execute'];
}

export class ServiceManager {
  readonly #options: ServiceManagerOptions;
  #last: Promise<void> = Promise.resolve();
  #hasFailed = false;

  constructor(options: ServiceManagerOptions) {
    this.#options = options;
  }

  ready(status: string): Promise<void> {
    return this.#notify('READY=1', `STATUS=${status}`);
  }

  reloading(): Promise<void> {
    return this.#notify('RELOADING=1');
  }

  stopping(): Promise<void> {
    return this.#notify('STOPPING=1', 'STATUS=Saying goodbye');
  }

  /**
   * Pets the watchdog at half its period as long as `isHealthy`; a blocked event loop cannot.
   *
   * @see sd_watchdog_enabled(3)
   */
  watch(isHealthy: () => boolean): CancelTimer {
    const { environment, pid, clock, log } = this.#options;
    const periodMs = Number(environment['WATCHDOG_USEC'] ?? 0) / 1_000;
    const watched = environment['WATCHDOG_PID'];
    if (!(periodMs > 0) || (watched !== undefined && watched !== String(pid))) return () => undefined;
    let cancel: CancelTimer = () => undefined;
    const pet = (): void => {
      if (isHealthy()) void this.#notify('WATCHDOG=1');
      else log.error('watchdog not served: messages cannot be made durable');
      cancel = clock.after(periodMs / 2, pet);
    };
    pet();
    return () => cancel();
  }

  /** In the order of the calls. Never rejects: a service manager that hears nothing acts by its own time-outs. */
  #notify(...assignments: readonly string[]): Promise<void> {
    if (this.#options.environment['NOTIFY_SOCKET'] === undefined) return Promise.resolve();
    this.#last = this.#last.then(() => this.#send(assignments));
    return this.#last;
  }

  async #send(assignments: readonly string[]): Promise<void> {
    try {
      await this.#options.execute('systemd-notify', assignments);
    } catch (error) {
      if (!this.#hasFailed) this.#options.log.warn('systemd was not told', { cause: error instanceof Error ? error.message : String(error) });
      this.#hasFailed = true;
    }
  }
}
