// What became of the rights of clients that are in. Each publish and each SUBSCRIBE is judged as it comes; a subscription goes on by itself, and no packet
// takes it back. So whoever has one it may no longer have is sent away, as is a user who is gone: it is judged anew when it comes back.
import { INTERNAL_PROTOCOL } from '../model/client.ts';
import type { CancelTimer, Clock } from '../model/clock.ts';
import { RIGHTS_REVIEW_MS } from '../model/limits.ts';
import type { Log } from '../model/log.ts';
import type { Counter } from '../model/metrics.ts';
import type { BrokerSession } from './client-session.ts';
import type { Permissions } from './permissions.ts';

export interface ReviewParts {
  readonly clock: Clock;
  readonly access: Permissions;
  readonly log: Log;
  readonly counter: Counter;
  readonly sessions: () => Iterable<BrokerSession>;
}

/** Rights that are asked for in one turn; what is left has its turn behind the others. */
const JUDGED_PER_TURN = 1_024;

export class RightsReview {
  readonly #parts: ReviewParts;
  /** Whose rights are still to be looked at. */
  #waiting: BrokerSession[] = [];
  #revision = 0;
  #cancel: CancelTimer | undefined;

  constructor(parts: ReviewParts) {
    this.#parts = parts;
  }

  /** Looks from time to time: a users file changes without a word. */
  start(): void {
    const { access } = this.#parts;
    this.#revision = access.revision;
    this.#lookLater();
  }

  stop(): void {
    this.#cancel?.();
  }

  #lookLater(): void {
    this.#cancel = this.#parts.clock.after(RIGHTS_REVIEW_MS, () => this.#look());
  }

  #look(): void {
    const { access, sessions } = this.#parts;
    const { revision } = access;
    if (revision === this.#revision) {
      this.#lookLater();
      return;
    }
    this.#revision = revision;
    this.#waiting = [...sessions()].filter((session) => session.isAttached);
    this.#review();
  }

  #review(): void {
    let judged = 0;
    for (let session = this.#waiting.pop(); session !== undefined; session = this.#waiting.pop()) {
      if (session.isAttached && session.principal.protocol !== INTERNAL_PROTOCOL) this.#judge(session);
      judged += 1 + session.subscriptions.size;
      if (judged < JUDGED_PER_TURN) continue;
      this.#cancel = this.#parts.clock.after(0, () => this.#review());
      return;
    }
    this.#lookLater();
  }

  #judge(session: BrokerSession): void {
    const { access, log, counter } = this.#parts;
    const { principal } = session;
    const isRemoved = access.isRemoved(principal);
    const filter = isRemoved ? undefined : session.subscriptions.firstForbidden(principal);
    if (!isRemoved && filter === undefined) return;
    counter.value += 1;
    const reason = isRemoved ? 'its user was removed' : 'it may not have a subscription any more';
    log.info('client sent away', { clientId: principal.clientId, peer: principal.peer, user: principal.username, reason, filter });
    session.kick('kicked');
  }
}
