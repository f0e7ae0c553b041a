// The SessionStore on disk. A change is encoded into the open group and applied to the image in one call, so that memory is what the log says; what
// becomes of the group is the commit log's business, what becomes of the image the checkpoint's.
import type { Subscription } from '../../bus/subscription.ts';
import type { ClientId, Realm } from '../../model/client.ts';
import type { Clock, GatewayMs } from '../../model/clock.ts';
import type { Log } from '../../model/log.ts';
import type { Message } from '../../model/message.ts';
import type { Counter, Metrics } from '../../model/metrics.ts';
import { ORDINARY, type Priority } from '../../model/priority.ts';
import type { TopicFilter, TopicName } from '../../model/topic.ts';
import type { DiskWatcher, StoreRoom } from '../../session/disk-pressure.ts';
import type { Image } from '../../session/image.ts';
import { messageSize } from '../../session/message-size.ts';
import type { StateRecord } from '../../session/records.ts';
import type { SessionImage } from '../../session/session-image.ts';
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
} from '../../session/session-store.ts';
import { referencesOf } from '../../session/volatile-messages.ts';
import { CommitLog, type UnitSource } from './commit-log.ts';
import type { Committer, CommitUnit } from './committer.ts';
import type { DatabaseSize } from './database-size.ts';
import type { DiskLimits } from './disk-limits.ts';
import { DiskWatch, type DiskWatchParts } from './disk-watch.ts';
import { type Group, MESSAGE_OVERHEAD_BYTES } from './group.ts';
import { stampsOf } from './group-format.ts';
import type { GroupReader } from './group-reader.ts';
import type { HealingCommitter } from './heal-while-running.ts';
import { type OpenGroup, References } from './open-group.ts';
import type { Recovered } from './recovery.ts';
import type { TableWrite } from './schema.ts';
import { Scrub } from './scrub.ts';
import type { SegmentIndex } from './segment-index.ts';
import { SettledRuns } from './settled-runs.ts';
import { StateAlong } from './state-along.ts';
import type { StoreLimits } from './store-limits.ts';
import { settledCounters, storeGauges } from './store-metrics.ts';
import { storeStatus } from './store-status.ts';
import { Upkeep } from './upkeep.ts';
import type { WearMeter } from './wear-meter.ts';

export interface SqliteStoreParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly boot: BootFacts;
  readonly bootRows: readonly TableWrite[];
  readonly recovered: Recovered;
  readonly reader: GroupReader;
  readonly size: DatabaseSize;
  readonly committer: Committer;
  /** What `committer` is, or what it puts off. */
  readonly placed: HealingCommitter;
  readonly limits: StoreLimits;
  readonly wear: WearMeter;
  readonly disk: Pick<DiskWatchParts, 'read' | 'probe' | 'ballast'> & { readonly limits: DiskLimits };
  /** Names of files set aside at this start. */
  readonly quarantined: readonly string[];
  /** Numbers of groups that the log may have ended with. */
  readonly cutOff: readonly number[];
  /** Else the log is read through while the store runs. */
  readonly isCheckedWhole: boolean;
  /** After the last commit: closes the file and gives the directory back. */
  release(): void;
}

/** Of one commit, until nothing new is taken: one that failed once may have met a moment. */
const ATTEMPTS_MAX = 3;

export class SqliteStore implements SessionStore {
  readonly boot: BootFacts;
  readonly #parts: SqliteStoreParts;
  readonly #image: Image;
  readonly #segments: SegmentIndex;
  readonly #log: CommitLog;
  readonly #upkeep: Upkeep;
  readonly #disk: DiskWatch;
  readonly #runs = new SettledRuns();
  readonly #along: StateAlong;
  readonly #references = new References();
  /** Sessions of `#references`, each once; only the first `#referredCount` are. */
  readonly #referred: SessionImage[] = [];
  /** How each of them gets the message; looked at until it is appended. */
  readonly #options: ReferenceOptions[] = [];
  /** The class each of them gives the message. */
  readonly #priorities: Priority[] = [];
  #referredCount = 0;
  readonly #appended: Counter;
  readonly #settled: Readonly<Record<SettleCause, Counter>>;
  readonly #scrub: Scrub;
  #closing: Promise<void> | undefined;

