// The port behind which Session State (MQTT 5 §4.1), retained messages and the gateways' own state survive. One design rule: every change is a
// record, and memory is what the records say; a store applies the same record when it is made and when it is replayed, so recovery cannot
// differ from running. Calls are synchronous and join the open group; a group is committed as one, never in the middle of a turn's work.
import type { Subscription } from '../bus/subscription.ts';
import type { ClientId, Realm } from '../model/client.ts';
import type { GatewayMs } from '../model/clock.ts';
import type { Message, QoS } from '../model/message.ts';
import type { Priority } from '../model/priority.ts';
import type { TopicFilter, TopicName } from '../model/topic.ts';
import type { WearReport } from '../model/wear.ts';
import type { DiskStep, DiskWatcher, StoreRoom } from './disk-pressure.ts';

/**
 * Position of a message in the log: global, growing, up to 2^53, never reused. A queue is a set of live sequence numbers; holes cost nothing.
 * Given when the message is appended.
 */
export type Sequence = number;

/** Why a queue entry ended; counted by cause and recorded in the same group. `moved`: the message was appended for another queue just before, or lies in a file that was synced. */
export type SettleCause =
  | 'delivered'
  | 'moved'
  | 'refused-by-peer'
  | 'expired'
  /** The oldest made room. */
  | 'queue-full'
  /** The newest was not taken. */
  | 'queue-full-newest'
  /** A newer one of its topic came. */
  | 'superseded'
  /** The disk is running full, and its queue may drop. */
  | 'disk-full'
  /** At a bound of its topic's own policy. */
  | 'quota-messages'
  | 'quota-bytes'
  /** Its queue has its share of the disk. */
  | 'disk-share'
  /** It waited for longer than its topic's policy allows. */
  | 'age'
  | 'session-ended'
  /** Somebody let go of it by hand. */
  | 'purged'
  | 'unreadable';

/** What of a session changes as a whole. */
export interface SessionFacts {
  /** `principalKey` of the owner. */
  readonly principal: string;
  /** `Infinity`: never. 0: the session ends with its link; it is stored for its will only. */
  readonly expirySeconds: number;
  /** When the link went; undefined while a link serves it. */
  readonly detachedAtMs: GatewayMs | undefined;
  readonly will: StoredWill | undefined;
}

export interface StoredWill {
  readonly message: Message;
  readonly delaySeconds: number;
  /** Message Expiry Interval counts from publication, not from CONNECT (MQTT 5 §3.1.3.2.4); undefined: none. */
  readonly expirySeconds: number | undefined;
}

/** An outgoing QoS 2 exchange; `sent` waits for PUBREC, `released` for PUBCOMP (MQTT-4.3.3). */
export interface SendingExchange {
  readonly sequence: Sequence;
  readonly state: 'sent' | 'released';
}

/** An incoming QoS 2 exchange: `open` until PUBREL; afterwards, on links that duplicate and reorder, in quarantine. */
export interface ReceivingExchange {
  readonly state: 'open' | 'quarantined';
  /** Digest of topic and payload, to tell a late copy from a new message with the same id. */
  readonly digest: number;
  /** End of the quarantine; `Infinity` while open. */
  readonly untilMs: GatewayMs;
}

/** Live entries in order of sequence. */
export interface LiveEntries {
  readonly count: number;
  /** Sum of the sizes given at append. */
  readonly bytes: number;
  /** Smallest live sequence greater than `sequence`; undefined: none. O(log n). */
  next(sequence: Sequence): Sequence | undefined;
  /** Greatest live sequence smaller than `sequence`; undefined: none. O(log n). */
  previous(sequence: Sequence): Sequence | undefined;
  has(sequence: Sequence): boolean;
  /** Greatest live sequence; undefined when empty. */
  readonly last: Sequence | undefined;
}

/** The live entries of one queue, in one lane per priority class. What is asked of the queue itself is about all lanes together. */
export interface LiveQueue extends LiveEntries {
  /** Nothing but entries of the ordinary class was ever in it. */
  readonly isOneLane: boolean;
  /** Undefined: nothing was ever in it. */
  lane(priority: Priority): LiveEntries | undefined;
  /** The class the entry was given; undefined when it is not queued. */
  laneOf(sequence: Sequence): Priority | undefined;
}

