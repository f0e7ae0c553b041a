// Whom nobody lets in for a time, whatever they can prove. Bans lie in the gateway's state, so that a restart does not lift them; their time runs
// in gateway time, which a board without a clock has too.
import type { PeerAddress, Principal } from '../model/client.ts';
import type { GatewayClock, GatewayMs } from '../model/clock.ts';
import { GatewayError } from '../model/errors.ts';
import { BANS_MAX } from '../model/limits.ts';
import { type AddressPattern, addressPattern } from './address-pattern.ts';

export type BanKind = 'client' | 'user' | 'address';

export interface BanRequest {
  readonly kind: BanKind;
  /** A client id, a user name, or an address or range of them. */
  readonly value: string;
  /** `Infinity`: until it is removed. */
  readonly seconds: number;
  /** For people. */
  readonly reason: string;
}

/** A ban in force; `seconds` are left of it. */
export type Ban = BanRequest;

/** Where bans are kept: the durable space of the gateway's access control. */
export interface BanSpace {
  entries(): Iterable<readonly [key: string, value: Uint8Array]>;
  put(key: string, value: Uint8Array): void;
  delete(key: string): void;
}

interface StoredBan {
  readonly kind: BanKind;
  readonly value: string;
  readonly reason: string;
  readonly untilMs: GatewayMs;
}

interface Entry extends StoredBan {
  readonly pattern: AddressPattern | undefined;
}

export class Bans {
  readonly #space: BanSpace;
  readonly #clock: GatewayClock;
  readonly #entries = new Map<string, Entry>();
  readonly #listeners: (() => void)[] = [];

  /** Takes over what the space holds. */
  constructor(space: BanSpace, clock: GatewayClock) {
    this.#space = space;
    this.#clock = clock;
    for (const [key, value] of space.entries()) this.#entries.set(key, withPattern(decode(value)));
  }

  get count(): number {
    return this.#entries.size;
  }

  onChange(run: () => void): void {
    this.#listeners.push(run);
  }

  /**
   * Adds a ban, or gives one that exists a new end and reason.
   *
   * @throws GatewayError LIMIT_EXCEEDED - there are BANS_MAX already; CONFIG_INVALID - the address is none.
   */
  add({ kind, value, seconds, reason }: BanRequest): void {
    this.#removeExpired();
    const key = keyOf(kind, value);
    if (!this.#entries.has(key) && this.#entries.size >= BANS_MAX) throw new GatewayError('LIMIT_EXCEEDED', `there are ${BANS_MAX} bans already: remove one`);
    const ban = { kind, value, reason, untilMs: this.#clock.gatewayMs() + seconds * 1000 };
    this.#entries.set(key, withPattern(ban));
    this.#space.put(key, encode(ban));
    this.#changed();
  }

  /** @returns whether there was one. */
  remove(kind: BanKind, value: string): boolean {
    this.#removeExpired();
    const key = keyOf(kind, value);
    if (!this.#entries.delete(key)) return false;
    this.#space.delete(key);
    this.#changed();
    return true;
  }

  list(): readonly Ban[] {
    this.#removeExpired();
    const now = this.#clock.gatewayMs();
    return [...this.#entries.values()].map(({ kind, value, reason, untilMs }) => ({ kind, value, reason, seconds: Math.ceil((untilMs - now) / 1000) }));
  }

  /** Before anything is proven: by address, and by the client id that is asked for. */
  coversUnproven({ clientId, peer }: { readonly clientId: string; readonly peer: PeerAddress }): boolean {
    if (this.#entries.size === 0) return false;
    if (this.#isInForce(this.#entries.get(keyOf('client', clientId)))) return true;
    for (const entry of this.#entries.values()) {
      if (entry.pattern?.includes(peer) === true && this.#isInForce(entry)) return true;
    }
    return false;
  }

  covers(principal: Principal): boolean {
    const { username } = principal;
    if (username !== undefined && this.#isInForce(this.#entries.get(keyOf('user', username)))) return true;
    return this.coversUnproven(principal);
  }

  #isInForce(entry: Entry | undefined): boolean {
    return entry !== undefined && entry.untilMs > this.#clock.gatewayMs();
  }

  #removeExpired(): void {
    for (const [key, entry] of this.#entries) {
      if (this.#isInForce(entry)) continue;
      this.#entries.delete(key);
      this.#space.delete(key);
    }
  }

  #changed(): void {
    for (const run of this.#listeners) run();
  }
}

function keyOf(kind: BanKind, value: string): string {
  return `ban:${kind}:${value}`;
}

function withPattern(ban: StoredBan): Entry {
  return { ...ban, pattern: ban.kind === 'address' ? addressPattern(ban.value) : undefined };
}

/** JSON has no Infinity: a ban without an end is one without `untilMs`. */
function encode({ untilMs, ...ban }: StoredBan): Uint8Array {
  return Buffer.from(JSON.stringify(Number.isFinite(untilMs) ? { ...ban, untilMs } : ban));
}

function decode(bytes: Uint8Array): StoredBan {
  const { kind, value, reason, untilMs = Number.POSITIVE_INFINITY }: Partial<StoredBan> = JSON.parse(Buffer.from(bytes).toString());
  if (kind === undefined || value === undefined || reason === undefined) throw new GatewayError('STORE_CORRUPT', 'a stored ban cannot be read');
  return { kind, value, reason, untilMs };
}
