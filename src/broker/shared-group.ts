// A Shared Subscription at work: each message to one member (MQTT 5 §4.8.2). What no member can take now waits in a stored queue of the group's own;
// members take from it as they get room. See docs/decisions/0012-shared-subscriptions.md.
import type { Share } from '../bus/audience.ts';
import type { Match } from '../bus/match.ts';
import { chooseMember } from '../bus/share-strategy.ts';
import { clientId, realm } from '../model/client.ts';
import { type Message, minQoS, type QoS } from '../model/message.ts';
import { ORDINARY, type Priority } from '../model/priority.ts';
import type { ShareStrategy } from '../model/share-strategy.ts';
import type { Topic } from '../model/topic.ts';
import type { LiveQueue, Sequence, SettleCause, StoredSession } from '../session/session-store.ts';
import type { DeliveryTerms } from './delivery-view.ts';
import type { Drops } from './drops.ts';
import type { Durability } from './durability.ts';
import { evict, type LossCause, makeRoom, type Waiting } from './queue-bounds.ts';
import { QueueCursor } from './queue-cursor.ts';
import { type QueueReadingParts, readLive } from './queue-reading.ts';
import { type QueueFacts, storedFacts } from './queue-report.ts';
import type { QueueRules, QueueTreatment } from './queue-rules.ts';
import { keepTerms } from './queue-terms.ts';
import { appendFor, type Recipient, type Referent, unretained } from './recipient.ts';
import { Rejections } from './rejections.ts';
import { ReturnedEntries } from './returned-entries.ts';
import type { RoutedSession } from './routed-session.ts';
import { bequeath, withdrawBequests } from './shared-bequests.ts';
import { type Claimed, KeptClaim, StoredClaim } from './shared-claims.ts';
import type { SharedQueue } from './shared-lane.ts';

/** Groups are stored as sessions of this realm, which no client can enter; their client id is the shared filter. */
export const SHARE_REALM = realm('$share');

export interface SharedGroupParts extends Omit<QueueReadingParts, 'drops'> {
  readonly durability: Durability;
  readonly drops: Drops;
  readonly queueRules: Pick<QueueRules, 'ofGroups'>;
}

type MemberOf = Match<RoutedSession>;

/** What the choice of a member and its terms depend on. */
interface Offer {
  readonly message: Message;
  readonly qos: QoS;
  readonly isRetain: boolean;
}

const FACTS = { principal: '', expirySeconds: Number.POSITIVE_INFINITY, detachedAtMs: undefined, will: undefined };
const NO_IDENTIFIERS: readonly number[] = [];

export class SharedGroup implements Recipient, SharedQueue, Claimed, Waiting {
  readonly #parts: QueueReadingParts & Pick<SharedGroupParts, 'durability'>;
  #treatment: QueueTreatment;
  #share: Share<RoutedSession>;
  readonly #strategy: ShareStrategy;
  #stored: StoredSession | undefined;
  /** How far it was given to members. */
  readonly #cursor = new QueueCursor();
  /** Entries up to the cursor that came back. */
  readonly #returned = new ReturnedEntries();
  readonly #rejections: Rejections;
  /** Who has which entry. */
  readonly #holders = new Map<Sequence, Referent>();
  /** The member chosen last. */
  #last: RoutedSession | undefined;
  /** Who gets the message that is being written. */
  #chosen: MemberOf | undefined;
  #isStopped = false;
  /** Set once the last member has left: told when nothing of the group is under way any more. */
  #onOver: (() => void) | undefined;

  constructor(parts: SharedGroupParts, share: Share<RoutedSession>, strategy: ShareStrategy) {
    const { store, clock, durability, drops, queueRules } = parts;
    this.#parts = { store, clock, durability, drops: drops.of({ realm: SHARE_REALM, clientId: share.filter }) };
    this.#rejections = new Rejections(store);
    this.#treatment = queueRules.ofGroups;
    this.#share = share;
    this.#strategy = strategy;
  }

  get stored(): StoredSession | undefined {
    return this.#stored;
  }

  get hasMembers(): boolean {
    return this.#share.members.length > 0;
  }

