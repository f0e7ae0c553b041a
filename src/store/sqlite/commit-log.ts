// Group commit: what is written in one turn becomes one group, one transaction, one sync; who waits for it is told afterwards, in the order of asking.
//
// At any time there is one open group, which the turn writes, and at most one in flight, which the committer has. A commit that fails stays in flight
// and is tried again until the disk takes it: nothing is acknowledged in the meantime, and the open group fills up to its bound.
import type { CancelTimer, Clock } from '../../model/clock.ts';
import type { Log } from '../../model/log.ts';
import type { Counter, Metrics } from '../../model/metrics.ts';
import { type RetrySchedule, retryDelayMs } from '../../model/retry-schedule.ts';
import type { DurableWaiter, Sequence } from '../../session/session-store.ts';
import type { Company } from './checkpoint.ts';
import { CommitTimes } from './commit-times.ts';
import type { CommitFailure, Committer, CommitUnit } from './committer.ts';
import { Gathering } from './gathering.ts';
import type { Group } from './group.ts';
import type { GroupStamps } from './group-format.ts';
import { OpenGroup } from './open-group.ts';
import type { StoreLimits } from './store-limits.ts';

const RETRY: RetrySchedule = { firstMs: 100, factor: 2, capMs: 10_000, jitter: 0.5 };

/** What to do when the disk refuses, by SQLite's code; the codes of its input and output errors share a prefix. */
const ADVICE: readonly (readonly [prefix: string, advice: string])[] = [
  ['SQLITE_FULL', 'the disk is full: free space in the data directory; nothing is acknowledged until then'],
  ['SQLITE_CORRUPT', 'the database is damaged and no fresh file can take its place: see the reason; nothing is acknowledged until then'],
  ['SQLITE_BUSY', 'another program holds the database: close it; nothing is acknowledged until then'],
  ['SQLITE_READONLY', 'the data directory cannot be written: mount it read-write; nothing is acknowledged until then'],
  ['SQLITE_IOERR', 'the disk reports errors: check it (dmesg) and replace it; nothing is acknowledged until a write succeeds'],
];

export interface CommitLogParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly committer: Committer;
  readonly source: UnitSource;
  readonly limits: StoreLimits;
  readonly nextGroup: number;
  readonly nextSequence: Sequence;
}

/** Whoever has more to say about a unit than its group. */
export interface UnitSource {
  /** Has records that only wait for a group to join. */
  readonly hasWaitingRecords: boolean;
  /** Wants to write rows even when no record was written. */
  readonly wantsUnit: boolean;
  /** The last chance to write into the group. */
  closing(group: OpenGroup): void;
  stamps(): GroupStamps;
  /** The group is complete; so many of its references are not settled, and so many bytes are theirs. It can be read from now on. */
  closed(group: Group, left: Pick<OpenGroup, 'live' | 'liveBytes'>): void;
  /** Rows to go with it. */
  takeRows(company: Company): Omit<CommitUnit, 'segment'>;
  committed(unit: CommitUnit): void;
  /** The unit in flight was refused; `retryCommit` tries again at once. */
  refused(failure: CommitFailure): void;
  /** SQLite's log could not be copied, for the first time since it could. */
  notCopied(failure: CommitFailure): void;
}

interface Waiters {
  readonly waiters: DurableWaiter[];
  readonly tokens: number[];
}

interface Flight extends Waiters {
  readonly unit: CommitUnit;
  startedMs: number;
}

export class CommitLog {
  nextSequence: Sequence;
  readonly times = new CommitTimes();
  readonly #gathering = new Gathering();
  readonly #parts: CommitLogParts;
  readonly #committed: Counter;
  readonly #failures: Counter;
  readonly #copyFailures: Counter;
  readonly #bytes: Counter;
  #open: OpenGroup;
  #asking: Waiters = noWaiters();
  #flight: Flight | undefined;
  /** Their group was committed inside a turn; they are told at its end. */
  #told: Waiters = noWaiters();
  #isDue = false;
  #isTurnScheduled = false;
  #isInsideTurn = false;
  #isTogether = false;
  #isStopped = false;
  #attempts = 0;
  #trouble: CommitFailure | undefined;
  #copyTrouble: CommitFailure | undefined;
  #cancelRetry: CancelTimer | undefined;
  #cancelSettle: CancelTimer | undefined;
  #onLanded: ((failure: CommitFailure | undefined) => void)[] = [];

