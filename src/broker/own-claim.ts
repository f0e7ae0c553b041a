import type { Message } from '../model/message.ts';
import type { Claim } from './claim.ts';
import type { DeliveryTerms } from './delivery-view.ts';
import type { QueueDrops } from './drops.ts';

/** A message in the hands of a client whose session ends with its link: kept in memory until it is settled, so that it can be sent again. */
export class OwnClaim implements Claim {
  readonly terms: DeliveryTerms;
  readonly isShared = false;
  readonly #message: Message;
  readonly #drops: QueueDrops;
  #rejections = 0;

  constructor(message: Message, terms: DeliveryTerms, drops: QueueDrops) {
    this.#message = message.keep();
    this.terms = terms;
    this.#drops = drops;
  }

  read(): Message {
    return this.#message;
  }

  settle(): void {}

  reject(rejectionsMax: number): boolean {
    this.#rejections += 1;
    return this.#rejections <= rejectionsMax;
  }

  /** The link ended, and nobody else was to have it. */
  giveBack(): void {
    this.#drops.add('detached');
  }
}