  get facts(): QueueFacts {
    const { filter: name } = this.#share;
    const counts = storedFacts(this.#stored);
    return { realm: SHARE_REALM, clientId: name, isConnected: this.hasMembers, ...counts, messagesInMemory: 0, inflight: 0, dropped: this.#parts.drops.counts };
  }

  /** Takes up the queue a restart left: nobody has any of it. */
  restore(stored: StoredSession): void {
    this.#stored = stored;
    this.#rejections.restore(stored);
    this.#keepTerms(stored);
  }

  /** From now on. */
  treat(treatment: QueueTreatment): void {
    this.#treatment = treatment;
    if (this.#stored !== undefined) this.#keepTerms(this.#stored);
  }

  priorityOf(topic: Topic): Priority {
    return this.#treatment.topics.priorityOf(topic);
  }

  /** Of the member it was chosen for. */
  expectedAckMs(message: Message): number {
    return this.#chosen?.subscriber.outbound.expectedAckMs(message) ?? Number.POSITIVE_INFINITY;
  }

  /** The last member left: what waits goes with it. What it has been sent stays until it is settled (MQTT-3.10.4-3); then `onOver` is told. */
  end(onOver: () => void): void {
    this.#onOver = onOver;
    for (const [sequence, holder] of this.#holders) this.#bequeath(sequence, holder);
    for (let waiting = this.#firstWaiting(); waiting !== undefined; waiting = this.#firstWaiting()) {
      this.#parts.store.settle(this.#stored as StoredSession, waiting, 'session-ended');
    }
    this.#endIfOver();
  }

  /** A new first member came before it was over. */
  reopen(share: Share<RoutedSession>): void {
    this.#share = share;
    if (this.#onOver !== undefined && this.#stored !== undefined) withdrawBequests(this.#parts.store, this.#stored);
    this.#onOver = undefined;
  }

  get evictableBytes(): number {
    return this.#treatment.whenFull === 'refuse' ? 0 : (this.#stored?.queue.bytes ?? 0);
  }

  /** The disk has no room for what waits. @returns how many bytes went. */
  evict(bytesMax: number): number {
    return this.#stored === undefined ? 0 : evict(this.#stored, this.#treatment, this, bytesMax);
  }

  /** Nothing that comes back is given to anybody any more: the gateway stops. */
  stop(): void {
    this.#isStopped = true;
  }

  /**
   * Takes a message the share matched.
   *
   * @param isReferred - whether the message is to be written for that session already.
   * @returns for whom it must be written, if it must.
   */
  take(message: Message, isReferred: (recipient: Recipient) => boolean): Referent | undefined {
    const offer = { message, qos: message.qos, isRetain: message.isRetain };
    const isKept = message.qos > 0 && this.keepsMessages;
    if (isKept && this.#firstWaiting() !== undefined) return this.#toQueue(offer); // behind what came before it
    const member = this.#choose(offer, (each) => canTakeNow(each, offer));
    if (member === undefined) return isKept ? this.#toQueue(offer) : this.#leaveWithOne(offer);
    const { outbound, stored } = member.subscriber;
    const terms = termsOf(member, offer);
    if (isKept && terms.qos === 2 && stored !== undefined && !isReferred(outbound)) return { recipient: outbound, terms };
    if (isKept && terms.qos > 0 && (terms.qos === 1 || stored !== undefined)) {
      this.#chosen = member;
      return this.#toQueue(offer);
    }
    this.#give(member, message, terms);
    return undefined;
  }

  /** A message was written into the group's queue: it goes out now when nothing is before it. */
  appended(message: Message, sequence: Sequence, { qos, isRetain }: DeliveryTerms): void {
    const chosen = this.#chosen;
    this.#chosen = undefined;
    if (this.#stored !== undefined) makeRoom(this.#stored, this.#treatment, this);
    if (this.#firstWaiting() !== sequence) return;
    const offer = { message, qos, isRetain };
    const isStillAble = chosen !== undefined && canTakeNow(chosen, offer);
    const member = isStillAble ? chosen : this.#choose(offer, (each) => canTakeNow(each, offer));
    if (member === undefined) return;
    this.#handOver(member, sequence, offer);
  }

  lose(sequence: Sequence, cause: LossCause): void {
    this.#parts.drops.add(cause);
    if (this.#stored !== undefined) this.#parts.store.settle(this.#stored, sequence, cause);
  }

  feed(taker: Recipient): boolean {
    return this.#giveNext(() => this.#share.members.find(({ subscriber }) => subscriber.outbound === taker));
  }

  read(sequence: Sequence): Message | undefined {
    return this.#stored && this.#parts.store.read(this.#stored, sequence)?.message;
  }

  settle(sequence: Sequence, cause: SettleCause): void {
    this.#holders.delete(sequence);
    if (this.#stored === undefined) return;
    this.#rejections.settled(this.#stored, sequence);
    this.#parts.store.settle(this.#stored, sequence, cause);
    this.#endIfOver();
  }

  reject(sequence: Sequence, rejectionsMax: number): boolean {
    return this.#stored !== undefined && this.#rejections.add(this.#stored, sequence, rejectionsMax);
  }

  takeBack(sequence: Sequence): void {
    const holder = this.#holders.get(sequence);
    this.#holders.delete(sequence);
    if (holder === undefined || this.#stored?.queue.has(sequence) !== true) return;
    if (this.#onOver !== undefined) {
      this.#leaveWith(holder, sequence);
      return;
    }
    this.#returned.add(classOf(this.#stored.queue, sequence), sequence);
    this.#pump();
  }

  readmit(message: Message): void {
    if (this.#isStopped || !this.hasMembers) {
      this.#parts.drops.add('detached');
      return;
    }
    const referent = this.take(message, () => false);
    if (referent !== undefined) appendFor(this.#parts, unretained(message), [referent]);
  }

  /** There is no other member: who has it finds it in its own queue when it returns. */
  #leaveWith(referent: Referent, sequence: Sequence): void {
    const message = this.read(sequence);
    const isKept = message !== undefined && referent.recipient.stored !== undefined;
    if (isKept) {
      this.#move(message, referent, sequence);
      return;
    }
    this.#parts.drops.add('detached');
    this.settle(sequence, 'session-ended');
  }

  /** Whatever happens, it is in exactly one of the two queues (MQTT-4.8.2-4). */
  #move(message: Message, referent: Referent, sequence: Sequence): void {
    this.#parts.store.together(() => {
      appendFor(this.#parts, unretained(message), [referent]);
      this.settle(sequence, 'moved');
    });
  }

  /** Who has it gets it into its own queue should the gateway be killed before it is settled: there will be no group any more. */
  #bequeath(sequence: Sequence, { recipient, terms }: Referent): void {
    if (this.#stored !== undefined && recipient.stored !== undefined) bequeath(this.#parts.store, this.#stored, { sequence, heir: recipient.stored, terms });
  }

  #endIfOver(): void {
    if (this.#onOver === undefined || (this.#stored?.queue.count ?? 0) > 0) return;
    if (this.#stored !== undefined) this.#parts.store.removeSession(this.#stored);
    this.#stored = undefined;
    const onOver = this.#onOver;
    this.#onOver = undefined;
    onOver();
  }

  /** Messages wait on disk as soon as one member's session does. */
  get keepsMessages(): boolean {
    return this.#stored !== undefined || this.#share.members.some(({ subscriber }) => subscriber.stored !== undefined);
  }

  /** The entry nobody has whose turn it is. */
  #firstWaiting(): Sequence | undefined {
    if (this.#stored === undefined) return undefined;
    const { queue } = this.#stored;
    const returned = this.#returned.first(queue);
    const unread = this.#cursor.next(queue);
    if (returned === undefined || unread === undefined) return returned?.sequence ?? unread;
    return returned.priority >= classOf(queue, unread) ? returned.sequence : unread;
  }

  oldest(priority: Priority): Sequence | undefined {
    if (this.#stored === undefined) return undefined;
    const { queue } = this.#stored;
    return this.#returned.oldest(queue, priority) ?? this.#cursor.nextIn(queue, priority);
  }

  newest(priority: Priority): Sequence | undefined {
    if (this.#stored === undefined) return undefined;
    const { queue } = this.#stored;
    const last = queue.lane(priority)?.last;
    return last !== undefined && last > this.#cursor.at(priority) ? last : this.#returned.newest(queue, priority);
  }

  #toQueue({ qos, isRetain }: Offer): Referent {
    if (this.#stored === undefined) {
      this.#stored = this.#parts.store.createSession(SHARE_REALM, clientId(this.#share.filter), FACTS);
      this.#keepTerms(this.#stored);
    }
    return { recipient: this, terms: { qos, isRetain, identifiers: NO_IDENTIFIERS } };
  }

  /** Nobody can take it now, and the group has no queue: it waits with a member that is online, or with one that keeps what comes at QoS 0. */
  #leaveWithOne(offer: Offer): undefined {
    const member =
      this.#choose(offer, ({ subscriber }) => subscriber.outbound.isAttached) ??
      this.#choose(offer, ({ subscriber }) => subscriber.outbound.keepsQos0) ??
      this.#choose(offer, () => true);
    if (member !== undefined) this.#give(member, offer.message, termsOf(member, offer));
  }

  #give({ subscriber: { outbound } }: MemberOf, message: Message, terms: DeliveryTerms): void {
    if (terms.qos > 0) outbound.hold(message, new KeptClaim(this, message, terms));
    else if (outbound.take(message, terms)) appendFor(this.#parts, unretained(message), [{ recipient: outbound, terms }]);
  }

  /** Gives what waits to those that can take it. */
  #pump(): void {
    if (this.#isStopped || !this.#share.members.some(({ subscriber }) => subscriber.outbound.canTakeNow(0))) return;
    while (this.#giveNext((offer) => this.#choose(offer, (each) => canTakeNow(each, offer))));
  }

  /** @returns false when nothing waits, or nobody takes it. */
  #giveNext(choose: (offer: Offer) => MemberOf | undefined): boolean {
    const sequence = this.#firstWaiting();
    if (this.#stored === undefined || sequence === undefined) return false;
    const entry = readLive(this.#parts, this.#stored, sequence);
    if (entry === undefined) return true;
    const member = choose(entry);
    if (member === undefined) return false;
    this.#handOver(member, sequence, entry);
    return true;
  }

  /** The entry is the oldest nobody has; the member can take it now. */
  #handOver(member: MemberOf, sequence: Sequence, offer: Offer): void {
    if (!this.#returned.takeFirst(sequence) && this.#stored !== undefined) this.#cursor.pass(classOf(this.#stored.queue, sequence), sequence);
    const { outbound, stored } = member.subscriber;
    const terms = termsOf(member, offer);
    if (terms.qos === 1) {
      this.#holders.set(sequence, { recipient: outbound, terms });
      outbound.hold(offer.message, new StoredClaim(this, sequence, terms));
    } else if (terms.qos === 2 && stored !== undefined) {
      this.#move(offer.message, { recipient: outbound, terms }, sequence);
    } else if (terms.qos === 2) {
      this.settle(sequence, 'moved');
      outbound.hold(offer.message, new KeptClaim(this, offer.message, terms));
    } else {
      this.settle(sequence, 'delivered'); // nobody will acknowledge it
      outbound.take(offer.message, terms);
    }
  }

  #choose({ message }: Offer, isAble: (member: MemberOf) => boolean): MemberOf | undefined {
    const { members } = this.#share;
    const able = [...members.keys()].filter((index) => isAble(members[index] as MemberOf));
    if (able.length === 0) return undefined;
    const index = chooseMember(this.#strategy, {
      able,
      members: members.length,
      last: members.findIndex(({ subscriber }) => subscriber === this.#last),
      publisher: message.origin.clientId,
      topic: message.topic.name,
      random: () => this.#parts.clock.random(),
      inflight: (each) => (members[each] as MemberOf).subscriber.outbound.inflightCount,
    });
    const member = members[index];
    this.#last = member?.subscriber;
    return member;
  }

  #keepTerms(stored: StoredSession): void {
    this.#cursor.readInOrder(keepTerms(this.#parts.store, stored, { queueQos0: false }, this.#treatment));
  }
}

function classOf(queue: LiveQueue, sequence: Sequence): Priority {
  return queue.laneOf(sequence) ?? ORDINARY;
}

function canTakeNow(member: MemberOf, offer: Offer): boolean {
  return member.subscriber.outbound.canTakeNow(minQoS(offer.qos, member.qosMax));
}

/** Each member keeps its own QoS and Subscription Identifier (MQTT-4.8.2-3, MQTT-3.3.4-3). */
function termsOf(member: MemberOf, { qos, isRetain }: Offer): DeliveryTerms {
  return { qos: minQoS(qos, member.qosMax), isRetain: isRetain && member.retainAsPublished, identifiers: member.identifiers };
}
