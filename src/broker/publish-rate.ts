import type { PublishMeter } from '../access/rate-limits.ts';
import type { Principal } from '../model/client.ts';
import type { Draft } from '../model/message.ts';
import { utf8Length } from '../model/topic-utf8.ts';
import type { Permissions } from './permissions.ts';

/** How fast one client may publish, as long as it comes through the same listener. */
export class PublishRate {
  readonly #access: Permissions;
  #principal: Principal | undefined;
  #meter: PublishMeter | undefined;
  #revision = -1;

  constructor(access: Permissions) {
    this.#access = access;
  }

  /** Counts one message. @returns as `PublishMeter.take`; 0: go on. */
  take(principal: Principal, { topic, payload }: Draft): number | 'abuse' {
    if (this.#revision !== this.#access.ratesRevision || this.#principal?.listener !== principal.listener) this.#serve(principal);
    return this.#meter === undefined ? 0 : this.#meter.take(utf8Length(topic) + payload.length);
  }

  #serve(principal: Principal): void {
    this.#principal = principal;
    this.#revision = this.#access.ratesRevision;
    this.#meter = this.#access.meter(principal);
  }
}
