// A message on its way from a queue of one gateway to another gateway, in a file. It names itself: by the era its sequence number was given in, and that number.
import type { EpochMs } from './clock.ts';
import type { MessageProperties, Origin, QoS } from './message.ts';

/** A stretch of the sequence numbers of one store that no other store has given: 16 hexadecimal digits. */
export type Era = string;

/** Gateway times are of one store only, so age and remaining life travel in their place. */
export interface CarriedStamps {
  /** When it was exported, by the wall clock there. */
  readonly exportedAtMs: EpochMs;
  /** That clock was right. */
  readonly isSynchronized: boolean;
  /** Since it came, when it was exported; `Infinity`: nobody knows. */
  readonly ageMs: number;
  /** What was left of its life then; `Infinity`: it never expires. */
  readonly leftMs: number;
}

export interface CarriedMessage extends CarriedStamps {
  readonly era: Era;
  readonly sequence: number;
  readonly topic: string;
  readonly payload: Uint8Array;
  /** As it was published. */
  readonly publishedQoS: QoS;
  readonly wasRetained: boolean;
  /** As the queue has it. */
  readonly qos: QoS;
  readonly isRetain: boolean;
  readonly properties: MessageProperties | undefined;
  readonly origin: Origin;
}