  constructor(parts: SqliteStoreParts) {
    const { metrics, recovered } = parts;
    this.boot = parts.boot;
    this.#parts = parts;
    this.#image = recovered.image;
    this.#segments = recovered.segments;
    this.#along = new StateAlong(recovered.image);
    this.#log = new CommitLog({ ...parts, source: this.#unitSource(), nextGroup: recovered.nextGroup, nextSequence: recovered.nextSequence });
    this.#upkeep = new Upkeep({
      ...parts,
      image: this.#image,
      segments: this.#segments,
      log: this.#log,
      replayedBytes: recovered.replayedBytes,
      stamps: () => stampsOf(this.boot, this.#parts.clock),
      closing: (group) => this.#along.close(group, this.#runs),
      isShort: () => this.#disk.isAt('compact'),
    });
    this.#disk = new DiskWatch({ ...parts, ...parts.disk, commits: this.#log, upkeep: this.#upkeep });
    this.#disk.start();
    this.#appended = metrics.counter('store.messages.appended');
    this.#settled = settledCounters(metrics);
    storeGauges(metrics, recovered);
    parts.placed.serve(this.#upkeep.whole(parts.bootRows));
    this.#scrub = new Scrub({ clock: parts.clock, metrics, reader: parts.reader, groups: (after) => this.#segments.liveNumbers(after) });
    if (!parts.isCheckedWhole) this.#scrub.start();
  }

  get sessions(): ReadonlyMap<string, StoredSession> {
    return this.#image.sessions;
  }

  get retained(): ReadonlyMap<TopicName, Message> {
    return this.#image.retained;
  }

  createSession(realm: Realm, clientId: ClientId, facts: SessionFacts): StoredSession {
    const id = this.#image.nextSessionId;
    this.#write({ kind: 'session', id, realm, clientId, facts });
    return this.#image.session(id) as StoredSession;
  }

