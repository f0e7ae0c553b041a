// What the gateway itself says of a message it passes on: when it came. Put together when it leaves, so that a message that waited for the clock to be set
// is dated by then.
import type { GatewayMs } from '../model/clock.ts';
import type { Message, UserProperties } from '../model/message.ts';
import type { ClockBook } from './clock-book.ts';

const UNKNOWN: UserProperties = [['postern-clock', 'unknown']];

export class Receipts {
  readonly #book: Pick<ClockBook, 'receptionAt' | 'revision'>;
  /** Of the last message: it often goes to many. */
  #last: UserProperties = UNKNOWN;
  #lastMs: GatewayMs = Number.NaN;
  #lastRevision = -1;

  constructor(book: Pick<ClockBook, 'receptionAt' | 'revision'>) {
    this.#book = book;
  }

  /** The same list for the same moment. */
  of({ publishedAtMs }: Message): UserProperties {
    if (publishedAtMs !== this.#lastMs || this.#book.revision !== this.#lastRevision) {
      this.#last = this.#receipt(publishedAtMs);
      this.#lastMs = publishedAtMs;
      this.#lastRevision = this.#book.revision;
    }
    return this.#last;
  }

  #receipt(publishedAtMs: GatewayMs): UserProperties {
    const reception = this.#book.receptionAt(publishedAtMs);
    if (reception === undefined) return UNKNOWN;
    const { boot, uptimeMs, certainty, wallMs } = reception;
    const since: UserProperties = [
      ['postern-clock', certainty],
      ['postern-boot', String(boot)],
      ['postern-uptime-ms', String(Math.round(uptimeMs))],
    ];
    return wallMs === undefined ? since : [['postern-received', new Date(wallMs).toISOString()], ...since];
  }
}
