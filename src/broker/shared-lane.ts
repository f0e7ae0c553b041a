import type { QoS } from '../model/message.ts';
import type { Recipient } from './recipient.ts';

/** A queue several sessions take from. */
export interface SharedQueue {
  /** Gives the oldest entry that nobody has to `taker`, which must be able to take it now. False: nothing waits. */
  feed(taker: Recipient): boolean;
}

/** The queues one session shares with others, each in turn, so that a long one does not keep the rest waiting. */
export class SharedLane {
  #queues: readonly SharedQueue[] = [];
  #turn = 0;

  join(queue: SharedQueue): void {
    if (!this.#queues.includes(queue)) this.#queues = [...this.#queues, queue];
  }

  leave(queue: SharedQueue): void {
    this.#queues = this.#queues.filter((each) => each !== queue);
  }

  /** One entry of one of them, if there is any and it can be taken now. */
  feed(taker: Recipient & { canTakeNow(qos: QoS): boolean }): boolean {
    if (this.#queues.length === 0 || !taker.canTakeNow(1)) return false;
    for (let tried = 0; tried < this.#queues.length; tried += 1) {
      this.#turn = (this.#turn + 1) % this.#queues.length;
      if (this.#queues[this.#turn]?.feed(taker) === true) return true;
    }
    return false;
  }
}
