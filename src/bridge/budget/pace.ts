// How fast a link may be used: credit grows with time and every message takes from it; one that takes more than there is makes what follows wait.
import type { Clock } from '../../model/clock.ts';

export interface PaceSettings {
  /** `Infinity`: as fast as the link bears. */
  readonly messagesPerSecond: number;
  readonly bytesPerSecond: number;
  /** A new connection starts at a tenth of both and has the whole after this long; 0: at once. */
  readonly rampUpMs: number;
}

/** Share of the rates a new connection starts with. */
const RAMP_FROM = 0.1;
/** Credit that may gather while nothing is sent, ms: a burst no remote notices. At least one message. */
const BURST_MS = 100;
/** A link that waits does so for at least as long, ms: at high rates messages go in small lots instead of a timer each. */
const LOT_MS = 50;

export class Pace {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #settings: PaceSettings;
  #messages = 1;
  #bytes = 0;
  #startedMs = 0;
  #filledMs = 0;

  constructor(clock: Pick<Clock, 'monotonicMs'>, settings: PaceSettings) {
    this.#clock = clock;
    this.#settings = settings;
  }

  /** A new connection. What an earlier one owes is owed on. */
  start(): void {
    const nowMs = this.#clock.monotonicMs();
    this.#startedMs = nowMs;
    this.#fill(nowMs);
  }

  took(messages: number, bytes: number): void {
    this.#messages -= messages;
    this.#bytes -= bytes;
  }

  /** Until the next message may go; 0: now. */
  get waitMs(): number {
    if (this.#messages >= 1 && this.#bytes >= 0) return 0;
    const nowMs = this.#clock.monotonicMs();
    this.#fill(nowMs);
    const { messagesPerSecond, bytesPerSecond } = this.#settings;
    const share = this.#shareAt(nowMs) / 1_000;
    const missingMessages = Math.max(0, 1 - this.#messages);
    const missingBytes = Math.max(0, -this.#bytes);
    if (missingMessages === 0 && missingBytes === 0) return 0;
    return Math.ceil(Math.max(missingMessages / (messagesPerSecond * share), missingBytes / (bytesPerSecond * share), LOT_MS));
  }

  #fill(nowMs: number): void {
    const { messagesPerSecond, bytesPerSecond } = this.#settings;
    const share = this.#shareAt(nowMs);
    const seconds = (nowMs - this.#filledMs) / 1_000;
    this.#filledMs = nowMs;
    this.#messages = filled(this.#messages, { perSecond: messagesPerSecond * share, seconds, least: 1 });
    this.#bytes = filled(this.#bytes, { perSecond: bytesPerSecond * share, seconds, least: 0 });
  }

  #shareAt(nowMs: number): number {
    const { rampUpMs } = this.#settings;
    const passedMs = nowMs - this.#startedMs;
    return passedMs >= rampUpMs ? 1 : RAMP_FROM + (1 - RAMP_FROM) * (passedMs / rampUpMs);
  }
}

/** @param least - credit that may gather in any case. */
function filled(credit: number, { perSecond, seconds, least }: { readonly perSecond: number; readonly seconds: number; readonly least: number }): number {
  if (!Number.isFinite(perSecond)) return Number.POSITIVE_INFINITY;
  return Math.min(credit + perSecond * seconds, Math.max(least, (perSecond * BURST_MS) / 1_000));
}
