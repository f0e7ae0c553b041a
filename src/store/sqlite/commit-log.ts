// Group commit: what is written in one turn becomes one group, one transaction, one sync; who waits for it is told afterwards, in the order of asking.
//
// At any time there is one open group, which the turn writes, and at most one in flight, which the committer has. A commit that fails stays in flight
// and is tried again until the disk takes it: nothing is acknowledged in the meantime, and the open group fills up to its bound.
//
// What is written may say how long its commit may be put off. Whatever may not wait takes along all that could.
import type { CancelTimer, Clock, EpochMs } from '../../model/clock.ts';
import type { Log } from '../../model/log.ts';
import type { Counter, Metrics } from '../../model/metrics.ts';
import type { DurableWaiter, Sequence, SettleCause } from '../../session/session-store.ts';
import { Alarm } from './alarm.ts';
import type { Company } from './checkpoint.ts';
import { CommitTimes } from './commit-times.ts';
import { CommitTrouble } from './commit-trouble.ts';
import type { CommitFailure, Committer, CommitUnit } from './committer.ts';
import { Gathering } from './gathering.ts';
import type { Group } from './group.ts';
import type { GroupStamps } from './group-format.ts';
import { OpenGroup } from './open-group.ts';
import type { Dropped } from './passing-messages.ts';
import type { StoreLimits } from './store-limits.ts';
import { noWaiters, push, pushAll, tell, type Waiters } from './waiters.ts';

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
  readonly #trouble: CommitTrouble;
  readonly #bytes: Counter;
  readonly #ackedThrough: Counter;
  #open: OpenGroup;
  #asking: Waiters = noWaiters();
  #flight: Flight | undefined;
  /** Their group was committed inside a turn, or their message is not written: they are told at its end. */
  #told: Waiters = noWaiters();
  #isDue = false;
  /** By when what waits besides messages that may be dropped must be committed. */
  #dueMs = Number.POSITIVE_INFINITY;
  #isLaterTimed = false;
  #isTurnScheduled = false;
  #isInsideTurn = false;
  #isTogether = false;
  #isStopped = false;
  #cancelRetry: CancelTimer | undefined;
  readonly #alarm: Alarm;
  #committedMs: EpochMs | undefined;
  #onLanded: ((failure: CommitFailure | undefined) => void)[] = [];

  constructor(parts: CommitLogParts) {
    this.#parts = parts;
    this.#alarm = new Alarm(parts.clock, () => this.#ring());
    this.nextSequence = parts.nextSequence;
    this.#open = new OpenGroup(parts.nextGroup, parts.nextSequence);
    this.#committed = parts.metrics.counter('store.groups.committed');
    this.#trouble = new CommitTrouble(parts);
    this.#bytes = parts.metrics.counter('store.log.bytes');
    parts.metrics.gauge('store.answers.waiting', () => this.#waiting);
    this.#ackedThrough = parts.metrics.counter('store.messages.acked-through');
  }

  get open(): OpenGroup {
    return this.#open;
  }

  get groupsCommitted(): number {
    return this.#committed.value;
  }

  /** Undefined: nothing was committed yet. */
  get committedMs(): EpochMs | undefined {
    return this.#committedMs;
  }

  get isCongested(): boolean {
    return this.attempts > 0 || (this.#flight !== undefined && this.#isFull);
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
    return this.#trouble.failure;
  }

  /** Of SQLite's log, as far as is known. */
  get isCopyFailing(): boolean {
    return this.#trouble.isCopyFailing;
  }

  /** How often the unit in flight was refused. */
  get attempts(): number {
    return this.#trouble.attempts;
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

  /** Something was written that may wait so long; 0: not beyond this turn. */
  wroteWithin(delayMs: number): void {
    if (delayMs <= 0) this.wrote();
    if (this.#isDue) return;
    const dueMs = this.#parts.clock.monotonicMs() + delayMs;
    if (dueMs >= this.#dueMs) return;
    this.#dueMs = dueMs;
    this.#alarm.setFor(dueMs);
  }

  /** Something waits for a group to join, for `settleDelayMs` at most. */
  wroteLater(): void {
    if (this.#isDue || this.#isLaterTimed) return;
    this.#isLaterTimed = true;
    this.wroteWithin(this.#parts.limits.settleDelayMs);
  }

  /** The message just written, in so many queues, may wait so long, and is not written if all of them settle it before. */
  wroteMessage(sequence: Sequence, references: number, delayMs: number): void {
    if (delayMs <= 0) {
      this.wrote();
      return;
    }
    const dueMs = this.#parts.clock.monotonicMs() + delayMs;
    this.#open.mayWait(sequence, references, dueMs);
    this.#alarm.setFor(dueMs);
  }

  /**
   * A reference to a message of the open group is settled.
   *
   * @returns whether that needs a record.
   */
  settled(sequence: Sequence, session: number, cause: SettleCause): boolean {
    const outcome = this.#open.settle(sequence, session, cause);
    if (outcome === 'recorded') return true;
    if (outcome !== 'left-out') this.#leftOut(outcome);
    return false;
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

  /** As the port has it. */
  whenSafe(sequence: Sequence, waiter: DurableWaiter, token: number): void {
    const open = this.#open;
    const { segment } = this.#flight?.unit ?? {};
    if (open.waitFor(sequence, waiter, token)) {
      this.#gathering.asked(waiter);
    } else if (open.mustWrite(sequence)) {
      push(this.#asking, waiter, token);
      this.#gathering.asked(waiter);
    } else if (this.#flight !== undefined && segment !== undefined && sequence >= segment.firstSequence && sequence < segment.nextSequence) {
      push(this.#flight, waiter, token);
    } else if (this.#told.waiters.length > 0) {
      push(this.#told, waiter, token);
    } else {
      waiter.durable(token);
    }
  }

  /** Commits everything there is, once. @returns why it did not happen. */
  async flush(): Promise<CommitFailure | undefined> {
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
    this.#alarm.off();
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
    if (this.#flight !== undefined || !(this.#isDue || this.#parts.source.wantsUnit)) return;
    if (this.#gathering.isWorthWaiting(this.#parts.clock.monotonicMs())) this.#scheduleTurn();
    else this.#launch();
  }

  /** Closes the open group and hands it to the committer, with the rows that go with it. */
  #launch(): void {
    const { source, committer } = this.#parts;
    this.#isDue = false;
    this.#dueMs = Number.POSITIVE_INFINITY;
    this.#isLaterTimed = false;
    this.#alarm.off();
    this.#gathering.launched();
    const open = this.#open;
    source.closing(open);
    if (open.isEmpty && !source.wantsUnit) {
      this.#tellUnwritten();
      return;
    }
    const told = open.waitersWith(this.#asking);
    const segment = open.isEmpty ? undefined : this.#close(open);
    const unit = { segment, ...source.takeRows(segment === undefined ? 'alone' : 'with-group') };
    const flight = { unit, ...told, startedMs: 0 };
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
    const { clock, source } = this.#parts;
    this.times.add(clock.monotonicMs() - flight.startedMs);
    this.#trouble.committed();
    this.#flight = undefined;
    this.#committedMs = clock.nowMs();
    if (flight.unit.segment !== undefined) {
      this.#committed.value += 1;
      this.#bytes.value += flight.unit.segment.bytes.length;
    }
    source.committed(flight.unit);
    if (this.#trouble.copied(copyFailure) && copyFailure !== undefined) source.notCopied(copyFailure);
    this.#gathering.landed(flight.waiters, clock.monotonicMs(), this.times.recentMs);
    if (this.#isInsideTurn) {
      pushAll(this.#told, flight);
      this.#scheduleTurn();
    } else {
      tell(flight);
    }
    if (this.#isDue || source.wantsUnit) this.#scheduleTurn();
  }

  #failed(flight: Flight, failure: CommitFailure): void {
    const delayMs = this.#trouble.refused(failure);
    this.#flight = flight;
    this.#cancelRetry = this.#parts.clock.after(delayMs, () => this.#retry());
    this.#parts.source.refused(failure);
  }

  #retry(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    if (this.#flight !== undefined) this.#send(this.#parts.committer, this.#flight);
  }

  /** A message of the open group will not be written. What stands for it is committed by when the message was to be, and no later. */
  #leftOut({ waiter, token, dueMs, isReplaced }: Dropped): void {
    this.#ackedThrough.value += 1;
    if (this.#open.isSpent) this.#open = this.#open.restarted(this.nextSequence);
    if (isReplaced) this.wroteWithin(dueMs - this.#parts.clock.monotonicMs());
    if (waiter === undefined) return;
    push(isReplaced ? this.#asking : this.#told, waiter, token);
    this.#scheduleTurn();
  }

  /** What the alarm was set for may have been left out meanwhile. */
  #ring(): void {
    const dueMs = Math.min(this.#dueMs, this.#open.dueMs);
    if (dueMs <= this.#parts.clock.monotonicMs()) this.wrote();
    else this.#alarm.setFor(dueMs);
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
