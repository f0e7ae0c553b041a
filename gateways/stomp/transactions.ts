// BEGIN, COMMIT, ABORT (STOMP 1.2): what belongs to a transaction is kept as it came, and done at once or never. An open one is bounded in number, size and
// time: a client that forgets it must not fill the gateway.
import type { CancelTimer, Clock } from '../../src/model/clock.ts';
import { type Command, type Frame, type Headers, StompError } from './packets.ts';
import type { StompSettings } from './settings.ts';

type Bounds = Pick<StompSettings, 'transactionsMax' | 'transactionFramesMax' | 'transactionBytesMax' | 'transactionTimeoutMs'>;

/** What a frame takes besides its body and headers. */
const FRAME_BYTES = 64;

/** Commands that may be part of one. */
export const TRANSACTIONAL: ReadonlySet<Command> = new Set(['SEND', 'ACK', 'NACK']);

interface Transaction {
  readonly frames: Frame[];
  bytes: number;
  readonly cancelTimeout: CancelTimer;
}

export class Transactions {
  readonly #bounds: Bounds;
  readonly #clock: Clock;
  readonly #onTimeout: (name: string) => void;
  readonly #open = new Map<string, Transaction>();

  constructor(bounds: Bounds, clock: Clock, onTimeout: (name: string) => void) {
    this.#bounds = bounds;
    this.#clock = clock;
    this.#onTimeout = onTimeout;
  }

  /** @throws StompError - one of that name is open, or too many are. */
  begin(name: string): void {
    const { transactionsMax, transactionTimeoutMs } = this.#bounds;
    if (this.#open.has(name)) throw new StompError('STOMP 1.2 BEGIN', `transaction ${name} is open already`);
    if (this.#open.size >= transactionsMax) throw new StompError('STOMP 1.2 BEGIN', `more than ${transactionsMax} transactions are open (transactionsMax)`);
    const cancelTimeout = this.#clock.after(transactionTimeoutMs, () => this.#onTimeout(name));
    this.#open.set(name, { frames: [], bytes: 0, cancelTimeout });
  }

  /** Keeps a copy of the frame, as it is to be done: its receipt has been given by then. @throws StompError - no such transaction is open, or it has become too large. */
  add(name: string, { command, headers, body }: Frame): void {
    const { transactionFramesMax, transactionBytesMax } = this.#bounds;
    const transaction = this.#require(name, command);
    transaction.bytes += FRAME_BYTES + body.length + headers.reduce((sum, [header, value]) => sum + header.length + value.length, 0);
    if (transaction.frames.length >= transactionFramesMax)
      throw new StompError('transaction', `more than ${transactionFramesMax} frames (transactionFramesMax)`);
    if (transaction.bytes > transactionBytesMax) throw new StompError('transaction', `more than ${transactionBytesMax} bytes (transactionBytesMax)`);
    transaction.frames.push({ command, headers: headers.filter(([name]) => name !== 'transaction').map(withoutReceipt), body: Buffer.from(body) });
  }

  /** @returns what it holds, in order; it is over. */
  take(name: string, command: 'COMMIT' | 'ABORT'): readonly Frame[] {
    const { frames, cancelTimeout } = this.#require(name, command);
    cancelTimeout();
    this.#open.delete(name);
    return frames;
  }

  /** The connection is over: what is open is dropped. */
  end(): void {
    for (const { cancelTimeout } of this.#open.values()) cancelTimeout();
    this.#open.clear();
  }

  #require(name: string, command: string): Transaction {
    const transaction = this.#open.get(name);
    if (transaction === undefined) throw new StompError(`STOMP 1.2 ${command}`, `no transaction ${name} is open`);
    return transaction;
  }
}

/** Who waits for a receipt means that it is stored. */
function withoutReceipt(header: Headers[number]): Headers[number] {
  return header[0] === 'receipt' ? ['persistent', 'true'] : header;
}
