// A gateway as a process: started, told by signals and the control socket what to do, and ended in good order.
import { changedKeys } from '../config/changes.ts';
import type { Config } from '../config/config.ts';
import type { LoadOutcome } from '../config/load.ts';
import { commandTable } from '../control/commands.ts';
import type { BackupDesk, BanBook, BridgeDesk, QueueBook, QueueListing, ReloadOutcome, RunningGateway } from '../control/running-gateway.ts';
import { ControlServer } from '../control/server.ts';
import { GatewayError } from '../model/errors.ts';
import { SHUTDOWN_TIMEOUT_MS } from '../model/limits.ts';
import type { Log } from '../model/log.ts';
import type { ProcessLog } from '../observe/log.ts';
import { filesToKeep } from './backup-files.ts';
import { BackupSchedule } from './backup-schedule.ts';
import { problemText } from './config-options.ts';
import { EXIT } from './exit-codes.ts';
import { greeting } from './greeting.ts';
import { ServiceManager } from './service-manager.ts';
import type { Signal, Surroundings } from './surroundings.ts';

export interface GatewayProcessOptions {
  readonly config: Config;
  /** Reads the configuration again, from where it came. */
  readonly loadAgain: () => LoadOutcome;
  /** The file it comes from, if there is one. */
  readonly file?: string | undefined;
  readonly surroundings: Surroundings;
}

/** Ctrl+C in `npm start` comes twice, from the terminal and from npm: that is one wish. */
const SIGNAL_ECHO_MS = 1_000;

/** Above the problems in the answer to `reload`. */
const NOT_RELOADED = 'nothing was reloaded';

/** Keys of the process itself; the gateway does not judge them. */
const OWN_KEYS: Readonly<Record<string, keyof ReloadOutcome>> = { 'log.level': 'applied', 'log.format': 'needsRestart', 'control.socket': 'needsRestart' };

export class GatewayProcess {
  readonly version: string;
  readonly #surroundings: Surroundings;
  readonly #loadAgain: () => LoadOutcome;
  readonly #file: string | undefined;
  readonly #processLog: ProcessLog;
  readonly #log: Log;
  readonly #serviceManager: ServiceManager;
  readonly #stopRequested = Promise.withResolvers<void>();
  #startedAtMs = 0;
  #stoppingSinceMs = 0;
  #config: Config;
  #state: 'starting' | 'running' | 'stopping' = 'starting';
  #gateway: RunningGateway | undefined;

  constructor({ config, loadAgain, file, surroundings }: GatewayProcessOptions) {
    const { environment, clock, execute, version, isTerminal } = surroundings;
    const { level, format } = config.log;
    this.version = version;
    this.#config = config;
    this.#loadAgain = loadAgain;
    this.#file = file;
    this.#surroundings = surroundings;
    this.#processLog = surroundings.openLog({ level, format: format === 'auto' ? (isTerminal ? 'text' : 'json') : format });
    this.#log = this.#processLog.log;
    this.#serviceManager = new ServiceManager({ environment, pid: process.pid, clock, log: this.#log, execute });
  }

  get log(): Log {
    return this.#log;
  }