/** One session as the store keeps it. Changed through the store only. */
export interface StoredSession {
  /** Names the session in the log; never reused. */
  readonly id: number;
  readonly realm: Realm;
  readonly clientId: ClientId;
  readonly facts: SessionFacts;
  readonly subscriptions: ReadonlyMap<TopicFilter, Subscription>;
  readonly queue: LiveQueue;
  readonly sending: ReadonlyMap<number, SendingExchange>;
  readonly receiving: ReadonlyMap<number, ReceivingExchange>;
  readonly state: ReadonlyMap<string, Uint8Array>;
}

/** How one queue gets one message; written with the message. */
export interface ReferenceOptions {
  readonly qos: QoS;
  readonly isRetain: boolean;
  readonly identifiers: readonly number[];
}

/** A message read back for one of its queues. */
export interface StoredDelivery extends ReferenceOptions {
  readonly message: Message;
}

/** Told when everything written before it asked is on disk. */
export interface DurableWaiter {
  durable(token: number): void;
}

/** Something that changes more often than groups are written: it is written once for each. */
export interface Gatherer {
  /** Its last chance to join the group that is about to close, by `putState` alone. */
  write(): void;
}

/** How the last boot ended, for restart grace and "boot k ended at n". */
export interface BootFacts {
  /** Counts starts of this store, from 1. */
  readonly boot: number;
  /** True when the last boot closed the store itself, or there was none. */
  readonly wasClean: boolean;
  /** Greatest sequence before this boot, 0 when none. */
  readonly lastSequence: Sequence;
  /** Gateway time at `clock.monotonicMs() === 0` of this boot. */
  readonly gatewayTimeOffsetMs: number;
}

export interface StoreStatus {
  readonly boot: number;
  readonly sessions: number;
  readonly queuedMessages: number;
  readonly queuedBytes: number;
  readonly retainedMessages: number;
  readonly segments: number;
  readonly groupsCommitted: number;
  readonly openGroupBytes: number;
  /** Where commits run: in the main thread, or in one of their own. */
  readonly committer: 'inline' | 'worker';
  /** Of the last commits, ms. */
  readonly commitMsMedian: number;
  readonly commitMsMax: number;
  /** What of that the disk took to sync. */
  readonly syncMsMedian: number;
  readonly syncMsMax: number;
  /** Files set aside as damaged at this start and since. */
  readonly quarantined: readonly string[];
  /** Groups of the log that were found missing or damaged since this start, by number: what was acknowledged in them is gone. The first thousand. */
  readonly damagedGroups: readonly number[];
  /** Undefined: nobody counts. */
  readonly wear?: WearReport | undefined;
  /** How many they are, and as ranges (the first fifty): `3`, `7-12`. */
  readonly damagedGroupCount: number;
  readonly damagedGroupRanges: readonly string[];
  /** Groups that the log may have ended with at this start: not acknowledged when the power went while they were written, else damaged. */
  readonly cutOffGroups: readonly number[];
  /** Of the log of messages: all it takes, and what of it queues still refer to, at least. */
  readonly logBytes: number;
  readonly liveBytes: number;
  /** Of the database with its own log. */
  readonly fileBytes: number;
  /** Since the last compaction ended; undefined: none did in this boot. */
  readonly sinceCompactionSeconds: number | undefined;
  /** How often a damaged file was replaced since this start, without a restart. */
  readonly healedWhileRunning: number;
  /** How short of room the disk is, what the store may still take of it, and what it takes. */
  readonly diskStep: DiskStep;
  readonly roomBytes: number;
  readonly storeBytes: number;
  readonly ballastBytes: number;
  /** Why the last write failed, until one succeeds: as SQLite and the operating system name it. Empty: it did not. */
  readonly writeFailure: string;
  /** When something was last made durable (ISO 8601); `never` since this start. */
  readonly lastCommitAt: string;
  /** What the disk took to sync then, ms. */
  readonly lastSyncMs: number;
  /** Messages in queues that are never written, and their bytes. */
  readonly volatileMessages: number;
  readonly volatileBytes: number;
}

export interface SessionStore {
  readonly boot: BootFacts;
  /** Keyed by `sessionKey`. */
  readonly sessions: ReadonlyMap<string, StoredSession>;
  readonly retained: ReadonlyMap<TopicName, Message>;

  createSession(realm: Realm, clientId: ClientId, facts: SessionFacts): StoredSession;
  changeSession(session: StoredSession, facts: SessionFacts): void;
  /** With its queue, subscriptions, exchanges and state, in one group. */
  removeSession(session: StoredSession): void;
  saveSubscription(session: StoredSession, subscription: Subscription): void;
  removeSubscription(session: StoredSession, filter: TopicFilter): void;