  constructor(parts: CommitLogParts) {
    this.#parts = parts;
    this.nextSequence = parts.nextSequence;
    this.#open = new OpenGroup(parts.nextGroup, parts.nextSequence);
    this.#committed = parts.metrics.counter('store.groups.committed');
    this.#failures = parts.metrics.counter('store.commits.failed');
    this.#copyFailures = parts.metrics.counter('store.copies.failed');
    this.#bytes = parts.metrics.counter('store.log.bytes');
    parts.metrics.gauge('store.answers.waiting', () => this.#waiting);
  }

  get open(): OpenGroup {
    return this.#open;
  }

  get groupsCommitted(): number {
    return this.#committed.value;
  }

  get isCongested(): boolean {
    return this.#attempts > 0 || (this.#flight !== undefined && this.#isFull);
  }

  get #isFull(): boolean {
    const { groupBytesMax, groupWaitersMax } = this.#parts.limits;
    return this.#open.bytes > groupBytesMax || this.#waiting > groupWaitersMax;
  }

  /** Answers that are to be given after a commit. */
  get #waiting(): number {
    return this.#asking.waiters.length + (this.#flight?.waiters.length ?? 0);
  }

  /** Why the last write failed, until one succeeds. */
  get trouble(): CommitFailure | undefined {
    return this.#trouble ?? this.#copyTrouble;
  }

  /** Of SQLite's log, as far as is known. */
  get isCopyFailing(): boolean {
    return this.#copyTrouble !== undefined;
  }

  /** How often the unit in flight was refused. */
  get attempts(): number {
    return this.#attempts;
  }

  /** There may be room now. */
  retryCommit(): void {
    if (this.#cancelRetry !== undefined) this.#retry();
  }

  /** Something was written that must not wait. */
  wrote(): void {
    this.#isDue = true;
    this.#scheduleTurn();
  }

  /** Something waits for a group to join, for `settleDelayMs` at most. */
  wroteLater(): void {
    if (this.#isDue || this.#cancelSettle !== undefined) return;
    this.#cancelSettle = this.#parts.clock.after(this.#parts.limits.settleDelayMs, () => {
      this.#cancelSettle = undefined;
      this.wrote();
    });
  }

  /** Makes room before a message or a client's request is written: a turn that brings more than a group may hold commits in between, here only. */
  makeRoom(): void {
    if (!this.#isFull || this.#flight !== undefined || this.#isTogether) return;
    this.#isInsideTurn = true;
    this.#launch();
    this.#isInsideTurn = false;
  }

  /** A message and what belongs to it (receiver id, will taken back) are in one group, whatever is written between them. */
  together<T>(run: () => T): T {
    if (this.#isTogether) return run();
    this.makeRoom();
    this.#isTogether = true;
    try {
      return run();
    } finally {
      this.#isTogether = false;
    }
  }

  whenDurable(waiter: DurableWaiter, token: number): void {
    const isWritten = !this.#open.isEmpty || this.#parts.source.hasWaitingRecords;
    if (isWritten) {
      push(this.#asking, waiter, token);
      this.#gathering.asked(waiter);
      this.wrote();
    } else if (this.#flight !== undefined) {
      push(this.#flight, waiter, token);
    } else if (this.#told.waiters.length > 0) {
      push(this.#told, waiter, token);
    } else {
      waiter.durable(token);
    }
  }

  /** Commits everything there is, once. @returns why it did not happen. */
  async flush(): Promise<CommitFailure | undefined> {
    this.#cancelSettle?.();
    if (this.#flight !== undefined) {
      const failure = await this.#landing(() => this.#cancelRetry !== undefined && this.#retry());
      if (failure !== undefined) return failure;
    }
    let failure: CommitFailure | undefined;
    if (this.#flight === undefined) failure = await this.#landing(() => this.#launch());
    this.#tellTold();
    return failure;
  }

  /** Nothing is committed from now on. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelSettle?.();
    this.#cancelRetry?.();
  }

  #landing(start: () => void): Promise<CommitFailure | undefined> {
    return new Promise((resolve) => {
      this.#onLanded.push(resolve);
      start();
      if (this.#flight === undefined) this.#tellLanded(undefined);
    });
  }

  #scheduleTurn(): void {
    if (this.#isTurnScheduled) return;
    this.#isTurnScheduled = true;
    setImmediate(() => {
      this.#isTurnScheduled = false;
      this.#endTurn();
    });
  }

  #endTurn(): void {
    if (this.#isStopped) return;
    this.#tellTold();
    if (this.#flight !== undefined) return;
    if (this.#gathering.isWorthWaiting(this.#parts.clock.monotonicMs())) this.#scheduleTurn();
    else this.#launch();
  }

  /** Closes the open group and hands it to the committer, with the rows that go with it. */
  #launch(): void {
    const { source, committer } = this.#parts;
    this.#isDue = false;
    this.#cancelSettle?.();
    this.#cancelSettle = undefined;
    this.#gathering.launched();
    const open = this.#open;
    source.closing(open);
    if (open.isEmpty && !source.wantsUnit) {
      this.#tellUnwritten();
      return;
    }
    const segment = open.isEmpty ? undefined : this.#close(open);
    const unit = { segment, ...source.takeRows(segment === undefined ? 'alone' : 'with-group') };
    const flight = { unit, ...this.#asking, startedMs: 0 };
    this.#flight = flight;
    this.#asking = noWaiters();
    this.#send(committer, flight);
  }

  /** Who asked for what turned out to be nothing. */
  #tellUnwritten(): void {
    const asked = this.#asking;
    this.#asking = noWaiters();
    tell(asked);
  }

  #close(open: OpenGroup): CommitUnit['segment'] {
    const group = open.close(this.nextSequence, this.#parts.source.stamps());
    const { number, firstSequence, nextSequence } = group.header;
    this.#open = open.following(this.nextSequence);
    this.#parts.source.closed(group, open);
    return { number, firstSequence, nextSequence, bytes: group.bytes };
  }

  #send(committer: Committer, flight: Flight): void {
    flight.startedMs = this.#parts.clock.monotonicMs();
    committer.commit(flight.unit, (failure, copyFailure) => {
      if (failure === undefined) this.#landed(flight, copyFailure);
      else this.#failed(flight, failure);
      this.#tellLanded(failure);
    });
  }

  #landed(flight: Flight, copyFailure: CommitFailure | undefined): void {
    const { clock, log, source } = this.#parts;
    this.times.add(clock.monotonicMs() - flight.startedMs);
    if (this.#attempts > 0) log.info('store writes again', { attempts: this.#attempts });
    this.#attempts = 0;
    this.#trouble = undefined;
    this.#flight = undefined;
    if (flight.unit.segment !== undefined) {
      this.#committed.value += 1;
      this.#bytes.value += flight.unit.segment.bytes.length;
    }
    source.committed(flight.unit);
    this.#noteCopy(copyFailure);
    this.#gathering.landed(flight.waiters, clock.monotonicMs(), this.times.recentMs);
    if (this.#isInsideTurn) {
      for (let index = 0; index < flight.waiters.length; index += 1) push(this.#told, flight.waiters[index] as DurableWaiter, flight.tokens[index] as number);
      this.#scheduleTurn();
    } else {
      tell(flight);
    }
    if (this.#isDue || source.wantsUnit) this.#scheduleTurn();
  }

  #failed(flight: Flight, failure: CommitFailure): void {
    const { code, message } = failure;
    const { clock, log } = this.#parts;
    this.#failures.value += 1;
    const delayMs = retryDelayMs(RETRY, this.#attempts, clock.random());
    log.error('store cannot commit', { code, reason: message, advice: adviceOn(failure), attempt: this.#attempts + 1, retryInMs: Math.round(delayMs) });
    this.#attempts += 1;
    this.#trouble = { code, message };
    this.#flight = flight;
    this.#cancelRetry = clock.after(delayMs, () => this.#retry());
    this.#parts.source.refused(this.#trouble);
  }

  /** Nothing is lost by it: what is in SQLite's log is safe there. */
  #noteCopy(failure: CommitFailure | undefined): void {
    const { log, source } = this.#parts;
    const before = this.#copyTrouble;
    this.#copyTrouble = failure;
    if (failure === undefined && before !== undefined) log.info('store copies its log again');
    if (failure === undefined || before !== undefined) return;
    this.#copyFailures.value += 1;
    log.error('store cannot copy its log', { code: failure.code, reason: failure.message, advice: adviceOn(failure) });
    source.notCopied(failure);
  }

  #retry(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    if (this.#flight !== undefined) this.#send(this.#parts.committer, this.#flight);
  }

  #tellTold(): void {
    if (this.#told.waiters.length === 0) return;
    const told = this.#told;
    this.#told = noWaiters();
    tell(told);
  }

  #tellLanded(failure: CommitFailure | undefined): void {
    for (const resolve of this.#onLanded.splice(0)) resolve(failure);
  }
}

function adviceOn({ code }: CommitFailure): string {
  return ADVICE.find(([prefix]) => code.startsWith(prefix))?.[1] ?? 'nothing is acknowledged until a commit succeeds';
}

function tell({ waiters, tokens }: Waiters): void {
  for (let index = 0; index < waiters.length; index += 1) waiters[index]?.durable(tokens[index] as number);
}

function noWaiters(): Waiters {
  return { waiters: [], tokens: [] };
}

function push(list: Waiters, waiter: DurableWaiter, token: number): void {
  list.waiters.push(waiter);
  list.tokens.push(token);
}
