// Everything that is persistent, in memory. A store changes it by records only, the same ones when it runs and when it replays its log; what differs
// from the last checkpoint is remembered by key, so that a checkpoint writes each row once however often it changed.
import type { Message } from '../model/message.ts';
import { PartedMap } from '../model/parted-map.ts';
import type { Priority } from '../model/priority.ts';
import { SlotMap } from '../model/slot-map.ts';
import type { TopicName } from '../model/topic.ts';
import type { StateOwner, StateRecord } from './records.ts';
import { SessionDirt, SessionImage } from './session-image.ts';
import { type Sequence, sessionKey } from './session-store.ts';
import { VolatileMessages } from './volatile-messages.ts';

const NOTHING: ReadonlyMap<string, Uint8Array> = new Map();

/** What differs from the tables. */
export interface ImageDirt {
  /** Ids of sessions whose rows changed. */
  readonly sessions: Set<number>;
  /** Ids of those whose rows must go. */
  readonly removedSessions: Set<number>;
  readonly retained: Set<TopicName>;
  /** Keys of state by gateway. */
  readonly gatewayState: Map<string, Set<string>>;
}

/** Whatever one lane holds between two sequences. */
export interface SettledStretch {
  readonly priority: Priority;
  readonly first: Sequence;
  readonly last: Sequence;
}

export class Image {
  readonly sessions = new SlotMap<string, SessionImage>();
  readonly retained = new PartedMap<TopicName, Message>();
  /** What is in queues and ends with the process. */
  readonly volatile = new VolatileMessages();
  /** Greater than every session id there ever was. */
  nextSessionId = 1;
  queuedMessages = 0;
  queuedBytes = 0;
  readonly #byId = new SlotMap<number, SessionImage>();
  readonly #retainedAt = new PartedMap<TopicName, Sequence>();
  #gatewayState = new Map<string, Map<string, Uint8Array>>();
  #dirt = newDirt();

  /** Undefined for one that was removed. */
  session(id: number): SessionImage | undefined {
    return this.#byId.get(id);
  }

  gatewayState(gateway: string): ReadonlyMap<string, Uint8Array> {
    return this.#gatewayState.get(gateway) ?? NOTHING;
  }

  /** Names of gateways with state of their own. */
  get gateways(): Iterable<string> {
    return this.#gatewayState.keys();
  }

  /** Sequence of the message retained for that topic. */
  retainedAt(topic: TopicName): Sequence | undefined {
    return this.#retainedAt.get(topic);
  }

  /** Records of sessions that are gone, or not there yet, change nothing: a table may be newer than the log that is replayed over it. */
  apply(record: StateRecord): void {
    switch (record.kind) {
      case 'session':
        this.#putSession(record);
        break;
      case 'session-removed':
        this.#removeSession(record.id);
        break;
      case 'state':
        this.#putState(record.owner, record.key, record.value);
        break;
      default: {
        const session = this.#byId.get(record.session);
        if (session !== undefined) this.#applyTo(session, record);
      }
    }
  }

  /** False when it is queued already. */
  enqueue(session: SessionImage, sequence: Sequence, size: number, priority: Priority): boolean {
    if (!session.queue.add(priority, sequence, size)) return false;
    this.queuedMessages += 1;
    this.queuedBytes += size;
    this.#list(session);
    return true;
  }

  /** @returns the class it had; undefined when it is not queued (any more). */
  settle(session: SessionImage, sequence: Sequence): Priority | undefined {
    const bytesBefore = session.queue.bytes;
    const priority = session.queue.remove(sequence);
    if (priority === undefined) return undefined;
    this.queuedMessages -= 1;
    this.queuedBytes -= bytesBefore - session.queue.bytes;
    this.#list(session);
    return priority;
  }

  /** Settles every entry of a run in one lane, both ends included. */
  settleRun(session: SessionImage, { priority, first, last }: SettledStretch): void {
    const lane = session.queue.lane(priority);
    for (let at = lane?.next(first - 1); at !== undefined && at <= last; at = lane?.next(at)) this.settle(session, at);
  }

