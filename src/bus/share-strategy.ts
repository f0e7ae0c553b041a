// Which member of a shared subscription gets a message, of those that can take one now. Pure: who can take one, and what is known of the members,
// is told by the caller.
import { crc32 } from 'node:zlib';
import type { ShareStrategy } from '../model/share-strategy.ts';

/** One message to be given. */
export interface ShareTurn {
  /** Indexes of the members that can take it, ascending, at least one. */
  readonly able: readonly number[];
  /** Members, whether they can take it or not. */
  readonly members: number;
  /** The member chosen last; −1: none was. */
  readonly last: number;
  /** Client id of the publisher. */
  readonly publisher: string;
  readonly topic: string;
  /** Uniform in [0, 1). */
  random(): number;
  /** Unsettled deliveries of a member. */
  inflight(member: number): number;
}

const CHOOSE: Record<ShareStrategy, (turn: ShareTurn) => number> = {
  'round-robin': nextOf,
  random: (turn) => turn.able[Math.floor(turn.random() * turn.able.length)] ?? nextOf(turn),
  sticky: (turn) => (turn.able.includes(turn.last) ? turn.last : nextOf(turn)),
  'hash-client': (turn) => from(crc32(turn.publisher) % turn.members, turn),
  'hash-topic': (turn) => from(crc32(turn.topic) % turn.members, turn),
  'least-inflight': leastOf,
};

/** @returns the index of the member. */
export function chooseMember(strategy: ShareStrategy, turn: ShareTurn): number {
  return CHOOSE[strategy](turn);
}

function nextOf(turn: ShareTurn): number {
  return from(turn.last + 1, turn);
}

/** The first that can at or behind `start`, around the end. */
function from(start: number, { able }: ShareTurn): number {
  return able.find((member) => member >= start) ?? (able[0] as number);
}

function leastOf(turn: ShareTurn): number {
  const least = Math.min(...turn.able.map((member) => turn.inflight(member)));
  return nextOf({ ...turn, able: turn.able.filter((member) => turn.inflight(member) === least) });
}