  /** Gateway-wide state; a session's is under `putState(session, ...)`. */
  gatewayState(gateway: string): ReadonlyMap<string, Uint8Array>;
  /** `value` undefined deletes. The value is copied. */
  putState(owner: StoredSession | { readonly gateway: string }, key: string, value: Uint8Array | undefined): void;
  /**
   * As `putState`, in the next group that is written for the sake of something else: it asks for none, and holds as late as that. `value` is asked for as the
   * group closes, once however often this was called before. Not written at `close` by itself.
   */
  putStateAlong(owner: { readonly gateway: string }, key: string, value: () => Uint8Array): void;

  /** Starts a message; `refer` adds the queues it goes to, as `ORDINARY` unless a class is given; `append` closes it. A message with RETAIN replaces (or, when empty, clears) the retained one. */
  refer(session: StoredSession, options: ReferenceOptions, priority?: Priority): void;
  /**
   * Writes the message with the references given since the last `append`. Its payload is copied. A turn that brings more than a group may hold is
   * committed in parts, parted before a message or by `makeRoom` only, and never within `together`.
   *
   * @param withinMs - how long its commit may be put off, 0: not beyond this turn. Meanwhile a message of QoS 0 or 1 without RETAIN is not written at all
   *   once every reference to it is settled. `Infinity`: it is never written, and gone with the process; RETAIN means nothing then.
   */
  append(message: Message, withinMs?: number): Sequence;
  /** Whatever `run` writes, and whatever that brings about, is in one group: it holds as a whole or not at all. May be nested. */
  together<T>(run: () => T): T;
  /**
   * The message for that queue, from memory or disk; undefined when it is gone or damaged (the caller settles it as `unreadable`). Its payload lies in
   * the group it was read from and stays as it is; who holds on to the message calls `keep`, or up to a megabyte stays with it.
   */
  read(session: StoredSession, sequence: Sequence): StoredDelivery | undefined;
  /** The entry leaves the queue. Joins the next group, at most 1 s later. */
  settle(session: StoredSession, sequence: Sequence, cause: SettleCause): void;

  /**
   * For as long as the store is open.
   *
   * @returns to be called after each change: it joins the next group, at most 1 s later, and with it whatever else joins that group. Who waits for the disk
   *   waits for it too.
   */
  gather(gatherer: Gatherer): () => void;

  /** Outgoing QoS 2: the id is given; must be durable before PUBLISH leaves. */
  beginSending(session: StoredSession, packetId: number, sequence: Sequence): void;
  /** PUBREC seen; must be durable before PUBREL leaves. */
  releaseSending(session: StoredSession, packetId: number): void;
  /** PUBCOMP seen (or a refusal): the exchange ends and its queue entry is settled. */
  endSending(session: StoredSession, packetId: number, cause: SettleCause): void;
  /** Incoming QoS 2: `together` with its message; `withinMs` as of `append`. */
  beginReceiving(session: StoredSession, packetId: number, digest: number, withinMs?: number): void;
  /** PUBREL seen; must be durable before PUBCOMP leaves. `quarantineUntilMs` undefined: forgotten at once. */
  endReceiving(session: StoredSession, packetId: number, quarantineUntilMs: GatewayMs | undefined): void;

  /**
   * `waiter.durable(token)` once everything written so far is on disk: in this call when nothing is pending, else in order of asking.
   * Commits run outside of any caller's work (end of the turn). Nothing is put off any more.
   */
  whenDurable(waiter: DurableWaiter, token: number): void;
  /**
   * `waiter.durable(token)` once that message is on disk, or needs no disk any more: in this call when that is so already, else after this turn. Others
   * who ask may be told before. One waiter a message.
   */
  whenSafe(sequence: Sequence, waiter: DurableWaiter, token: number): void;
  /** Bytes of messages in queues that are never written; each message counts once. */
  readonly volatileBytes: number;
  /** True while more is waiting for the disk than the bounds of the open group: clients are held back. */
  readonly isCongested: boolean;
  /** Before what a client asks for is written: a full group is committed, if that can be. False: the disk is behind, and nothing should be written now. */
  makeRoom(): boolean;
  /** What may still be stored; messages of QoS 1 and 2, sessions and subscriptions are refused where there is none. */
  readonly room: StoreRoom;
  /** For as long as the store is open. */
  watchDisk(watcher: DiskWatcher): void;
  status(): StoreStatus;
  /** Commits, checkpoints, marks the boot as clean, closes. */
  close(): Promise<void>;
}

export function sessionKey(realm: Realm, clientId: ClientId): string {
  return `${realm}\0${clientId}`;
}
