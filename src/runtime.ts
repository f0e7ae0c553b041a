// The composition root: the only file that names concrete classes. It decides nothing, it connects.
import type { Bridge } from './bridge/bridge.ts';
import { Broker } from './broker/broker.ts';
import type { SysTopics } from './broker/sys-topics.ts';
import { changedKeys } from './config/changes.ts';
import type { Config } from './config/config.ts';
import type { BanBook, ListenerAddress, QueueListing, ReloadOutcome, RunningGateway, StartGateway, StartOptions } from './control/running-gateway.ts';
import type { Gateway } from './gateway/gateway.ts';
import { type GatewayClock, gatewayClock } from './model/clock.ts';
import { MetricsTable } from './model/metrics.ts';
import { createAccess, type GatewayAccess } from './runtime/access-factory.ts';
import { createBridge } from './runtime/bridge-factory.ts';
import { brokerSettings, queueSettings } from './runtime/broker-settings.ts';
import { CommitHealth } from './runtime/commit-health.ts';
import { type Front, mqttSnFront } from './runtime/fronts.ts';
import { mqttFront } from './runtime/mqtt-front.ts';
import { createSysTopics } from './runtime/sys-topics.ts';
import type { SessionStore } from './session/session-store.ts';
import { openSqliteStore, type SqliteStoreOptions } from './store/sqlite/open.ts';
import { TurnWriter } from './transport/turn-writer.ts';

export { fileProblems } from './runtime/named-files.ts';

/** From the first goodbye until links that are still open are broken. */
const STOP_TIMEOUT_MS = 10_000;

const BRIDGE_REALM = 'bridge:';

/** Beside this file as it is written, or in the bundle. */
const COMMIT_WORKER = new URL(import.meta.url.endsWith('.ts') ? './runtime/commit-worker.ts' : './commit-worker.js', import.meta.url);

/** What a harness may put between the gateway and its disk, to see whether it would notice. */
export interface StoreOverrides extends Pick<SqliteStoreOptions, 'committer' | 'synchronous'> {
  readonly decorate?: (store: SessionStore) => SessionStore;
}

export const startGateway: StartGateway = (options) => composeGateway(options, {});

/** @throws GatewayError - nothing is left open then. */
export async function composeGateway(options: StartOptions, { decorate, ...overrides }: StoreOverrides): Promise<RunningGateway> {
  const { config, clock, log } = options;
  const metrics = new MetricsTable();
  const { checkpointIntervalSeconds, checkpointLogBytes, committer } = config.store;
  const opened = openSqliteStore({
    directory: config.data.directory,
    clock,
    log,
    metrics,
    limits: { checkpointIntervalMs: checkpointIntervalSeconds * 1000, checkpointLogBytes },
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
  readonly #commits: CommitHealth;
  readonly #writer = new TurnWriter();
  readonly #started: Gateway[] = [];
  #bridges: readonly Bridge[] = [];
  #fronts: readonly Front[] = [];
  #config: Config;
  #sysTopics: SysTopics | undefined;

  constructor(options: StartOptions, store: SessionStore, metrics: MetricsTable) {
    const { config, clock, log } = options;
    this.#options = options;
    this.#config = config;
    this.#store = store;
    this.#commits = new CommitHealth(store);
    this.#metrics = metrics;
    this.#clock = gatewayClock(clock, store.boot.gatewayTimeOffsetMs);
    this.#access = createAccess(config.access, { store, clock: this.#clock, log, metrics });
    this.#broker = new Broker({ store, clock: this.#clock, access: this.#access.control, log, metrics, settings: brokerSettings(config) });
  }

  /** What was stored first, then bridges, so that they miss nothing, then listeners. A bridge's remote is not waited for. */
  async start(): Promise<void> {
    const { clock, log } = this.#options;
    const parts = { clock, log, metrics: this.#metrics, writer: this.#writer };
    this.#bridges = await Promise.all(this.#config.bridges.map((bridge) => createBridge(bridge, parts)));
    this.#fronts = [await mqttFront(this.#config.mqtt, parts), mqttSnFront(this.#config.mqttSn, parts)].filter((front) => front !== undefined);
    this.#broker.restore();
    const bridgeNames = new Set(this.#bridges.map(({ name }) => name));
    this.#broker.retire((realm) => realm.startsWith(BRIDGE_REALM) && !bridgeNames.has(realm));
    for (const gateway of [...this.#bridges, ...this.#fronts.map((front) => front.gateway)]) {
      this.#started.push(gateway);
      await gateway.start(this.#broker.contextFor(gateway.name, this.#options.log.with({ gateway: gateway.name })));
    }
    this.#sysTopics = createSysTopics(this.#config.sys, { announcer: this.#broker.announcer, metrics: this.#metrics, ...this.#options });
    this.#sysTopics?.start();
    const { boot, lastSequence, wasClean } = this.#store.boot;
    this.#options.log.info('store opened', { boot, lastSequence, wasClean });
  }

  get addresses(): readonly ListenerAddress[] {
    return this.#fronts.flatMap(({ listeners }) => listeners.map(({ name, address }) => ({ name, address })));
  }

  status(): Record<string, unknown> {
    return {
      sessions: { stored: this.#broker.sessionCount, connected: this.#broker.connectedCount },
      store: { ...this.#store.status(), durability: this.#broker.durability.status },
      bridges: this.#bridges.map((bridge) => bridge.status()),
      counters: this.#metrics.snapshot(),
    };
  }

  isHealthy(): boolean {
    return this.#commits.look();
  }

  reload(next: Config): ReloadOutcome {
    const changed = changedKeys(this.#config, next).filter((key) => !isOfProcess(key));
    const applied = changed.filter((key) => key.startsWith('access.') || key.startsWith('queue.'));
    this.#access.reload(next.access); // with no key changed too: its files may have
    for (const listener of this.#fronts.flatMap(({ listeners }) => listeners)) listener.reload?.();
    if (changed.some((key) => key.startsWith('queue.'))) this.#broker.replaceQueueRules(queueSettings(next.queue));
    this.#config = { ...this.#config, access: next.access, queue: next.queue };
    return { applied, needsRestart: changed.filter((key) => !applied.includes(key)) };
  }

  get bans(): BanBook {
    return this.#access.banBook(this.#broker);
  }

  queues(clientId: string | undefined): QueueListing {
    return this.#broker.queues(clientId);
  }

  async stop(): Promise<void> {
    const timeout = new AbortController();
    const cancel = this.#clock.after(STOP_TIMEOUT_MS, () => timeout.abort());
    this.#sysTopics?.stop();
    try {
      for (const gateway of this.#started.reverse()) await gateway.stop(timeout.signal);
      this.#broker.shutDown();
    } finally {
      cancel();
      await this.#store.close();
    }
  }
}

function isOfProcess(key: string): boolean {
  return key.startsWith('log.') || key.startsWith('control.');
}
