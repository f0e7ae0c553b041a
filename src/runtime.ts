// The composition root: the only file that names concrete classes. It decides nothing, it connects.
import { createMqttSnGateway } from '../gateways/mqtt-sn/index.ts';
import { AccessControl, type AccessPolicy } from './access/access-control.ts';
import { anonymousAuthenticator } from './access/providers/anonymous.ts';
import { internalAuthenticator } from './access/providers/internal.ts';
import { ruleAuthorizer } from './access/providers/rules.ts';
import type { Bridge } from './bridge/bridge.ts';
import { createBridge } from './bridge-factory.ts';
import { Broker, type BrokerSettings, DEFAULT_BROKER_SETTINGS } from './broker/broker.ts';
import { changedKeys } from './config/changes.ts';
import type { Config } from './config/config.ts';
import type { ListenerAddress, ReloadOutcome, RunningGateway, StartGateway, StartOptions } from './control/running-gateway.ts';
import type { Gateway } from './gateway/gateway.ts';
import { type GatewayClock, gatewayClock } from './model/clock.ts';
import { MetricsTable } from './model/metrics.ts';
import { MqttGateway } from './mqtt/gateway.ts';
import type { SessionStore } from './session/session-store.ts';
import { openSqliteStore, type SqliteStoreOptions } from './store/sqlite/open.ts';
import { TcpTransport } from './transport/tcp.ts';
import { TurnWriter } from './transport/turn-writer.ts';
import { UdpTransport } from './transport/udp.ts';

/** From the first goodbye until links that are still open are broken. */
const STOP_TIMEOUT_MS = 10_000;

/** What a harness may put between the gateway and its disk, to see whether it would notice. */
export interface StoreOverrides extends Pick<SqliteStoreOptions, 'synchronous'> {
  readonly decorate?: (store: SessionStore) => SessionStore;
}

export const startGateway: StartGateway = (options) => composeGateway(options, {});

/** @throws GatewayError - nothing is left open then. */
export async function composeGateway(options: StartOptions, overrides: StoreOverrides): Promise<RunningGateway> {
  const { config, clock, log } = options;
  const metrics = new MetricsTable();
  const { checkpointIntervalSeconds, checkpointLogBytes } = config.store;
  const opened = openSqliteStore({
    directory: config.data.directory,
    clock,
    log,
    metrics,
    limits: { checkpointIntervalMs: checkpointIntervalSeconds * 1000, checkpointLogBytes },
    ...(overrides.synchronous === undefined ? {} : { synchronous: overrides.synchronous }),
  });
  const store = overrides.decorate?.(opened) ?? opened;
  const parts = new GatewayParts(options, store, metrics);
  try {
    await parts.start();
    return parts;
  } catch (error) {
    await parts.stop();
    throw error;
  }
}

interface Listening {
  readonly name: string;
  readonly address: string;
}

class GatewayParts implements RunningGateway {
  readonly #options: StartOptions;
  readonly #store: SessionStore;
  readonly #metrics: MetricsTable;
  readonly #clock: GatewayClock;
  readonly #access: AccessControl;
  readonly #broker: Broker;
  readonly #bridges: readonly Bridge[];
  readonly #gateways: readonly Gateway[];
  readonly #listening: Listening[] = [];
  readonly #started: Gateway[] = [];
  #config: Config;

  constructor(options: StartOptions, store: SessionStore, metrics: MetricsTable) {
    const { config, clock, log } = options;
    this.#options = options;
    this.#config = config;
    this.#store = store;
    this.#metrics = metrics;
    this.#clock = gatewayClock(clock, store.boot.gatewayTimeOffsetMs);
    this.#access = new AccessControl(policyOf(config), { clock, log });
    this.#broker = new Broker({ store, clock: this.#clock, access: this.#access, log, metrics, settings: brokerSettings(config) });
    const writer = new TurnWriter();
    this.#bridges = config.bridges.map((bridge) => createBridge(bridge, { clock, log, metrics, writer }));
    this.#gateways = [this.#mqtt(writer), this.#mqttSn(writer)].filter((gateway) => gateway !== undefined);
  }

