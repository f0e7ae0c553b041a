// The two forms of a claim: of an entry of the group's stored queue, and of a message that is nowhere but here.
import type { Message } from '../model/message.ts';
import type { Sequence, SettleCause } from '../session/session-store.ts';
import type { Claim } from './claim.ts';
import type { DeliveryTerms } from './delivery-view.ts';

/** The group as its claims see it. */
export interface Claimed {
  read(sequence: Sequence): Message | undefined;
  settle(sequence: Sequence, cause: SettleCause): void;
  reject(sequence: Sequence, rejectionsMax: number): boolean;
  takeBack(sequence: Sequence): void;
  readmit(message: Message): void;
}

export class StoredClaim implements Claim {
  readonly terms: DeliveryTerms;
  readonly isShared = true;
  readonly #group: Claimed;
  readonly #sequence: Sequence;

  constructor(group: Claimed, sequence: Sequence, terms: DeliveryTerms) {
    this.#group = group;
    this.#sequence = sequence;
    this.terms = terms;
  }

  read(): Message | undefined {
    return this.#group.read(this.#sequence);
  }

  settle(cause: SettleCause): void {
    this.#group.settle(this.#sequence, cause);
  }

  reject(rejectionsMax: number): boolean {
    return this.#group.reject(this.#sequence, rejectionsMax);
  }

  giveBack(): void {
    this.#group.takeBack(this.#sequence);
  }
}

/** Of members whose sessions end with their links. */
export class KeptClaim implements Claim {
  readonly terms: DeliveryTerms;
  readonly isShared = true;
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

  /** Nobody counts what is kept nowhere: whoever cannot use it is the last to have it. */
  reject(): boolean {
    return false;
  }

  giveBack(): void {
    this.#group.readmit(this.#message);
  }
}
