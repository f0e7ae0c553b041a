import type { Credentials } from '../access/access.ts';
import { BoundedMap } from '../model/bounded-map.ts';
import type { Principal } from '../model/client.ts';
import type { Clock } from '../model/clock.ts';
import type { Draft } from '../model/message.ts';
import type { Counter } from '../model/metrics.ts';
import type { Access } from './permissions.ts';
import { PublishRate } from './publish-rate.ts';

const ENTRIES_MAX = 1_024;
const KEPT_MS = 60_000;
/** Datagrams waiting for a verdict at once; one flood of new sources costs no more. */
const WAITING_MAX = 64;

interface Known {
  readonly principal: Principal;
  readonly untilMs: number;
  readonly revision: number;
  readonly rate: PublishRate;
  /** What comes before is dropped: who gets no answer cannot be held back. */
  heldUntilMs: number;
}

/** Verdicts on publishers without a session, so that a known one's datagram crosses the core in its own turn. */
export class PrincipalCache {
  readonly #access: Access;
  readonly #clock: Clock;
  readonly #dropped: Counter;
  readonly #known = new BoundedMap<string, Known>(ENTRIES_MAX);
  #waiting = 0;

  /** @param dropped - counts what came too fast. */
  constructor(access: Access, clock: Clock, dropped: Counter) {
    this.#access = access;
    this.#clock = clock;
    this.#dropped = dropped;
  }

  /** Calls `use` with the principal: at once when it is known, after its authentication otherwise, never when it is denied or too fast. */
  withPrincipal(credentials: Credentials, draft: Draft, use: (principal: Principal, draft: Draft) => void): void {
    const key = `${credentials.listener}\0${credentials.peerHost}\0${credentials.clientId}`;
    const known = this.#known.get(key);
    if (known !== undefined && known.untilMs > this.#clock.monotonicMs() && known.revision === this.#access.revision) {
      this.#use(known, draft, use);
      return;
    }
    if (this.#waiting >= WAITING_MAX) return;
    this.#waiting += 1;
    const kept = { ...draft, payload: new Uint8Array(draft.payload) };
    void this.#authenticate(key, credentials, (found) => this.#use(found, kept, use));
  }

  #use(known: Known, draft: Draft, use: (principal: Principal, draft: Draft) => void): void {
    const now = this.#clock.monotonicMs();
    if (known.heldUntilMs > now) {
      this.#dropped.value += 1;
      return;
    }
    const held = known.rate.take(known.principal, draft);
    known.heldUntilMs = held === 'abuse' ? known.untilMs : now + held;
    use(known.principal, draft);
  }

  async #authenticate(key: string, credentials: Credentials, use: (known: Known) => void): Promise<void> {
    try {
      const admission = await this.#access.authenticate(credentials);
      if (admission.kind === 'allow') use(this.#remember(key, admission.principal));
    } finally {
      this.#waiting -= 1;
    }
  }

  #remember(key: string, principal: Principal): Known {
    const { revision } = this.#access;
    const { rate = new PublishRate(this.#access), heldUntilMs = 0 } = this.#known.get(key) ?? {}; // judged anew, and as fast as before
    const known = { principal, untilMs: this.#clock.monotonicMs() + KEPT_MS, revision, rate, heldUntilMs };
    this.#known.set(key, known);
    return known;
  }
}
