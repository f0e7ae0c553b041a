// The two forms of a claim: of an entry of the group's stored queue, and of a message that is nowhere but here.
import type { Message } from '../model/message.ts';
import type { Sequence, SettleCause } from '../session/session-store.ts';
import type { Claim } from './claim.ts';
import type { DeliveryTerms } from './delivery-view.ts';
import type { Referent } from './recipient.ts';

/** The group as its claims see it. */
export interface Claimed {
  read(sequence: Sequence): Message | undefined;
  settle(sequence: Sequence, cause: SettleCause): void;
  /** @param from - who had it. */
  takeBack(sequence: Sequence, from: Referent): void;
  readmit(message: Message): void;
}

export class StoredClaim implements Claim {
  readonly #group: Claimed;
  readonly #sequence: Sequence;
  readonly #holder: Referent;

  constructor(group: Claimed, sequence: Sequence, holder: Referent) {
    this.#group = group;
    this.#sequence = sequence;
    this.#holder = holder;
  }

  get terms(): DeliveryTerms {
    return this.#holder.terms;
  }

  read(): Message | undefined {
    return this.#group.read(this.#sequence);
  }

  settle(cause: SettleCause): void {
    this.#group.settle(this.#sequence, cause);
  }

  giveBack(): void {
    this.#group.takeBack(this.#sequence, this.#holder);
  }
}

/** Of members whose sessions end with their links. */
export class KeptClaim implements Claim {
  readonly terms: DeliveryTerms;
  readonly #group: Claimed;
  readonly #message: Message;

  constructor(group: Claimed, message: Message, terms: DeliveryTerms) {
    this.#group = group;
    this.#message = message.keep();
    this.terms = terms;
  }

  read(): Message {
    return this.#message;
  }

  /** Nobody else knows of it. */
  settle(): void {}

  giveBack(): void {
    this.#group.readmit(this.#message);
  }
}