  changeSession({ id, realm, clientId }: StoredSession, facts: SessionFacts): void {
    if (this.#image.session(id) !== undefined) this.#write({ kind: 'session', id, realm, clientId, facts });
  }

  removeSession({ id }: StoredSession): void {
    const session = this.#image.session(id);
    if (session === undefined) return;
    session.queue.visit((sequence, size) => void this.#unrefer(sequence, id, size, 'session-ended'));
    this.#settled['session-ended'].value += session.queue.count;
    this.#runs.forget(id);
    this.#write({ kind: 'session-removed', id });
  }

  saveSubscription({ id }: StoredSession, subscription: Subscription): void {
    if (this.#image.session(id) !== undefined) this.#write({ kind: 'subscription', session: id, subscription });
  }

  removeSubscription({ id, subscriptions }: StoredSession, filter: TopicFilter): void {
    if (subscriptions.has(filter)) this.#write({ kind: 'subscription-removed', session: id, filter });
  }

  gatewayState(gateway: string): ReadonlyMap<string, Uint8Array> {
    return this.#image.gatewayState(gateway);
  }

  putState(owner: StoredSession | { readonly gateway: string }, key: string, value: Uint8Array | undefined): void {
    const copy = value === undefined ? undefined : Uint8Array.from(value);
    if ('gateway' in owner) this.#write({ kind: 'state', owner: { gateway: owner.gateway }, key, value: copy });
    else if (this.#image.session(owner.id) !== undefined) this.#write({ kind: 'state', owner: { session: owner.id }, key, value: copy });
  }

  putStateAlong({ gateway }: { readonly gateway: string }, key: string, value: () => Uint8Array): void {
    this.#along.put(gateway, key, value);
  }

  refer({ id }: StoredSession, options: ReferenceOptions, priority: Priority = ORDINARY): void {
    const session = this.#image.session(id);
    if (session === undefined) return;
    this.#references.add(id, options, priority);
    this.#referred[this.#referredCount] = session;
    this.#options[this.#referredCount] = options;
    this.#priorities[this.#referredCount] = priority;
    this.#referredCount += 1;
  }

  append(message: Message, withinMs = 0): Sequence {
    const log = this.#log;
    if (withinMs === Number.POSITIVE_INFINITY) return this.#appendVolatile(message);
    log.makeRoom();
    const sequence = log.nextSequence;
    log.nextSequence += 1;
    if (this.#referredCount === 0 && !message.isRetain) return sequence; // nobody will ask for it: a hole like any other
    log.open.message(sequence, message, this.#references);
    const references = this.#enqueue(sequence, message);
    log.open.live += references;
    if (message.isRetain) this.#image.retain(sequence, message);
    this.#appended.value += 1;
    if (references === 0 || message.qos === 2 || message.isRetain) log.wroteWithin(withinMs);
    else log.wroteMessage(sequence, references, withinMs);
    return sequence;
  }

  /** @returns in how many queues it is now. */
  #enqueue(sequence: Sequence, message: Message): number {
    const size = messageSize(message);
    let references = 0;
    for (let at = 0; at < this.#referredCount; at += 1) {
      if (this.#image.enqueue(this.#referred[at] as SessionImage, sequence, size, this.#priorities[at] as Priority)) references += 1;
    }
    this.#references.count = 0;
    this.#referredCount = 0;
    return references;
  }

  #appendVolatile(message: Message): Sequence {
    const sequence = this.#log.nextSequence;
    this.#log.nextSequence += 1;
    if (this.#referredCount === 0) return sequence;
    this.#image.volatile.put(sequence, message, referencesOf(this.#referred.slice(0, this.#referredCount), this.#options));
    this.#enqueue(sequence, message);
    this.#appended.value += 1;
    return sequence;
  }

  together<T>(run: () => T): T {
    return this.#log.together(run);
  }

  read(session: StoredSession, sequence: Sequence): StoredDelivery | undefined {
    if (!session.queue.has(sequence)) return undefined;
    const { open } = this.#log;
    if (this.#image.volatile.has(sequence)) return this.#image.volatile.read(session.id, sequence);
    if (sequence >= open.firstSequence) return open.read(sequence, session.id);
    const number = this.#segments.find(sequence);
    return number === undefined ? undefined : this.#parts.reader.group(number)?.read(sequence, session.id);
  }

  settle({ id }: StoredSession, sequence: Sequence, cause: SettleCause): void {
    const session = this.#image.session(id);
    const bytesBefore = this.#image.queuedBytes;
    const priority = session && this.#image.settle(session, sequence);
    if (session === undefined || priority === undefined) return;
    this.#settled[cause].value += 1;
    if (!this.#unrefer(sequence, id, bytesBefore - this.#image.queuedBytes, cause)) return;
    this.#runs.add(session, sequence, priority, cause);
    this.#log.wroteLater();
  }

  gather(gatherer: Gatherer): () => void {
    return this.#runs.gathered.add(gatherer, () => this.#log.wroteLater());
  }

  beginSending({ id }: StoredSession, packetId: number, sequence: Sequence): void {
    if (this.#image.session(id) !== undefined) this.#write({ kind: 'sending', session: id, packetId, exchange: { sequence, state: 'sent' } });
  }

  releaseSending({ id, sending }: StoredSession, packetId: number): void {
    const { sequence } = sending.get(packetId) ?? {};
    if (sequence !== undefined) this.#write({ kind: 'sending', session: id, packetId, exchange: { sequence, state: 'released' } });
  }

  endSending({ id, sending, queue }: StoredSession, packetId: number, cause: SettleCause): void {
    const { sequence } = sending.get(packetId) ?? {};
    if (sequence === undefined) return;
    const isQueued = queue.has(sequence);
    const bytesBefore = this.#image.queuedBytes;
    if (isQueued) this.#settled[cause].value += 1;
    this.#write({ kind: 'sending-ended', session: id, packetId, sequence, cause });
    if (isQueued) this.#unrefer(sequence, id, bytesBefore - this.#image.queuedBytes, cause);
  }

  beginReceiving({ id }: StoredSession, packetId: number, digest: number, withinMs = 0): void {
    const exchange = { state: 'open', digest, untilMs: Number.POSITIVE_INFINITY } as const;
    if (this.#image.session(id) !== undefined) this.#write({ kind: 'receiving', session: id, packetId, exchange }, withinMs);
  }

  endReceiving({ id, receiving }: StoredSession, packetId: number, quarantineUntilMs: GatewayMs | undefined): void {
    const { digest } = receiving.get(packetId) ?? {};
    if (digest === undefined) return;
    if (quarantineUntilMs === undefined) this.#write({ kind: 'receiving-forgotten', session: id, packetId });
    else this.#write({ kind: 'receiving', session: id, packetId, exchange: { state: 'quarantined', digest, untilMs: quarantineUntilMs } });
  }

  whenDurable(waiter: DurableWaiter, token: number): void {
    this.#log.whenDurable(waiter, token);
  }

  whenSafe(sequence: Sequence, waiter: DurableWaiter, token: number): void {
    this.#log.whenSafe(sequence, waiter, token);
  }

  get volatileBytes(): number {
    return this.#image.volatile.bytes;
  }

  get isCongested(): boolean {
    return this.#log.isCongested;
  }

  makeRoom(): boolean {
    this.#log.makeRoom();
    return !this.#log.isCongested;
  }

  get room(): StoreRoom {
    const { attempts, open } = this.#log;
    if (attempts > 0 && open.bytes > this.#parts.limits.groupBytesMax) return 'stuck';
    return attempts >= ATTEMPTS_MAX || this.#disk.isRefusing ? 'none' : 'ample';
  }

  watchDisk(watcher: DiskWatcher): void {
    this.#disk.watch(watcher);
  }

  status(): StoreStatus {
    const parts = { image: this.#image, segments: this.#segments, log: this.#log, upkeep: this.#upkeep, disk: this.#disk };
    return storeStatus({ ...this.#parts, ...parts, ballast: this.#parts.disk.ballast });
  }

  /** Whatever can be given back to the file system, now and before other upkeep; for a disk that is nearly full. @returns false when the disk refuses. */
  compactNow(): Promise<boolean> {
    return this.#upkeep.compactNow();
  }

  /** A disk that refuses ends this too: the next start replays what a checkpoint would have spared it. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#disk.stop();
    const { committer, log, release } = this.#parts;
    this.#scrub.stop();
    if (!(await this.#upkeep.close())) log.error('store closed without a checkpoint', { advice: 'nothing acknowledged is lost; the next start takes longer' });
    this.#log.stop();
    await committer.close();
    release();
  }

  #write(record: StateRecord, withinMs = 0): void {
    this.#log.open.record(record);
    this.#image.apply(record);
    if (!this.#runs.gathered.isGathering) this.#log.wroteWithin(withinMs);
  }

  /** @param size - as `messageSize` has it. @returns whether the end of the entry needs a record. */
  #unrefer(sequence: Sequence, session: number, size: number, cause: SettleCause): boolean {
    if (this.#image.volatile.release(session, sequence)) return false;
    const { open } = this.#log;
    const bytes = size + MESSAGE_OVERHEAD_BYTES;
    if (sequence >= open.firstSequence) {
      open.live -= 1;
      open.liveBytes -= bytes;
      return this.#log.settled(sequence, session, cause);
    }
    this.#segments.dropReference(sequence, bytes);
    return true;
  }

  #unitSource(): UnitSource {
    const store = this;
    return {
      get hasWaitingRecords() {
        return !store.#runs.isEmpty;
      },
      get wantsUnit() {
        return store.#upkeep.wantsUnit;
      },
      closing: (group) => this.#along.close(group, this.#runs),
      stamps: () => stampsOf(this.boot, this.#parts.clock),
      closed: (group, left) => this.#closed(group, left),
      takeRows: (company) => this.#upkeep.takeRows(company),
      committed: (unit) => this.#committed(unit),
      refused: (failure) => this.#disk.refused(failure),
      notCopied: (failure) => this.#disk.notCopied(failure),
    };
  }

  #committed(unit: CommitUnit): void {
    this.#parts.wear.committed(unit);
    this.#upkeep.committed(unit);
    this.#disk.committed(unit.segment?.bytes.length ?? 0);
  }

  #closed(group: Group, { live, liveBytes }: Pick<OpenGroup, 'live' | 'liveBytes'>): void {
    const { number, firstSequence, nextSequence } = group.header;
    this.#segments.add({ number, firstSequence, nextSequence, bytes: group.bytes.length, live, liveBytes: live === 0 ? 0 : Math.max(0, liveBytes) });
    this.#parts.reader.keep(group);
  }
}
