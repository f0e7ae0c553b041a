// Heart-beats (STOMP 1.1 and 1.2 "Heart-beating").
import type { CancelTimer, Clock } from '../../src/model/clock.ts';
import { KeepAlive, type Watched } from '../../src/transport/keep-alive.ts';
import { StompError } from './packets.ts';

/** Time lags, and so do networks: silence of twice the interval is the end. */
const TOLERANCE = 2;

/** Milliseconds; 0: none. */
export interface HeartBeats {
  /** The gateway sends at least so often. */
  readonly sendMs: number;
  /** The client sends at least so often. */
  readonly receiveMs: number;
}

/**
 * What both ends agree on.
 *
 * @param header - of CONNECT; absent: the client has none.
 * @throws StompError - it is not two numbers.
 */
export function agreedHeartBeats(header: string | undefined, ours: HeartBeats): HeartBeats {
  if (header === undefined) return { sendMs: 0, receiveMs: 0 };
  const [, can, wants] = /^(\d{1,10}),(\d{1,10})$/u.exec(header) ?? [];
  if (can === undefined || wants === undefined) throw new StompError('STOMP 1.2 heart-beating', 'heart-beat is two numbers of milliseconds');
  return { sendMs: agreed(ours.sendMs, Number(wants)), receiveMs: agreed(Number(can), ours.receiveMs) };
}

function agreed(canMs: number, wantedMs: number): number {
  return canMs === 0 || wantedMs === 0 ? 0 : Math.max(canMs, wantedMs);
}

export interface Beating extends Watched {
  /** Nothing was sent for as long as agreed. */
  beat(): void;
  /** Not read just now: its silence says nothing. */
  readonly isHeld: boolean;
}

export class HeartBeat {
  readonly #clock: Clock;
  readonly #owner: Beating;
  readonly #sendMs: number;
  /** Undefined: the client promised none. */
  readonly #silence: KeepAlive | undefined;
  #sentAtMs: number;
  #cancelSending: CancelTimer | undefined;

  constructor(clock: Clock, { sendMs, receiveMs }: HeartBeats, owner: Beating) {
    this.#clock = clock;
    this.#owner = owner;
    this.#sendMs = sendMs;
    this.#sentAtMs = clock.monotonicMs();
    this.#silence = receiveMs === 0 ? undefined : new KeepAlive(clock, TOLERANCE * receiveMs, { held: owner, watched: owner });
    if (sendMs > 0) this.#sendIn(sendMs);
  }

  /** Any byte counts. */
  heard(): void {
    this.#silence?.heard();
  }

  sent(): void {
    this.#sentAtMs = this.#clock.monotonicMs();
  }

  stop(): void {
    this.#cancelSending?.();
    this.#silence?.stop();
  }

  #sendIn(delayMs: number): void {
    this.#cancelSending = this.#clock.after(delayMs, () => {
      const quietMs = this.#clock.monotonicMs() - this.#sentAtMs;
      if (quietMs < this.#sendMs) {
        this.#sendIn(this.#sendMs - quietMs);
        return;
      }
      this.sent();
      this.#owner.beat();
      this.#sendIn(this.#sendMs);
    });
  }
}
