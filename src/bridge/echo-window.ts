// What a remote that knows no No Local (3.1.1) sends back of what it was sent. Each copy sent makes a credit, each equal arrival uses one: two equal readings,
// one of them from elsewhere, both pass. Credits are kept with the gateway's state: a kill is no reason to take an echo for news.
import { createHash } from 'node:crypto';
import type { GatewayState } from '../gateway/gateway.ts';
import type { Clock } from '../model/clock.ts';
import { ECHO_CREDITS_MAX, ECHO_SECONDS } from '../model/limits.ts';
import type { QoS } from '../model/message.ts';
import type { Counter } from '../model/metrics.ts';
import { EchoJournal } from './echo-journal.ts';

interface Credit {
  readonly digest: string;
  readonly atMs: number;
  readonly qos: QoS;
}

export interface EchoWindowParts {
  readonly state: GatewayState;
  readonly clock: Clock;
  /** Credits that made room for others. */
  readonly forgotten: Counter;
}

/** Of a message as it is on the wire, but for its flags. */
export function echoDigest(topic: string | Uint8Array, payload: Uint8Array): string {
  return createHash('sha256').update(topic).update('\0').update(payload).digest('hex').slice(0, 16);
}

export class EchoWindow {
  readonly #clock: Clock;
  readonly #forgotten: Counter;
  readonly #journal: EchoJournal;
  /** In the order they were made. */
  readonly #credits = new Set<Credit>();
  readonly #equal = new Map<string, Credit[]>();
  /** Time without a connection, which is no time for an echo to come in. */
  #awayMs = 0;
  #brokeAtMs: number | undefined;

  constructor({ state, clock, forgotten }: EchoWindowParts) {
    this.#clock = clock;
    this.#forgotten = forgotten;
    this.#brokeAtMs = clock.monotonicMs();
    this.#journal = new EchoJournal(state);
    for (const { isCredit, digest } of this.#journal.restored(this.#nowMs())) {
      if (isCredit) this.#add({ digest, atMs: this.#nowMs(), qos: 1 });
      else this.#use(digest);
    }
  }

  /** Echoes that may still come. */
  get count(): number {
    return this.#credits.size;
  }

  /** @param isSessionPresent - otherwise the remote has forgotten whatever it was to send. */
  connected(isSessionPresent: boolean): void {
    this.#awayMs += this.#brokeAtMs === undefined ? 0 : this.#clock.monotonicMs() - this.#brokeAtMs;
    this.#brokeAtMs = undefined;
    if (isSessionPresent) return;
    this.#credits.clear();
    this.#equal.clear();
    this.#journal.clear();
  }

  /** Of QoS 0 nobody knows whether the remote has it: a credit too many would swallow a message of somebody else. */
  disconnected(): void {
    this.#brokeAtMs ??= this.#clock.monotonicMs();
    for (const credit of this.#credits) if (credit.qos === 0) this.#drop(credit);
  }

  /** @param isAgain - the remote may not have got the copy before: if its echo has not come, there is one credit for both. */
  sent(digest: string, { qos, isAgain }: { readonly qos: QoS; readonly isAgain: boolean }): void {
    const nowMs = this.#nowMs();
    this.#expire(nowMs);
    if (isAgain && this.#use(digest)) this.#note(digest, { isCredit: false, nowMs, qos });
    this.#add({ digest, atMs: nowMs, qos });
    this.#note(digest, { isCredit: true, nowMs, qos });
  }

  /** @returns whether it is an echo; if it is, that is on disk with the next group. */
  arrived(digest: string): boolean {
    const nowMs = this.#nowMs();
    this.#expire(nowMs);
    if (!this.#use(digest)) return false;
    this.#journal.note({ isCredit: false, digest }, nowMs);
    this.#journal.write();
    return true;
  }

  #note(digest: string, { isCredit, nowMs, qos }: { readonly isCredit: boolean; readonly nowMs: number; readonly qos: QoS }): void {
    if (qos > 0) this.#journal.note({ isCredit, digest }, nowMs);
  }

  #nowMs(): number {
    return (this.#brokeAtMs ?? this.#clock.monotonicMs()) - this.#awayMs;
  }

  #add(credit: Credit): void {
    this.#credits.add(credit);
    const equal = this.#equal.get(credit.digest);
    if (equal === undefined) this.#equal.set(credit.digest, [credit]);
    else equal.push(credit);
    const [oldest] = this.#credits;
    if (oldest === undefined || this.#credits.size <= ECHO_CREDITS_MAX) return;
    this.#drop(oldest);
    this.#forgotten.value += 1;
  }

  /** The oldest of its kind. */
  #use(digest: string): boolean {
    const [credit] = this.#equal.get(digest) ?? [];
    if (credit !== undefined) this.#drop(credit);
    return credit !== undefined;
  }

  #drop(credit: Credit): void {
    this.#credits.delete(credit);
    const equal = this.#equal.get(credit.digest) ?? [];
    if (equal[0] === credit) equal.shift();
    else equal.splice(equal.indexOf(credit), 1);
    if (equal.length === 0) this.#equal.delete(credit.digest);
  }

  #expire(nowMs: number): void {
    const limitMs = nowMs - ECHO_SECONDS * 1_000;
    for (const credit of this.#credits) {
      if (credit.atMs > limitMs) break;
      this.#drop(credit);
    }
    this.#journal.expire(limitMs);
  }
}
