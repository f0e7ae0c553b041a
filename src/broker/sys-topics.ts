// Figures below $SYS, under Mosquitto's names and EMQX's (docs/reference/sys-topics.md). One round per interval; a figure that stayed as it was is
// not published again.
import type { CancelTimer, Clock } from '../model/clock.ts';
import { type Announcer, asLevel } from './announcer.ts';
import { LoadAverage } from './load-average.ts';
import { EMQX_FIGURES, LOADS, MAXIMA, MOSQUITTO_FIGURES, type Reading, readingOf } from './sys-figures.ts';

export interface SysTopicsParts {
  readonly announcer: Announcer;
  readonly clock: Clock;
  readonly intervalSeconds: number;
  readonly version: string;
  /** The gateway's name in topics. */
  readonly node: string;
  /** Every counter and gauge by name. */
  readonly snapshot: () => Readonly<Record<string, number>>;
  readonly heapBytes: () => number;
}

const SPANS = ['1min', '5min', '15min'] as const;

export class SysTopics {
  readonly #parts: SysTopicsParts;
  readonly #startedMs: number;
  readonly #said = new Map<string, string>();
  readonly #maxima = new Map<string, number>();
  readonly #loads: ReadonlyMap<string, LoadAverage>;
  #lastRoundMs: number;
  #cancel: CancelTimer | undefined;

  constructor(parts: SysTopicsParts) {
    this.#parts = parts;
    this.#startedMs = parts.clock.monotonicMs();
    this.#lastRoundMs = this.#startedMs;
    this.#loads = new Map(Object.keys(LOADS).map((name) => [name, new LoadAverage(0)]));
  }

  start(): void {
    const { version, node } = this.#parts;
    const emqx = this.#emqx();
    this.#say('$SYS/broker/version', `postern version ${version}`);
    this.#say('$SYS/brokers', node);
    this.#say(`${emqx}/version`, version);
    this.#say(`${emqx}/sysdescr`, 'Postern');
    this.#round();
  }

  stop(): void {
    this.#cancel?.();
  }

  #round(): void {
    const { clock, intervalSeconds, snapshot, heapBytes } = this.#parts;
    const now = clock.monotonicMs();
    const reading = readingOf(snapshot(), heapBytes());
    this.#tellTime(now);
    this.#tellMaxima(reading);
    this.#tellFigures(reading);
    if (now > this.#lastRoundMs) this.#tellLoads(reading, (now - this.#lastRoundMs) / 1000);
    this.#lastRoundMs = now;
    this.#cancel = clock.after(intervalSeconds * 1000, () => this.#round());
  }

  #tellTime(now: number): void {
    const upSeconds = Math.floor((now - this.#startedMs) / 1000);
    this.#say('$SYS/broker/uptime', `${upSeconds} seconds`);
    this.#say(`${this.#emqx()}/uptime`, String(upSeconds));
    this.#say(`${this.#emqx()}/datetime`, new Date(this.#parts.clock.nowMs()).toISOString());
  }

  #tellFigures(reading: Reading): void {
    for (const [name, figure] of Object.entries(MOSQUITTO_FIGURES)) this.#say(`$SYS/broker/${name}`, String(figure(reading)));
    for (const [name, figure] of Object.entries(EMQX_FIGURES)) this.#say(`${this.#emqx()}/${name}`, String(figure(reading)));
  }

  /** Greatest values seen, looked at once per round as Mosquitto does. */
  #tellMaxima(reading: Reading): void {
    for (const [name, { mosquitto, emqx, figure }] of Object.entries(MAXIMA)) {
      const maximum = Math.max(figure(reading), this.#maxima.get(name) ?? 0);
      this.#maxima.set(name, maximum);
      if (mosquitto !== undefined) this.#say(`$SYS/broker/${mosquitto}`, String(maximum));
      if (emqx !== undefined) this.#say(`${this.#emqx()}/${emqx}`, String(maximum));
    }
  }

  #tellLoads(reading: Reading, elapsedSeconds: number): void {
    for (const [name, figure] of Object.entries(LOADS)) {
      const averages = this.#loads.get(name)?.update(figure(reading), elapsedSeconds) ?? [];
      for (const [index, span] of SPANS.entries()) this.#say(`$SYS/broker/load/${name}/${span}`, (averages[index] ?? 0).toFixed(2));
    }
  }

  #emqx(): string {
    return `$SYS/brokers/${asLevel(this.#parts.node)}`;
  }

  #say(topic: string, payload: string): void {
    if (this.#said.get(topic) === payload) return;
    this.#said.set(topic, payload);
    this.#parts.announcer.figure(topic, payload);
  }
}
