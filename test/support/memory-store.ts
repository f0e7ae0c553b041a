import type { Subscription } from '../../src/bus/subscription.ts';
import type { ClientId, Realm } from '../../src/model/client.ts';
import type { Clock, GatewayMs } from '../../src/model/clock.ts';
import type { Message } from '../../src/model/message.ts';
import { ORDINARY, type Priority } from '../../src/model/priority.ts';
import type { TopicFilter, TopicName } from '../../src/model/topic.ts';
import type { DiskState, DiskWatcher, StoreRoom } from '../../src/session/disk-pressure.ts';
import { Image } from '../../src/session/image.ts';
import { messageSize } from '../../src/session/message-size.ts';
import type { StateRecord } from '../../src/session/records.ts';
import type {
  BootFacts,
  DurableWaiter,
  Gatherer,
  ReferenceOptions,
  Sequence,
  SessionFacts,
  SessionStore,
  SettleCause,
  StoredDelivery,
  StoredSession,
  StoreStatus,
} from '../../src/session/session-store.ts';

export interface MemoryStoreOptions {
  readonly clock: Clock;
  /** Commits at the end of the turn, as a disk without delay would; false: only when the test says `commit()`. */
  readonly autoCommit?: boolean;
}

interface StoredMessage {
  readonly message: Message;
  readonly references: Map<number, ReferenceOptions>;
}

/** One that is asked for by its sequence is told before the commit if every reference is settled. */
interface Waiting {
  readonly sequence?: Sequence;
  readonly waiter: DurableWaiter;
  readonly token: number;
}

interface PreviousBoot {
  readonly image: Image;
  readonly messages: Map<Sequence, StoredMessage>;
  readonly boot: BootFacts;
  readonly lastSequence: Sequence;
  readonly wasClean: boolean;
}

/** A SessionStore without a disk. What the image of the real store does, this does; what the disk does, the test does. */
export class MemoryStore implements SessionStore {
  readonly boot: BootFacts;
  readonly retained: ReadonlyMap<TopicName, Message>;
  /** Settled entries by cause. */
  readonly settled = new Map<SettleCause, number>();
  readonly #options: MemoryStoreOptions;
  readonly #image: Image;
  readonly #messages: Map<Sequence, StoredMessage>;
  #lastSequence: Sequence;
  #references = new Map<number, ReferenceOptions>();
  readonly #priorities = new Map<number, Priority>();
  #waiting: Waiting[] = [];
  /** Messages that need not be written once all their references are settled. */
  readonly #passing = new Set<Sequence>();
  #isPending = false;
  #isCongested = false;
  #isScheduled = false;
  /** Set by the test. */
  room: StoreRoom = 'ample';
  readonly #diskWatchers: DiskWatcher[] = [];
  #groupsCommitted = 0;
  readonly #gathered = new Set<Gatherer>();

  constructor(options: MemoryStoreOptions, previous?: PreviousBoot) {
    this.#options = options;
    this.#image = previous?.image ?? new Image();
    this.#messages = previous?.messages ?? new Map();
    this.retained = this.#image.retained;
    this.boot = {
      boot: (previous?.boot.boot ?? 0) + 1,
      wasClean: previous?.wasClean ?? true,
      lastSequence: previous?.lastSequence ?? 0,
      gatewayTimeOffsetMs: previous?.boot.gatewayTimeOffsetMs ?? 0,
    };
    this.#lastSequence = this.boot.lastSequence;
    this.#forgetVolatile();
  }

  /** Set by the test: the disk is behind, and nobody is told of anything until it has caught up. */
  get isCongested(): boolean {
    return this.#isCongested;
  }

  watchDisk(watcher: DiskWatcher): void {
    this.#diskWatchers.push(watcher);
  }

