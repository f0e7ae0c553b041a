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
  ReferenceOptions,
  Sequence,
  SessionFacts,
  SessionStore,
  SettleCause,
  StoredDelivery,
  StoredSession,
  StoreStatus,
} from '../../session/session-store.ts';
import { CommitLog, type UnitSource } from './commit-log.ts';
import type { Committer, CommitUnit } from './committer.ts';
import type { DatabaseSize } from './database-size.ts';
import type { DiskLimits } from './disk-limits.ts';
import { DiskWatch, type DiskWatchParts } from './disk-watch.ts';
import { type Group, MESSAGE_OVERHEAD_BYTES } from './group.ts';
import type { GroupStamps } from './group-format.ts';
import type { GroupReader } from './group-reader.ts';
import type { HealingCommitter } from './heal-while-running.ts';
import { bootWrites, checkpointWrites, isCleanMark, momentWrites } from './meta.ts';
import { type OpenGroup, References } from './open-group.ts';
import { CAUSE_CODE } from './record-codec.ts';
import type { Recovered } from './recovery.ts';
import type { TableWrite } from './schema.ts';
import { Scrub } from './scrub.ts';
import type { SegmentIndex } from './segment-index.ts';
import { SettledRuns } from './settled-runs.ts';
import { allRows } from './snapshot.ts';
import type { StoreLimits } from './store-limits.ts';
import { storeStatus } from './store-status.ts';
import { Upkeep } from './upkeep.ts';
import type { WearMeter } from './wear-meter.ts';