  /**
   * Runs until a signal ends it.
   *
   * @returns the exit code.
   * @throws GatewayError - the gateway could not start; nothing of it is left open.
   */
  async run(): Promise<number> {
    const { clock, onSignal } = this.#surroundings;
    this.#startedAtMs = clock.monotonicMs();
    onSignal('SIGTERM', () => this.#terminate('SIGTERM'));
    onSignal('SIGINT', () => this.#terminate('SIGINT'));
    onSignal('SIGHUP', () => this.#hangUp());
    this.#surroundings.onCrash((error) => this.#crash(error));
    const control = new ControlServer({ path: this.#config.control.socket, commands: commandTable(this), clock, log: this.#log });
    await control.listen();
    try {
      this.#gateway = await this.#surroundings.startGateway({ config: this.#config, clock, log: this.#log, version: this.version });
    } catch (error) {
      await control.close();
      throw error;
    }
    await this.#serve(this.#gateway);
    await control.close();
    this.#log.info('gateway stopped');
    this.#processLog.flush();
    return EXIT.ok;
  }

  /** For `postern status`. */
  status(): Record<string, unknown> {
    return {
      state: this.#state,
      version: this.version,
      pid: process.pid,
      uptimeSeconds: Math.floor((this.#surroundings.clock.monotonicMs() - this.#startedAtMs) / 1_000),
      memoryBytes: process.memoryUsage.rss(),
      dataDirectory: this.#config.data.directory,
      listeners: this.#gateway?.addresses ?? [],
      ...this.#gateway?.status(),
    };
  }

  /** @throws GatewayError - nothing was changed, and the message says why. */
  reload(): ReloadOutcome {
    const gateway = this.#running(NOT_RELOADED);
    const loaded = this.#loadAgain();
    if (loaded.kind === 'invalid') throw new GatewayError('CONFIG_INVALID', `${NOT_RELOADED}:\n${problemText(loaded.problems)}`);
    void this.#serviceManager.reloading();
    const judged = gateway.reload(loaded.config);
    const own = this.#takeOver(loaded.config);
    const outcome = { applied: [...own.applied, ...judged.applied], needsRestart: [...own.needsRestart, ...judged.needsRestart] };
    void this.#serviceManager.ready('Running');
    this.#log.info('configuration reloaded', { applied: outcome.applied.join(' ') || undefined });
    if (outcome.needsRestart.length > 0) this.#log.warn('a restart is needed for part of the configuration', { keys: outcome.needsRestart.join(' ') });
    return outcome;
  }

  get bans(): BanBook {
    return this.#running('ask again').bans;
  }

  get bridges(): BridgeDesk {
    return this.#running('ask again').bridges;
  }

  get queueBook(): QueueBook {
    return this.#running('ask again').queueBook;
  }

  get backups(): BackupDesk {
    return this.#running('ask again').backups;
  }

  backUp(withSecrets: boolean, target?: string): void {
    const loaded = this.#loadAgain();
    const written = loaded.kind === 'loaded' ? loaded.written : undefined;
    this.backups.start({ files: filesToKeep({ config: this.#config, file: this.#file, written }), withSecrets, target });
  }

  queues(clientId: string | undefined): QueueListing {
    return this.#running('ask again').queues(clientId);
  }

  #running(consequence: string): RunningGateway {
    if (this.#gateway !== undefined && this.#state === 'running') return this.#gateway;
    throw new GatewayError('CONTROL_UNAVAILABLE', `the gateway is ${this.#state}: ${consequence}`);
  }

  #takeOver(next: Config): ReloadOutcome {
    const changed = changedKeys(this.#config, next);
    const { control, log } = this.#config;
    this.#config = { ...next, control, log: { ...next.log, format: log.format } };
    this.#processLog.setLevel(next.log.level);
    const own = (fate: keyof ReloadOutcome) => changed.filter((key) => OWN_KEYS[key] === fate);
    return { applied: own('applied'), needsRestart: own('needsRestart') };
  }

  async #serve(gateway: RunningGateway): Promise<void> {
    if (this.#state === 'starting') {
      this.#state = 'running';
      this.#announce(gateway);
      this.#surroundings.releaseMemory();
      await this.#serviceManager.ready('Running');
      this.#serviceManager.watch(() => gateway.isHealthy());
    }
    const schedule = this.#scheduleOf(gateway);
    schedule.start();
    await this.#stopRequested.promise;
    schedule.stop();
    await Promise.all([this.#serviceManager.stopping(), gateway.stop()]);
  }

  #scheduleOf({ backups }: RunningGateway): BackupSchedule {
    const settings = this.#config.backup;
    const { clock } = this.#surroundings;
    return new BackupSchedule({ settings, desk: backups, backUp: (target) => this.backUp(settings.secrets, target), clock, log: this.#log });
  }

  #announce({ addresses }: RunningGateway): void {
    const { environment, write } = this.#surroundings;
    const { version } = this;
    const listeners = addresses.map(({ name, address }) => `${name} ${address}`).join(', ');
    this.#log.info('gateway started', { version, listeners, data: this.#config.data.directory });
    if (environment['NOTIFY_SOCKET'] !== undefined) return; // nobody is looking at a service's standard output
    const program = environment['npm_lifecycle_event'] === 'start' ? 'npm start --' : 'postern';
    write(greeting({ version, config: this.#config, addresses, program }));
  }

  #terminate(signal: Signal): void {
    const { clock } = this.#surroundings;
    if (this.#state === 'stopping') {
      if (clock.monotonicMs() - this.#stoppingSinceMs < SIGNAL_ECHO_MS) return;
      this.#log.error('stopped at once by a second signal', { signal });
      this.#exit(EXIT.failed);
      return;
    }
    this.#state = 'stopping';
    this.#stoppingSinceMs = clock.monotonicMs();
    this.#log.info('stopping', { signal });
    clock.after(SHUTDOWN_TIMEOUT_MS, () => {
      this.#log.error('stopped at once: saying goodbye took too long', { seconds: SHUTDOWN_TIMEOUT_MS / 1_000 });
      this.#exit(EXIT.failed);
    });
    this.#stopRequested.resolve();
  }

  #hangUp(): void {
    try {
      this.reload();
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      const lines = error.message.trimEnd().split('\n');
      const causes = lines.filter((line) => line !== `${NOT_RELOADED}:`); // the event says that
      for (const cause of causes) this.#log.error('reload refused', { cause });
    }
  }

  #crash(error: unknown): void {
    this.#log.error('crashed', { cause: error instanceof Error ? error.stack : String(error) });
    this.#exit(EXIT.software);
  }

  #exit(code: number): void {
    this.#processLog.flush();
    this.#surroundings.exit(code);
  }
}
