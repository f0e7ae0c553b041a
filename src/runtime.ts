// The composition root: the only file that names concrete classes. It decides nothing, it connects.
import { Broker } from './broker/broker.ts';
import { ClockBook } from './broker/clock-book.ts';
import { Receipts } from './broker/receipts.ts';
import type { SysTopics } from './broker/sys-topics.ts';
import { changedKeys } from './config/changes.ts';
import type { Config } from './config/config.ts';
import type {
  BackupDesk,
  BanBook,
  BridgeDesk,
  ListenerAddress,
  QueueBook,
  QueueListing,
  ReloadOutcome,
  RunningGateway,
  StartGateway,
  StartOptions,
} from './control/running-gateway.ts';
import type { Gateway, GatewayContext } from './gateway/gateway.ts';
import { type GatewayClock, gatewayClock } from './model/clock.ts';
import { MetricsTable } from './model/metrics.ts';
import { Turns } from './model/turns.ts';
import { BlockDevice, wearCounters } from './observe/block-device.ts';
import { createAccess, type GatewayAccess } from './runtime/access-factory.ts';
import { Backups } from './runtime/backups.ts';
import { BridgeFleet } from './runtime/bridge-fleet.ts';
import { brokerSettings, queueSettings } from './runtime/broker-settings.ts';
import { believedClock } from './runtime/clock-source.ts';
import { CommitHealth } from './runtime/commit-health.ts';
import { diskLimits, partitionBytes } from './runtime/disk-limits.ts';
import { type Front, mqttSnFront, stompFront } from './runtime/fronts.ts';
import { GatewayOrigin } from './runtime/gateway-origin.ts';
import { mqttFront } from './runtime/mqtt-front.ts';
import { queueDesk } from './runtime/queue-desk.ts';
import { createSysTopics } from './runtime/sys-topics.ts';
import { BACKUP_WORKER, COMMIT_WORKER } from './runtime/thread-entries.ts';
import { Watches } from './runtime/watches.ts';
import type { SessionStore } from './session/session-store.ts';
import { openSqliteStore, type SqliteStoreOptions } from './store/sqlite/open.ts';
import { TurnWriter } from './transport/turn-writer.ts';

export { maintenance } from './runtime/maintenance.ts';
export { fileProblems } from './runtime/named-files.ts';

/** From the first goodbye until links that are still open are broken. */
const STOP_TIMEOUT_MS = 10_000;

const BRIDGE_REALM = 'bridge:';

/** What a harness may put between the gateway and its disk, to see whether it would notice. */
export interface StoreOverrides extends Pick<SqliteStoreOptions, 'committer' | 'synchronous'> {
  readonly decorate?: (store: SessionStore) => SessionStore;
}

export const startGateway: StartGateway = (options) => composeGateway(options, {});

/** @throws GatewayError - nothing is left open then. */
export async function composeGateway(given: StartOptions, { decorate, ...overrides }: StoreOverrides): Promise<RunningGateway> {
  const options = { ...given, clock: believedClock(given.clock, given.config.clock.source) };
  const { config, clock, log } = options;
  const metrics = new MetricsTable();
  const { checkpointIntervalSeconds, checkpointLogBytes, committer } = config.store;
  const opened = openSqliteStore({
    directory: config.data.directory,
    clock,
    machine: options.machine,
    log,
    metrics,
    limits: { checkpointIntervalMs: checkpointIntervalSeconds * 1000, checkpointLogBytes },
    wearCounters: wearCounters(BlockDevice.below(config.data.directory)),
    diskLimits: diskLimits(config.store),
    ...(committer !== 'inline' && { commitThread: { entry: COMMIT_WORKER, isAlways: committer === 'worker' } }),
    ...overrides,
  });
  const store = decorate?.(opened) ?? opened;
  let parts: GatewayParts | undefined;
  try {
    parts = new GatewayParts(options, store, metrics);
    await parts.start();
    return parts;
  } catch (error) {
    await (parts === undefined ? store.close() : parts.stop());
    throw error;
  }
}

class GatewayParts implements RunningGateway {
  readonly #options: StartOptions;
  readonly #store: SessionStore;
  readonly #metrics: MetricsTable;
  readonly #clock: GatewayClock;
  readonly #access: GatewayAccess;
  readonly #broker: Broker;
  readonly #clockBook: ClockBook;
  readonly #commits: CommitHealth;
  readonly #backups: Backups;
  readonly #writer = new TurnWriter();
  readonly #turns = new Turns(this.#writer);
  readonly #started: Gateway[] = [];
  readonly #bridges: BridgeFleet;
  #fronts: readonly Front[] = [];
  #config: Config;
  #sysTopics: SysTopics | undefined;
  #watches: Watches | undefined;

