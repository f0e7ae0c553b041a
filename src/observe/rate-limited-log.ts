// Bad input comes in floods: the first lines of an event tell all there is to know, the rest is a number.
import { hostOf } from '../model/client.ts';
import type { CancelTimer, Clock } from '../model/clock.ts';
import { LOG_LINES_PER_EVENT_MINUTE, LOG_PEERS_TRACKED_MAX } from '../model/limits.ts';
import type { LogFields } from '../model/log.ts';
import type { LineSink, LogLevel } from './line.ts';

const MINUTE_MS = 60_000;

/** Lines of one event from one peer in the minute that runs. */
interface Tally {
  readonly level: LogLevel;
  readonly event: string;
  readonly peer: string | undefined;
  count: number;
}

/**
 * Lets LOG_LINES_PER_EVENT_MINUTE lines per event and peer through; the others are told as one line with their number (`suppressed`) when
 * the minute is over. A peer is a host: a reconnecting client comes from a new port each time. Beyond LOG_PEERS_TRACKED_MAX tallies the
 * lines of all further ones share one per level, so that a flood from forged addresses is bounded as well.
 */
export class RateLimitedSink implements LineSink {
  readonly #sink: LineSink;
  readonly #clock: Clock;
  readonly #tallies = new Map<string, Tally>();
  #minuteStartMs = 0;
  /** Set while there is something to tell at the end of the minute. */
  #cancelTimer: CancelTimer | undefined;

  constructor(sink: LineSink, clock: Clock) {
    this.#sink = sink;
    this.#clock = clock;
  }

  write(level: LogLevel, event: string, fields: LogFields): void {
    if (this.#clock.monotonicMs() - this.#minuteStartMs >= MINUTE_MS) this.#startMinute();
    const tally = this.#tallyOf(level, event, fields);
    tally.count += 1;
    if (tally.count <= LOG_LINES_PER_EVENT_MINUTE) this.#sink.write(level, event, fields);
    else this.#cancelTimer ??= this.#clock.after(this.#minuteStartMs + MINUTE_MS - this.#clock.monotonicMs(), () => this.#startMinute());
  }

  /** Tells what is held back. Called when the process ends, so that no number is lost. */
  flush(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    for (const tally of this.#tallies.values()) {
      const suppressed = tally.count - LOG_LINES_PER_EVENT_MINUTE;
      if (suppressed <= 0) continue;
      this.#sink.write(tally.level, tally.event, { peer: tally.peer, suppressed });
      tally.count = LOG_LINES_PER_EVENT_MINUTE;
    }
  }

  #startMinute(): void {
    this.flush();
    this.#tallies.clear();
    this.#minuteStartMs = this.#clock.monotonicMs();
  }

  #tallyOf(level: LogLevel, event: string, fields: LogFields): Tally {
    const peer = peerOf(fields);
    const key = `${level}\0${event}\0${peer}`;
    const known = this.#tallies.get(key);
    if (known !== undefined) return known;
    const isFull = this.#tallies.size >= LOG_PEERS_TRACKED_MAX;
    return isFull ? this.#sharedTally(level) : this.#add(key, { level, event, peer, count: 0 });
  }

  #sharedTally(level: LogLevel): Tally {
    return this.#tallies.get(level) ?? this.#add(level, { level, event: 'lines of further events or peers', peer: undefined, count: 0 });
  }

  #add(key: string, tally: Tally): Tally {
    this.#tallies.set(key, tally);
    return tally;
  }
}

function peerOf({ peer, bridge }: LogFields): string | undefined {
  if (typeof peer === 'string') return hostOf(peer);
  return typeof bridge === 'string' ? bridge : undefined;
}
