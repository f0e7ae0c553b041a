// What a turn costs, counted and not timed: who does work for a peer adds it, who deals out turns looks at the difference (docs/decisions/0025, 0030).

/** Work done for peers so far. One unit is a delivery to a link, about 0.25 us of an x86 processor with everything that follows from it. */
export interface Work {
  done: number;
}

/** Decoding and routing a packet costs about what two deliveries do. */
export const PACKET_WORK = 2;
/** Finding the subscribers of a topic nobody published to lately. */
export const ROUTE_WORK = 16;
/** A message that is written: its record, its share of the commit. Its bytes come on top. */
export const STORED_WORK = 24;
/** A message that asks to be retained, whether there is room for it or not. */
export const RETAIN_WORK = 8;
/** One that is: its place in the index and in the image, and its row in the next checkpoint. */
export const RETAINED_WORK = 80;
/** A filter of a SUBSCRIBE or UNSUBSCRIBE: its place in the trie, and its record where the session is stored. */
export const FILTER_WORK = 8;
/** A message that waits in memory because its link is full: its copy, its place in the queue, and who had that before. */
export const QUEUED_WORK = 20;
/** A level of the retained index that is looked at for a subscription, and a message found there: each is encoded for its subscriber alone. */
export const REPLAY_STEP_WORK = 4;
export const REPLAYED_WORK = 12;
/** Judging a CONNECT, and the session, the will and the answer that follow from it. */
export const CONNECT_WORK = 640;
/** The end of a connection, and of the session that ends with it. */
export const LEAVE_WORK = 320;
/** A read of a socket; its bytes come on top. */
const READ_WORK = 16;
/** Bytes that are read for a unit: they are copied once, or twice. */
const READ_BYTES_PER_UNIT_SHIFT = 9;
/** Bytes that cost a unit: to check, as topics are; to write to the log and from there into the file. */
const BYTES_PER_UNIT_SHIFT = 6;

export function workOfRead(bytes: number): number {
  return READ_WORK + (bytes >>> READ_BYTES_PER_UNIT_SHIFT);
}

export function workOfBytes(bytes: number): number {
  return bytes >>> BYTES_PER_UNIT_SHIFT;
}
