import type { Message } from '../model/message.ts';
import { deviceOf, numberIn } from '../model/queue-numbers.ts';

/** Which message it is, to somebody who is told that it is lost. */
export interface MessageNumber {
  /** Its publisher; undefined: it is one of several. */
  readonly device: string | undefined;
  /** Start of the gateway its numbers count from; undefined: it has none. */
  readonly boot: number | undefined;
  /** Its place among those of its publisher; undefined: nobody counted them. */
  readonly sequence: number | undefined;
  /** Its place among those given to the queue. */
  readonly queueNumber: number | undefined;
  /** Of the first given to it in that boot: the boot before that gave any, 0 for none. */
  readonly after: number | undefined;
}

/** @param queue - the one that has lost it. */
export function numberOf(message: Message, queue: string): MessageNumber {
  const number = numberIn(queue, message);
  const sequence = number === undefined || number.deviceNumber === 0 ? undefined : number.deviceNumber;
  return { device: deviceOf(message.origin), boot: number?.boot, sequence, queueNumber: number?.number, after: number?.after };
}
