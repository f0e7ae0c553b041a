// The real core over a store in memory, for tests of protocols and of the broker itself.
import type { Action, Admission, AuthenticationStep, Credentials } from '../../src/access/access.ts';
import type { PublishMeter } from '../../src/access/rate-limits.ts';
import { Broker, type BrokerParts, type BrokerSettings, DEFAULT_BROKER_SETTINGS } from '../../src/broker/broker.ts';
import type { Access } from '../../src/broker/permissions.ts';
import type { Receipts } from '../../src/broker/receipts.ts';
import type { GatewayContext } from '../../src/gateway/gateway.ts';
import { clientId, type Principal } from '../../src/model/client.ts';
import { gatewayClock } from '../../src/model/clock.ts';
import { silentLog } from '../../src/model/log.ts';
import { MetricsTable } from '../../src/model/metrics.ts';
import { Turns } from '../../src/model/turns.ts';
import type { FakeClock } from './fake-clock.ts';
import { MemoryStore } from './memory-store.ts';

/** Lets everybody in and allows everything a test does not forbid. */
export class OpenAccess implements Access {
  revision = 0;
  /** Actions that are refused. */
  forbids: (action: Action, principal: Principal) => boolean = () => false;
  /** What measures every client. */
  rate: PublishMeter | undefined;
  /** Whose links ended, in order. */
  readonly gone: string[] = [];

  /** Tests change both at once. */
  get ratesRevision(): number {
    return this.revision;
  }

  async authenticate(credentials: Credentials, step?: AuthenticationStep): Promise<Admission> {
    if (step !== undefined) return { kind: 'deny', reason: 'bad-authentication-method' };
    const { username, peer, listener, protocol } = credentials;
    const principal = { clientId: clientId(credentials.clientId), peer, listener, protocol, isSuperuser: false };
    return { kind: 'allow', principal: username === undefined ? principal : { ...principal, username } };
  }

  async reauthenticate(_credentials: Credentials, _step: AuthenticationStep): Promise<Admission> {
    return { kind: 'deny', reason: 'bad-authentication-method' };
  }

  may(principal: Principal, action: Action): boolean {
    return !this.forbids(action, principal);
  }

  isRemoved(): boolean {
    return false;
  }

  meter(): PublishMeter | undefined {
    return this.rate;
  }

  left(principal: Principal): void {
    this.gone.push(principal.clientId);
  }
}

export interface TestCore {
  readonly broker: Broker;
  readonly store: MemoryStore;
  readonly access: OpenAccess;
  readonly metrics: MetricsTable;
  context(gateway: string): GatewayContext;
  /** Counter or gauge by name; 0 when there is none. */
  metric(name: string): number;
}

export interface CoreOptions {
  readonly clock: FakeClock;
  /** A store that has seen other boots; a new, self-committing one when absent. */
  readonly store?: MemoryStore;
  readonly settings?: Partial<BrokerSettings>;
  /** In the place of those that pass as the clock is moved. */
  readonly turns?: Turns;
  /** In the place of one that is open to everybody. */
  readonly judge?: Access;
  /** Tells clients when their messages came. */
  readonly receipts?: Receipts;
  readonly clockBook?: BrokerParts['clockBook'];
  readonly isReturned?: BrokerParts['isReturned'];
}

/** Turns are timers that are due at once. */
export function turnsOf(clock: FakeClock): Turns {
  return new Turns({ afterPoll: (run) => void clock.after(0, run), flush() {} });
}

export function startCore({
  clock,
  store = new MemoryStore({ clock }),
  turns = turnsOf(clock),
  settings,
  judge,
  receipts,
  clockBook,
  isReturned,
}: CoreOptions): TestCore {
  const access = new OpenAccess();
  const metrics = new MetricsTable();
  const broker = new Broker({
    store,
    clock: gatewayClock(clock, store.boot.gatewayTimeOffsetMs),
    access: judge ?? access,
    log: silentLog,
    metrics,
    turns,
    settings: { ...DEFAULT_BROKER_SETTINGS, ...settings },
    receipts,
    clockBook,
    isReturned,
  });
  broker.restore();
  return {
    broker,
    store,
    access,
    metrics,
    context: (gateway) => broker.contextFor(gateway, silentLog),
    metric: (name) => metrics.snapshot()[name] ?? 0,
  };
}