  constructor(options: StartOptions, store: SessionStore, metrics: MetricsTable) {
    const { config, clock, log } = options;
    this.#options = options;
    this.#config = config;
    this.#store = store;
    this.#commits = new CommitHealth(store);
    this.#metrics = metrics;
    this.#backups = new Backups({ ...options, directory: config.data.directory, metrics, entry: BACKUP_WORKER });
    this.#clock = gatewayClock(clock, store.boot.gatewayTimeOffsetMs);
    this.#access = createAccess(config.access, { store, clock: this.#clock, log, metrics });
    this.#clockBook = new ClockBook({ store, metrics });
    const receipts = config.clock.userProperties ? new Receipts(this.#clockBook) : undefined;
    const origin = new GatewayOrigin({ store, clock });
    this.#broker = new Broker({
      store,
      clock: this.#clock,
      access: this.#access.control,
      log,
      metrics,
      turns: this.#turns,
      settings: brokerSettings(config),
      receipts,
      clockBook: this.#clockBook,
      isReturned: (draft) => origin.isOwn(draft),
    });
    this.#bridges = new BridgeFleet({
      clock,
      log,
      metrics,
      writer: this.#writer,
      diskBytes: () => partitionBytes(config.data.directory),
      origin,
      contextFor: (name) => this.#contextFor(name),
      waitingFor: (name) => this.#broker.waitingFor(BRIDGE_REALM + name),
      retireAllBut: (names) => this.#broker.retire((realm) => realm.startsWith(BRIDGE_REALM) && !names.has(realm)),
    });
  }

  /** What was stored first, then bridges, so that they miss nothing, then listeners. A bridge's remote is not waited for. */
  async start(): Promise<void> {
    const { clock, log } = this.#options;
    this.#watches = this.#watch();
    this.#backups.removeLeft();
    const parts = { clock, log, metrics: this.#metrics, writer: this.#writer };
    this.#fronts = [await mqttFront(this.#config.mqtt, parts), mqttSnFront(this.#config.mqttSn, parts), stompFront(this.#config.stomp, parts)].filter(
      (front) => front !== undefined,
    );
    this.#broker.restore();
    await this.#bridges.start(this.#config.bridges);
    for (const { gateway } of this.#fronts) {
      this.#started.push(gateway);
      await gateway.start(this.#contextFor(gateway.name));
    }
    this.#sysTopics = createSysTopics(this.#config.sys, { announcer: this.#broker.announcer, metrics: this.#metrics, ...this.#options });
    this.#sysTopics?.start();
    this.#broker.watchRights();
    this.#watches.start();
    const { boot, lastSequence, wasClean } = this.#store.boot;
    this.#options.log.info('store opened', { boot, lastSequence, wasClean });
  }

  get addresses(): readonly ListenerAddress[] {
    return this.#fronts.flatMap(({ listeners }) => listeners.map(({ name, address }) => ({ name, address })));
  }

  status(): Record<string, unknown> {
    const { wear: _shownByItself, ...store } = this.#store.status();
    return {
      sessions: { stored: this.#broker.sessionCount, connected: this.#broker.connectedCount },
      ...this.#watches?.status(),
      store: { ...store, durability: this.#broker.durability.status },
      bridges: this.#bridges.status(),
      counters: this.#metrics.snapshot(),
    };
  }

  isHealthy(): boolean {
    return this.#commits.look();
  }

  reload(next: Config): ReloadOutcome {
    const changed = changedKeys(this.#config, next).filter((key) => !isOfProcess(key));
    const applied = changed.filter((key) => key.startsWith('access.') || key.startsWith('queue.') || key === 'bridges');
    this.#access.reload(next.access); // with no key changed too: its files may have
    for (const listener of this.#fronts.flatMap(({ listeners }) => listeners)) listener.reload?.();
    if (changed.some((key) => key.startsWith('queue.'))) this.#broker.replaceQueueRules(queueSettings(next.queue));
    this.#bridges.reload(next.bridges); // with nothing changed too: their files may have
    this.#config = { ...this.#config, access: next.access, queue: next.queue, bridges: next.bridges };
    return { applied, needsRestart: changed.filter((key) => !applied.includes(key)) };
  }

  get bans(): BanBook {
    return this.#access.banBook(this.#broker);
  }

  get bridges(): BridgeDesk {
    return this.#bridges;
  }

  get backups(): BackupDesk {
    return this.#backups;
  }

  queues(clientId: string | undefined): QueueListing {
    return this.#broker.queues(clientId);
  }

  get queueBook(): QueueBook {
    return queueDesk(this.#broker);
  }

  #contextFor(name: string): GatewayContext {
    return this.#broker.contextFor(name, this.#options.log.with({ gateway: name }));
  }

  #watch(): Watches {
    const { log } = this.#options;
    const { announcer, durability } = this.#broker;
    const parts = { config: this.#config, store: this.#store, clock: this.#clock, log, metrics: this.#metrics };
    return new Watches({ ...parts, book: this.#clockBook, announcer, durability });
  }

  async stop(): Promise<void> {
    const timeout = new AbortController();
    const cancel = this.#clock.after(STOP_TIMEOUT_MS, () => timeout.abort());
    this.#sysTopics?.stop();
    this.#watches?.stop();
    try {
      for (const gateway of this.#started.reverse()) await gateway.stop(timeout.signal);
      await this.#bridges.stop(timeout.signal);
      this.#broker.shutDown();
    } finally {
      cancel();
      await this.#backups.stop();
      await this.#store.close();
    }
  }
}

function isOfProcess(key: string): boolean {
  return key.startsWith('log.') || key.startsWith('control.');
}
