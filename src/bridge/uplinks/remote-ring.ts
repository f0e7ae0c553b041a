// Several remotes of one bridge: which is called next.
import type { StreamDialer } from '../../transport/transport.ts';

export interface Remote {
  /** As logs and status name it: `broker.example.org:8883`. */
  readonly address: string;
  readonly dialer: StreamDialer;
}

/** `failover`: the first that answers, in their order, from the first on after each connection. `round-robin`: the one behind the last. */
export type RemoteOrder = 'failover' | 'round-robin';

export class RemoteRing {
  readonly #remotes: readonly [Remote, ...Remote[]];
  readonly #order: RemoteOrder;
  #index = 0;
  #failures = 0;

  constructor(remotes: readonly [Remote, ...Remote[]], order: RemoteOrder) {
    this.#remotes = remotes;
    this.#order = order;
  }

  get all(): readonly Remote[] {
    return this.#remotes;
  }

  get current(): Remote {
    return this.#remotes[this.#index] ?? this.#remotes[0];
  }

  /** A connection that had come about is over. */
  lost(): void {
    this.#failures = 0;
    this.#index = this.#order === 'failover' ? 0 : this.#next;
  }

  /** The current one could not be reached, or would not have us. @returns false when all were tried: time to wait. */
  failed(): boolean {
    this.#failures += 1;
    this.#index = this.#next;
    if (this.#failures < this.#remotes.length) return true;
    this.#failures = 0;
    return false;
  }

  get #next(): number {
    return (this.#index + 1) % this.#remotes.length;
  }
}
