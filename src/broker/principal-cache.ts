import type { AuthenticationVerdict, Credentials } from '../access/access.ts';
import type { Principal } from '../model/client.ts';
import type { Clock } from '../model/clock.ts';
import type { Draft } from '../model/message.ts';

const ENTRIES_MAX = 1_024;
const KEPT_MS = 60_000;
/** Datagrams waiting for a verdict at once; one flood of new sources costs no more. */
const WAITING_MAX = 64;

/** What the cache asks; the broker's access control. */
export interface Authentication {
  authenticate(credentials: Credentials): Promise<Exclude<AuthenticationVerdict, { kind: 'skip' }>>;
}

/** Verdicts on publishers without a session, so that a known one's datagram crosses the core in its own turn. */
export class PrincipalCache {
  readonly #access: Authentication;
  readonly #clock: Clock;
  readonly #known = new Map<string, { readonly principal: Principal; readonly untilMs: number }>();
  #waiting = 0;

  constructor(access: Authentication, clock: Clock) {
    this.#access = access;
    this.#clock = clock;
  }

  /** Calls `use` with the principal: at once when it is known, after its authentication otherwise, never when it is denied. */
  withPrincipal(credentials: Credentials, draft: Draft, use: (principal: Principal, draft: Draft) => void): void {
    const key = `${credentials.listener}\0${credentials.peerHost}\0${credentials.clientId}`;
    const known = this.#known.get(key);
    if (known !== undefined && known.untilMs > this.#clock.monotonicMs()) {
      use(known.principal, draft);
      return;
    }
    if (this.#waiting >= WAITING_MAX) return;
    this.#waiting += 1;
    const kept = { ...draft, payload: new Uint8Array(draft.payload) };
    void this.#authenticate(key, credentials, (principal) => use(principal, kept));
  }

  async #authenticate(key: string, credentials: Credentials, use: (principal: Principal) => void): Promise<void> {
    try {
      const verdict = await this.#access.authenticate(credentials);
      if (verdict.kind === 'deny') return;
      this.#remember(key, verdict.principal);
      use(verdict.principal);
    } finally {
      this.#waiting -= 1;
    }
  }

  #remember(key: string, principal: Principal): void {
    if (this.#known.size >= ENTRIES_MAX) {
      const [oldest] = this.#known.keys();
      if (oldest !== undefined) this.#known.delete(oldest);
    }
    this.#known.set(key, { principal, untilMs: this.#clock.monotonicMs() + KEPT_MS });
  }
}