  /** The disk is where the test says. */
  stepped(state: Partial<DiskState>): void {
    this.room = state.step === 'refuse' ? 'none' : 'ample';
    for (const watcher of this.#diskWatchers) watcher.stepped({ step: 'ample', isEasing: false, roomBytes: 0, storeBytes: 0, ...state });
  }

  /** Asks queues to let go of messages. @returns how many bytes went. */
  evict(bytesMax: number): number {
    return this.#diskWatchers.reduce((sum, watcher) => sum + watcher.evict(bytesMax), 0);
  }

  set isCongested(isCongested: boolean) {
    this.#isCongested = isCongested;
    this.#changed();
  }

  makeRoom(): boolean {
    return !this.#isCongested;
  }

  get volatileBytes(): number {
    return this.#image.volatile.bytes;
  }

  get sessions(): ReadonlyMap<string, StoredSession> {
    return this.#image.sessions;
  }

  /** The store as the next boot finds it; what was not committed is there as well. */
  reopened(end: { readonly wasClean: boolean }): MemoryStore {
    const { boot } = this;
    this.#gather();
    return new MemoryStore(this.#options, { image: this.#image, messages: this.#messages, boot, lastSequence: this.#lastSequence, ...end });
  }

  createSession(realm: Realm, clientId: ClientId, facts: SessionFacts): StoredSession {
    const id = this.#image.nextSessionId;
    this.#write({ kind: 'session', id, realm, clientId, facts });
    return this.#image.session(id) as StoredSession;
  }

  changeSession(session: StoredSession, facts: SessionFacts): void {
    if (this.#image.session(session.id) !== undefined)
      this.#write({ kind: 'session', id: session.id, realm: session.realm, clientId: session.clientId, facts });
  }

  removeSession(session: StoredSession): void {
    for (let at = session.queue.next(0); at !== undefined; at = session.queue.next(at)) this.#forget(session.id, at);
    this.#write({ kind: 'session-removed', id: session.id });
  }

  saveSubscription(session: StoredSession, subscription: Subscription): void {
    this.#write({ kind: 'subscription', session: session.id, subscription });
  }

  removeSubscription(session: StoredSession, filter: TopicFilter): void {
    this.#write({ kind: 'subscription-removed', session: session.id, filter });
  }

  gatewayState(gateway: string): ReadonlyMap<string, Uint8Array> {
    return this.#image.gatewayState(gateway);
  }

  putState(owner: StoredSession | { readonly gateway: string }, key: string, value: Uint8Array | undefined): void {
    this.#write({ kind: 'state', owner: 'gateway' in owner ? owner : { session: owner.id }, key, value: value?.slice() });
  }

  putStateAlong(owner: { readonly gateway: string }, key: string, value: () => Uint8Array): void {
    this.#image.apply({ kind: 'state', owner, key, value: value() });
  }

  refer(session: StoredSession, options: ReferenceOptions, priority: Priority = ORDINARY): void {
    this.#references.set(session.id, { qos: options.qos, isRetain: options.isRetain, identifiers: [...options.identifiers] });
    this.#priorities.set(session.id, priority);
  }

  append(message: Message, withinMs = 0): Sequence {
    this.#lastSequence += 1;
    const sequence = this.#lastSequence;
    const isVolatile = withinMs === Number.POSITIVE_INFINITY;
    if (isVolatile) this.#image.volatile.put(sequence, message, new Map(this.#references));
    else this.#changed();
    if (withinMs > 0 && !isVolatile && message.qos < 2 && !message.isRetain) this.#passing.add(sequence);
    const size = messageSize(message);
    for (const id of this.#references.keys()) {
      const session = this.#image.session(id);
      if (session !== undefined) this.#image.enqueue(session, sequence, size, this.#priorities.get(id) ?? ORDINARY);
    }
    if (this.#references.size > 0) this.#messages.set(sequence, { message: message.keep(), references: this.#references });
    this.#references = new Map();
    this.#priorities.clear();
    if (message.isRetain && !isVolatile) this.#image.retain(sequence, message);
    return sequence;
  }

  together<T>(run: () => T): T {
    return run(); // it commits between turns only
  }

  read(session: StoredSession, sequence: Sequence): StoredDelivery | undefined {
    const stored = this.#messages.get(sequence);
    const options = stored?.references.get(session.id);
    return stored === undefined || options === undefined ? undefined : { ...options, message: stored.message };
  }

  settle(session: StoredSession, sequence: Sequence, cause: SettleCause): void {
    const image = this.#image.session(session.id);
    if (image === undefined || this.#image.settle(image, sequence) === undefined) return;
    this.#changed();
    this.#count(cause);
    this.#forget(session.id, sequence);
  }

  gather(gatherer: Gatherer): () => void {
    return () => {
      this.#gathered.add(gatherer);
      this.#changed();
    };
  }

  beginSending(session: StoredSession, packetId: number, sequence: Sequence): void {
    this.#write({ kind: 'sending', session: session.id, packetId, exchange: { sequence, state: 'sent' } });
  }

  releaseSending(session: StoredSession, packetId: number): void {
    const exchange = session.sending.get(packetId);
    if (exchange === undefined) return;
    this.#write({ kind: 'sending', session: session.id, packetId, exchange: { sequence: exchange.sequence, state: 'released' } });
  }

  endSending(session: StoredSession, packetId: number, cause: SettleCause): void {
    const exchange = session.sending.get(packetId);
    if (exchange === undefined) return;
    if (session.queue.has(exchange.sequence)) this.#count(cause);
    this.#write({ kind: 'sending-ended', session: session.id, packetId, sequence: exchange.sequence, cause });
    this.#forget(session.id, exchange.sequence);
  }

  /** Lazy or not: what waits for the disk here waits for the test. */
  beginReceiving(session: StoredSession, packetId: number, digest: number): void {
    this.#write({ kind: 'receiving', session: session.id, packetId, exchange: { state: 'open', digest, untilMs: Number.POSITIVE_INFINITY } });
  }

  endReceiving(session: StoredSession, packetId: number, quarantineUntilMs: GatewayMs | undefined): void {
    const exchange = session.receiving.get(packetId);
    if (exchange === undefined) return;
    if (quarantineUntilMs === undefined) this.#write({ kind: 'receiving-forgotten', session: session.id, packetId });
    else {
      const quarantined = { state: 'quarantined', digest: exchange.digest, untilMs: quarantineUntilMs } as const;
      this.#write({ kind: 'receiving', session: session.id, packetId, exchange: quarantined });
    }
  }

  whenDurable(waiter: DurableWaiter, token: number): void {
    if (!this.#isPending) waiter.durable(token);
    else this.#waiting.push({ waiter, token });
  }

  whenSafe(sequence: Sequence, waiter: DurableWaiter, token: number): void {
    if (!this.#isPending || (this.#passing.has(sequence) && !this.#messages.has(sequence))) waiter.durable(token);
    else this.#waiting.push({ sequence, waiter, token });
  }

  /** What the disk does: everything written so far is durable, and who waited for it is told, in order. */
  commit(): void {
    if (this.#isCongested) return;
    this.#gather();
    this.#isPending = false;
    this.#passing.clear();
    this.#groupsCommitted += 1;
    const told = this.#waiting;
    this.#waiting = [];
    for (const { waiter, token } of told) waiter.durable(token);
  }

  status(): StoreStatus {
    return {
      boot: this.boot.boot,
      sessions: this.#image.sessions.size,
      queuedMessages: this.#image.queuedMessages,
      queuedBytes: this.#image.queuedBytes,
      retainedMessages: this.#image.retained.size,
      segments: 0,
      groupsCommitted: this.#groupsCommitted,
      openGroupBytes: 0,
      committer: 'inline',
      commitMsMedian: 0,
      commitMsMax: 0,
      syncMsMedian: 0,
      syncMsMax: 0,
      quarantined: [],
      damagedGroups: [],
      damagedGroupCount: 0,
      damagedGroupRanges: [],
      cutOffGroups: [],
      logBytes: 0,
      liveBytes: 0,
      fileBytes: 0,
      sinceCompactionSeconds: undefined,
      healedWhileRunning: 0,
      diskStep: 'ample',
      roomBytes: Number.POSITIVE_INFINITY,
      storeBytes: 0,
      ballastBytes: 0,
      writeFailure: '',
      lastCommitAt: 'never',
      lastSyncMs: 0,
      volatileMessages: this.#image.volatile.count,
      volatileBytes: this.#image.volatile.bytes,
    };
  }

  async close(): Promise<void> {
    this.commit();
  }

  #gather(): void {
    for (const gatherer of this.#gathered) gatherer.write();
    this.#gathered.clear();
  }

  #write(record: StateRecord): void {
    this.#changed();
    this.#image.apply(record);
  }

  #changed(): void {
    this.#isPending = true;
    if (this.#isScheduled || this.#options.autoCommit === false) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.commit();
    });
  }

  #count(cause: SettleCause): void {
    this.settled.set(cause, (this.settled.get(cause) ?? 0) + 1);
  }

  #forget(session: number, sequence: Sequence): void {
    const stored = this.#messages.get(sequence);
    this.#image.volatile.release(session, sequence);
    stored?.references.delete(session);
    if (stored?.references.size !== 0) return;
    this.#messages.delete(sequence);
    if (this.#passing.has(sequence)) setImmediate(() => this.#tellOf(sequence));
  }

  #tellOf(sequence: Sequence): void {
    const told = this.#waiting.filter((each) => each.sequence === sequence);
    this.#waiting = this.#waiting.filter((each) => each.sequence !== sequence);
    for (const { waiter, token } of told) waiter.durable(token);
  }

  /** What ended with the boot before. */
  #forgetVolatile(): void {
    const { volatile } = this.#image;
    for (const session of this.#image.sessions.values()) {
      const gone: Sequence[] = [];
      session.queue.visit((sequence) => void (volatile.has(sequence) && gone.push(sequence)));
      for (const sequence of gone) {
        this.#image.settle(session, sequence);
        this.#forget(session.id, sequence);
      }
    }
  }
}