  /** What was stored first, then bridges, so that they miss nothing, then listeners. A bridge's remote is not waited for. */
  async start(): Promise<void> {
    this.#broker.restore();
    for (const gateway of [...this.#bridges, ...this.#gateways]) {
      this.#started.push(gateway);
      await gateway.start(this.#broker.contextFor(gateway.name, this.#options.log.with({ gateway: gateway.name })));
    }
    const { boot, lastSequence, wasClean } = this.#store.boot;
    this.#options.log.info('store opened', { boot, lastSequence, wasClean });
  }

  get addresses(): readonly ListenerAddress[] {
    return this.#listening.map(({ name, address }) => ({ name, address }));
  }

  status(): Record<string, unknown> {
    return {
      sessions: { stored: this.#broker.sessionCount, connected: this.#broker.connectedCount },
      store: { ...this.#store.status() },
      bridges: this.#bridges.map((bridge) => bridge.status()),
      counters: this.#metrics.snapshot(),
    };
  }

  isHealthy(): boolean {
    return !this.#store.isCongested;
  }

  reload(next: Config): ReloadOutcome {
    const changed = changedKeys(this.#config, next).filter((key) => !isOfProcess(key));
    const applied = changed.filter((key) => key.startsWith('access.'));
    if (applied.length > 0) this.#access.replacePolicy(policyOf(next));
    this.#config = { ...this.#config, access: next.access };
    return { applied, needsRestart: changed.filter((key) => !applied.includes(key)) };
  }

  async stop(): Promise<void> {
    const timeout = new AbortController();
    const cancel = this.#clock.after(STOP_TIMEOUT_MS, () => timeout.abort());
    try {
      for (const gateway of this.#started.reverse()) await gateway.stop(timeout.signal);
      this.#broker.shutDown();
    } finally {
      cancel();
      await this.#store.close();
    }
  }

  #mqtt(writer: TurnWriter): MqttGateway | undefined {
    const { mqtt } = this.#config;
    if (!mqtt.tcp.enabled) return undefined;
    const { clock, log } = this.#options;
    const transport = new TcpTransport({ name: 'mqtt.tcp', ...mqtt.tcp.bind, clock, log, metrics: this.#metrics, writer });
    this.#listening.push(transport);
    return new MqttGateway({ ...mqtt, connectTimeoutMs: mqtt.connectTimeoutSeconds * 1000 }, [transport]);
  }

  #mqttSn(writer: TurnWriter): Gateway | undefined {
    const { mqttSn } = this.#config;
    if (!mqttSn.udp.enabled) return undefined;
    const { log } = this.#options;
    const transport = new UdpTransport({ name: 'mqttSn.udp', ...mqttSn.udp.bind, log, metrics: this.#metrics, writer });
    this.#listening.push(transport);
    return createMqttSnGateway(mqttSn, transport);
  }
}

function policyOf({ access }: Config): AccessPolicy {
  return {
    authenticators: [internalAuthenticator, anonymousAuthenticator(access.anonymous)],
    authorizers: access.rules.length === 0 ? [] : [ruleAuthorizer(access.rules)],
    noMatch: access.defaultPermission,
  };
}

function brokerSettings({ sessions, queue, retained, will, qos2 }: Config): BrokerSettings {
  return {
    ...DEFAULT_BROKER_SETTINGS,
    sessionsMax: sessions.max,
    queueLimits: queue,
    retainedLimits: retained,
    willRestartGraceSeconds: will.restartGraceSeconds,
    qos2QuarantineMs: qos2.quarantineSeconds * 1000,
  };
}

function isOfProcess(key: string): boolean {
  return key.startsWith('log.') || key.startsWith('control.');
}
