// What queues that count what they are given say of it; see docs/decisions/0050-provenance.md.
import type { Origin, QueueNumber } from './message.ts';
import { type TopicName, topicName } from './topic.ts';

/** The origin of what is said about numbers: no client and no listener has it. */
export const NUMBERING_GATEWAY = '$numbers';
/** Under this name `BootEnded`, as JSON, waits in the queue it is about, and in no other. */
export const BOOT_ENDED_TOPIC: TopicName = topicName('$postern/boot-ended');

/** In that boot the queue gave numbers up to `last`; `after` is the boot before that gave any, 0 for the first. */
export interface BootEnded {
  readonly boot: number;
  readonly last: number;
  readonly after: number;
}

/** Under this name `SetAside`, as JSON, waits in the queue the message left. */
export const SET_ASIDE_TOPIC: TopicName = topicName('$postern/set-aside');

/** A message that has a number became a dead letter: it may still come, when somebody replays it. */
export interface SetAside {
  readonly numbered: QueueNumber;
  /** Gateway and client id of its publisher: `mqtt/boiler-3`. */
  readonly device: string;
}

/** Who published it, told apart by protocol as well: `mqtt/boiler-3`. */
export function deviceOf({ gateway, clientId }: Origin): string {
  return `${gateway}/${clientId}`;
}

/** The number of a message in the queue of that name; undefined: it has none there. */
export function numberIn(queue: string, { numbers }: { readonly numbers: readonly QueueNumber[] | undefined }): QueueNumber | undefined {
  return numbers?.find((each) => each.queue === queue);
}