  /**
   * A message with RETAIN: becomes the retained one of its topic, or clears it when its payload is empty (MQTT-3.3.1-5, MQTT-3.3.1-6). The image
   * keeps the message.
   */
  retain(sequence: Sequence, message: Message): void {
    const topic = message.topic.name;
    if ((this.#retainedAt.get(topic) ?? 0) > sequence) return; // the table is newer than the log
    if (message.payload.length > 0) {
      this.retained.set(topic, message.keep());
      this.#retainedAt.set(topic, sequence);
    } else if (this.retained.delete(topic)) {
      this.#retainedAt.delete(topic);
    }
    this.#dirt.retained.add(topic);
  }

  /** Hands over what differs from the tables, and starts anew. */
  /** Rows that a snapshot would write, at least. */
  get dirtyRows(): number {
    const { removedSessions, sessions, gatewayState, retained } = this.#dirt;
    return removedSessions.size + sessions.size + gatewayState.size + retained.size;
  }

  takeDirt(): ImageDirt {
    const dirt = this.#dirt;
    this.#dirt = newDirt();
    return dirt;
  }

  /** One row of a queue; those of one lane in order of keys. */
  restoreChunk(session: number, { priority, key }: { readonly priority: Priority; readonly key: Sequence }, live: Uint8Array): void {
    const owner = this.#byId.get(session);
    if (owner === undefined) return;
    const { count, bytes } = owner.queue;
    owner.queue.restore(priority, key, live);
    this.queuedMessages += owner.queue.count - count;
    this.queuedBytes += owner.queue.bytes - bytes;
  }

  /** After the tables were read: everything there is has its row. */
  markStored(): void {
    this.#dirt = newDirt();
    for (const session of this.#byId.values()) {
      session.isStored = true;
      session.dirt = undefined;
      session.isListed = false;
      if (session.queue.isDirty) this.#list(session);
    }
  }

  #putSession(record: Extract<StateRecord, { kind: 'session' }>): void {
    let session = this.#byId.get(record.id);
    if (session === undefined) {
      session = new SessionImage(record.id, record.realm, record.clientId, record.facts);
      this.#byId.set(record.id, session);
      this.nextSessionId = Math.max(this.nextSessionId, record.id + 1);
    }
    session.facts = record.facts;
    record.facts.will?.message.keep();
    const key = sessionKey(record.realm, record.clientId);
    const other = this.sessions.get(key);
    if (other !== undefined && other.id < record.id) this.#removeSession(other.id); // its end was in a group that is lost
    this.sessions.set(key, session);
    this.#dirtOf(session).isFacts = true;
  }

  #removeSession(id: number): void {
    const session = this.#byId.get(id);
    if (session === undefined) return;
    this.#byId.delete(id);
    const key = sessionKey(session.realm, session.clientId);
    if (this.sessions.get(key) === session) this.sessions.delete(key); // else replay met its successor already
    this.queuedMessages -= session.queue.count;
    this.queuedBytes -= session.queue.bytes;
    this.#dirt.sessions.delete(id);
    if (session.isStored) this.#dirt.removedSessions.add(id);
  }

  #putState(owner: StateOwner, key: string, value: Uint8Array | undefined): void {
    if ('session' in owner) {
      const session = this.#byId.get(owner.session);
      session?.setState(key, value);
      if (session !== undefined) this.#dirtOf(session).state.add(key);
      return;
    }
    const space = entry(this.#gatewayState, owner.gateway, () => new Map<string, Uint8Array>());
    if (value === undefined) space.delete(key);
    else space.set(key, value);
    entry(this.#dirt.gatewayState, owner.gateway, () => new Set<string>()).add(key);
  }

  #applyTo(session: SessionImage, record: Exclude<StateRecord, { kind: 'session' | 'session-removed' | 'state' }>): void {
    const dirt = this.#dirtOf(session);
    switch (record.kind) {
      case 'subscription':
        session.setSubscription(record.subscription.filter, record.subscription);
        dirt.subscriptions.add(record.subscription.filter);
        break;
      case 'subscription-removed':
        session.setSubscription(record.filter, undefined);
        dirt.subscriptions.add(record.filter);
        break;
      case 'sending':
        session.setSending(record.packetId, record.exchange);
        dirt.sending.add(record.packetId);
        break;
      case 'sending-ended':
        session.setSending(record.packetId, undefined);
        dirt.sending.add(record.packetId);
        this.settle(session, record.sequence);
        break;
      case 'receiving':
        session.setReceiving(record.packetId, record.exchange);
        dirt.receiving.add(record.packetId);
        break;
      case 'receiving-forgotten':
        session.setReceiving(record.packetId, undefined);
        dirt.receiving.add(record.packetId);
        break;
    }
  }

  #dirtOf(session: SessionImage): SessionDirt {
    this.#list(session);
    session.dirt ??= new SessionDirt();
    return session.dirt;
  }

  #list(session: SessionImage): void {
    if (session.isListed) return;
    session.isListed = true;
    this.#dirt.sessions.add(session.id);
  }
}

function newDirt(): ImageDirt {
  return { sessions: new Set(), removedSessions: new Set(), retained: new Set(), gatewayState: new Map() };
}

function entry<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
