import type { Message } from '../model/message.ts';

/** Which of its publisher's messages it is. */
export interface MessageNumber {
  /** Client id of its publisher. */
  readonly device: string;
  /** Start of the gateway it counts from, and its place since then, from 1; undefined: it has no number. */
  readonly boot: number | undefined;
  readonly sequence: number | undefined;
}

export function numberOf({ origin }: Message): MessageNumber {
  return { device: origin.clientId, boot: undefined, sequence: undefined };
}