export interface SqliteStoreParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly boot: BootFacts;
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
  readonly #references = new References();
  /** Sessions of `#references`, each once; only the first `#referredCount` are. */
  readonly #referred: SessionImage[] = [];
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
    this.#log = new CommitLog({ ...parts, source: this.#unitSource(), nextGroup: recovered.nextGroup, nextSequence: recovered.nextSequence });
    this.#upkeep = new Upkeep({
      ...parts,
      image: this.#image,
      segments: this.#segments,
      log: this.#log,
      replayedBytes: recovered.replayedBytes,
      stamps: () => this.#stamps(),
      wearRows: () => parts.wear.takeRows(),
      isShort: () => this.#disk.isAt('compact'),
    });
    this.#disk = new DiskWatch({ ...parts, ...parts.disk, commits: this.#log, upkeep: this.#upkeep });
    this.#disk.start();
    this.#appended = metrics.counter('store.messages.appended');
    const causes = Object.keys(CAUSE_CODE) as SettleCause[];
    this.#settled = Object.fromEntries(causes.map((cause) => [cause, metrics.counter(`store.settled.${cause}`)])) as Record<SettleCause, Counter>;
    metrics.gauge('store.queued.messages', () => this.#image.queuedMessages);
    metrics.gauge('store.queued.bytes', () => this.#image.queuedBytes);
    metrics.gauge('store.segments', () => this.#segments.count);
    parts.placed.serve({ rows: (unit) => this.#allRows(unit), liveGroups: () => this.#segments.liveNumbers() });
    this.#scrub = new Scrub({ clock: parts.clock, metrics, reader: parts.reader, groups: (after) => this.#segments.liveNumbers(after) });
    if (!parts.isCheckedWhole) this.#scrub.start();
    metrics.gauge('store.groups.lost', () => recovered.lost.count);
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
    session.queue.visit((sequence, size) => this.#unrefer(sequence, size));
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

  refer({ id }: StoredSession, options: ReferenceOptions, priority: Priority = ORDINARY): void {
    const session = this.#image.session(id);
    if (session === undefined) return;
    this.#references.add(id, options, priority);
    this.#referred[this.#referredCount] = session;
    this.#priorities[this.#referredCount] = priority;
    this.#referredCount += 1;
  }

  append(message: Message): Sequence {
    const log = this.#log;
    log.makeRoom();
    const sequence = log.nextSequence;
    log.nextSequence += 1;
    if (this.#referredCount === 0 && !message.isRetain) return sequence; // nobody will ask for it: a hole like any other
    const { open } = log;
    open.message(sequence, message, this.#references);
    const size = messageSize(message);
    for (let at = 0; at < this.#referredCount; at += 1) {
      if (this.#image.enqueue(this.#referred[at] as SessionImage, sequence, size, this.#priorities[at] as Priority)) open.live += 1;
    }
    this.#references.count = 0;
    this.#referredCount = 0;
    if (message.isRetain) this.#image.retain(sequence, message);
    this.#appended.value += 1;
    log.wrote();
    return sequence;
  }

  together<T>(run: () => T): T {
    return this.#log.together(run);
  }

  read(session: StoredSession, sequence: Sequence): StoredDelivery | undefined {
    if (!session.queue.has(sequence)) return undefined;
    const { open } = this.#log;
    if (sequence >= open.firstSequence) return open.read(sequence, session.id);
    const number = this.#segments.find(sequence);
    return number === undefined ? undefined : this.#parts.reader.group(number)?.read(sequence, session.id);
  }

  settle({ id }: StoredSession, sequence: Sequence, cause: SettleCause): void {
    const session = this.#image.session(id);
    const bytesBefore = this.#image.queuedBytes;
    const priority = session && this.#image.settle(session, sequence);
    if (session === undefined || priority === undefined) return;
    this.#unrefer(sequence, bytesBefore - this.#image.queuedBytes);
    this.#runs.add(session, sequence, priority, cause);
    this.#settled[cause].value += 1;
    this.#log.wroteLater();
  }

  beginSending({ id }: StoredSession, packetId: number, sequence: Sequence): void {
    if (this.#image.session(id) !== undefined) this.#write({ kind: 'sending', session: id, packetId, exchange: { sequence, state: 'sent' } });
  }

  releaseSending({ id, sending }: StoredSession, packetId: number): void {
    const exchange = sending.get(packetId);
    if (exchange === undefined) return;
    this.#write({ kind: 'sending', session: id, packetId, exchange: { sequence: exchange.sequence, state: 'released' } });
  }

  endSending({ id, sending, queue }: StoredSession, packetId: number, cause: SettleCause): void {
    const exchange = sending.get(packetId);
    if (exchange === undefined) return;
    const { sequence } = exchange;
    const isQueued = queue.has(sequence);
    const bytesBefore = this.#image.queuedBytes;
    if (isQueued) this.#settled[cause].value += 1;
    this.#write({ kind: 'sending-ended', session: id, packetId, sequence, cause });
    if (isQueued) this.#unrefer(sequence, bytesBefore - this.#image.queuedBytes);
  }

  beginReceiving({ id }: StoredSession, packetId: number, digest: number): void {
    const exchange = { state: 'open', digest, untilMs: Number.POSITIVE_INFINITY } as const;
    if (this.#image.session(id) !== undefined) this.#write({ kind: 'receiving', session: id, packetId, exchange });
  }

  endReceiving({ id, receiving }: StoredSession, packetId: number, quarantineUntilMs: GatewayMs | undefined): void {
    const exchange = receiving.get(packetId);
    if (exchange === undefined) return;
    if (quarantineUntilMs === undefined) {
      this.#write({ kind: 'receiving-forgotten', session: id, packetId });
    } else {
      const quarantined = { state: 'quarantined', digest: exchange.digest, untilMs: quarantineUntilMs } as const;
      this.#write({ kind: 'receiving', session: id, packetId, exchange: quarantined });
    }
  }

  whenDurable(waiter: DurableWaiter, token: number): void {
    this.#log.whenDurable(waiter, token);
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

  #write(record: StateRecord): void {
    this.#log.open.record(record);
    this.#image.apply(record);
    this.#log.wrote();
  }

  /** @param size - as `messageSize` has it. */
  #unrefer(sequence: Sequence, size: number): void {
    const { open } = this.#log;
    const bytes = size + MESSAGE_OVERHEAD_BYTES;
    if (sequence < open.firstSequence) {
      this.#segments.dropReference(sequence, bytes);
    } else {
      open.live -= 1;
      open.liveBytes -= bytes;
    }
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
      closing: (group) => this.#runs.moveTo(group),
      stamps: () => this.#stamps(),
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

  #stamps(): GroupStamps {
    const { clock } = this.#parts;
    const gatewayMs = clock.monotonicMs() + this.boot.gatewayTimeOffsetMs;
    return { boot: this.boot.boot, gatewayMs, wallMs: clock.nowMs(), isSynchronized: clock.isSynchronized() };
  }

  /** The tables as they should be, with everything that is in memory: nothing before the open group is replayed over them. */
  *#allRows({ writes }: CommitUnit): Generator<TableWrite> {
    yield* allRows(this.#image);
    const { nextSequence, open } = this.#log;
    const at = { replayFrom: open.number, nextSequence, nextSessionId: this.#image.nextSessionId, nextGroup: open.number };
    yield* [...bootWrites(this.boot.boot), ...momentWrites(this.#stamps()), ...checkpointWrites(at), ...writes.filter(isCleanMark)];
  }

  #closed(group: Group, { live, liveBytes }: Pick<OpenGroup, 'live' | 'liveBytes'>): void {
    const { number, firstSequence, nextSequence } = group.header;
    this.#segments.add({ number, firstSequence, nextSequence, bytes: group.bytes.length, live, liveBytes: live === 0 ? 0 : Math.max(0, liveBytes) });
    this.#parts.reader.keep(group);
  }
}
