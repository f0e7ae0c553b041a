// Messages of the open group whose commit is put off: each may yet be settled wherever it went, and then nothing of it is written.
import type { DurableWaiter, Sequence, SettleCause } from '../../session/session-store.ts';
import { push, type Waiters } from './waiters.ts';

interface PassingMessage {
  /** Those that are not settled. */
  references: number;
  /** Sessions that have settled it while others have not. */
  settled: number[] | undefined;
  readonly dueMs: number;
  /** For one of its queues something else stands for it, which is safe no earlier than its own commit. */
  isReplaced: boolean;
  waiter: DurableWaiter | undefined;
  token: number;
}

/** Its publisher, if it waits for an answer; when it was to be committed. */
export type Dropped = Pick<PassingMessage, 'waiter' | 'token' | 'dueMs' | 'isReplaced'>;

/** Why an entry ends that something stands for: another entry, or what is told of its loss. */
const REPLACED: ReadonlySet<SettleCause> = new Set<SettleCause>([
  'moved',
  'superseded',
  'expired',
  'queue-full',
  'queue-full-newest',
  'quota-messages',
  'quota-bytes',
  'disk-share',
  'disk-full',
  'age',
  'purged',
]);

export class PassingMessages {
  /** In the order they were written. */
  readonly #messages = new Map<Sequence, PassingMessage>();

  /** When the first of them must be committed, by the monotonic clock; `Infinity`: there are none. */
  get dueMs(): number {
    let due = Number.POSITIVE_INFINITY;
    for (const { dueMs } of this.#messages.values()) if (dueMs < due) due = dueMs;
    return due;
  }

  add(sequence: Sequence, references: number, dueMs: number): void {
    this.#messages.set(sequence, { references, settled: undefined, dueMs, isReplaced: false, waiter: undefined, token: 0 });
  }

  has(sequence: Sequence): boolean {
    return this.#messages.has(sequence);
  }

  /** False when it is none of these. */
  waitFor(sequence: Sequence, waiter: DurableWaiter, token: number): boolean {
    const passing = this.#messages.get(sequence);
    if (passing === undefined) return false;
    passing.waiter = waiter;
    passing.token = token;
    return true;
  }

  /** One of its references is settled. @returns who waits for it if that was the last one: it is none of these any more. */
  settle(sequence: Sequence, session: number, cause: SettleCause): Dropped | undefined {
    const passing = this.#messages.get(sequence);
    if (passing === undefined) return undefined;
    passing.references -= 1;
    passing.isReplaced ||= REPLACED.has(cause);
    if (passing.references === 0) {
      this.#messages.delete(sequence);
      return passing;
    }
    passing.settled ??= [];
    passing.settled.push(session);
    return undefined;
  }

  /** Shows those that are settled by some, and by whom. */
  visitSettled(see: (sequence: Sequence, sessions: ReadonlySet<number>) => void): void {
    for (const [sequence, { settled }] of this.#messages) if (settled !== undefined) see(sequence, new Set(settled));
  }

  /** Adds who waits for those that are left. */
  waitersTo(list: Waiters): void {
    for (const { waiter, token } of this.#messages.values()) if (waiter !== undefined) push(list, waiter, token);
  }
}
