// Access control for tests: what it is told is real, what it stores is in memory.
import type { UserRegister } from '../../src/access/access.ts';
import { AccessControl, type AccessPolicy } from '../../src/access/access-control.ts';
import { type BanSpace, Bans } from '../../src/access/bans.ts';
import { anonymousAuthenticator } from '../../src/access/providers/anonymous.ts';
import type { RateSettings } from '../../src/access/rate-limits.ts';
import { type Log, silentLog } from '../../src/model/log.ts';
import { MetricsTable } from '../../src/model/metrics.ts';
import type { FakeClock } from './fake-clock.ts';

export const NO_RATES: RateSettings = {
  connectionsPerListener: 0,
  connectionsPerAddress: 0,
  messagesPerClient: 0,
  bytesPerClient: 0,
  messagesPerListener: 0,
  bytesPerListener: 0,
  burstSeconds: 1,
  disconnectAfterSeconds: Number.POSITIVE_INFINITY,
};

/** Nobody is registered. */
export const NO_USERS: UserRegister = { standingOf: () => 'unknown', look() {}, onChange() {} };

/** Nobody vouches and nothing is allowed, at any rate. */
export const CLOSED_POLICY: AccessPolicy = {
  authenticators: [],
  challengers: [],
  users: NO_USERS,
  authorizers: [],
  noMatch: 'deny',
  rates: NO_RATES,
  systemReaders: 'superusers',
  flapping: { disconnects: 0, windowSeconds: 60, banSeconds: 300 },
};

/** Lets everybody in, at any rate; `over` says what they may do. */
export function openPolicy(over: Partial<AccessPolicy> = {}): AccessPolicy {
  return { ...CLOSED_POLICY, authenticators: [anonymousAuthenticator('always')], ...over };
}

export class MemorySpace implements BanSpace {
  readonly values = new Map<string, Uint8Array>();

  entries(): Iterable<readonly [string, Uint8Array]> {
    return this.values;
  }

  put(key: string, value: Uint8Array): void {
    this.values.set(key, value);
  }

  delete(key: string): void {
    this.values.delete(key);
  }
}

export interface TestAccess {
  readonly control: AccessControl;
  readonly bans: Bans;
  readonly metrics: MetricsTable;
}

/** Lets everybody in unless `over` says otherwise. */
export function openAccess(clock: FakeClock, over: Partial<AccessPolicy> = {}, options: { readonly log?: Log; readonly space?: BanSpace } = {}): TestAccess {
  const { log = silentLog, space = new MemorySpace() } = options;
  const metrics = new MetricsTable();
  const bans = new Bans(space, clock);
  return { control: new AccessControl(openPolicy(over), { clock, log, metrics, bans }), bans, metrics };
}
