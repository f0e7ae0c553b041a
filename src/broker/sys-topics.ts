// Figures below $SYS, under Mosquitto's names and EMQX's (docs/reference/sys-topics.md). One round per interval; a figure that stayed as it was is
// not published again.
import type { CancelTimer, Clock } from '../model/clock.ts';
import type { MetricsTable } from '../model/metrics.ts';
import { type Announcer, asLevel } from './announcer.ts';
import { LoadAverage } from './load-average.ts';
import { EMQX_FIGURES, type Figure, LOADS, MAXIMA, MOSQUITTO_FIGURES, Reading } from './sys-figures.ts';

export interface SysTopicsParts {
  readonly announcer: Announcer;
  readonly clock: Clock;
  readonly intervalSeconds: number;
  readonly version: string;
  /** The gateway's name in topics. */
  readonly node: string;
  readonly metrics: MetricsTable;
  readonly heapBytes: () => number;
}

/** NaN, which equals nothing, before the first round. */
interface NumberTopic {
  readonly topic: string;
  readonly figure: Figure;
  last: number;
}

interface Maximum {
  readonly topics: readonly string[];
  readonly figure: Figure;
  greatest: number;
}

interface Load {
  readonly figure: Figure;
  readonly average: LoadAverage;
  readonly spans: readonly { readonly topic: string; last: number; text: string }[];
}

const SPANS = ['1min', '5min', '15min'] as const;

/** Topics and what stands under them are put together once: a round of a gateway on which nothing happens compares numbers. */
export class SysTopics {
  readonly #parts: SysTopicsParts;
  readonly #emqx: string;
  readonly #reading: Reading;
  readonly #numbers: readonly NumberTopic[];
  readonly #maxima: readonly Maximum[];
  readonly #loads: readonly Load[];
  readonly #nextRound = (): void => this.#round();
  readonly #startedMs: number;
  #lastRoundMs: number;
  #cancel: CancelTimer | undefined;

  constructor(parts: SysTopicsParts) {
    const { node, metrics, heapBytes, clock } = parts;
    this.#parts = parts;
    this.#emqx = `$SYS/brokers/${asLevel(node)}`;
    this.#reading = new Reading(metrics, heapBytes);
    this.#numbers = [...numberTopics('$SYS/broker', MOSQUITTO_FIGURES), ...numberTopics(this.#emqx, EMQX_FIGURES)];
    this.#maxima = MAXIMA.map(({ mosquitto, emqx, figure }) => ({
      topics: [...mosquitto.map((name) => `$SYS/broker/${name}`), ...emqx.map((name) => `${this.#emqx}/${name}`)],
      figure,
      greatest: -1,
    }));
    this.#loads = Object.entries(LOADS).map(([name, figure]) => ({ figure, average: new LoadAverage(0), spans: SPANS.map((span) => loadTopic(name, span)) }));
    this.#startedMs = clock.monotonicMs();
    this.#lastRoundMs = this.#startedMs;
  }

  start(): void {
    const { version, node } = this.#parts;
    this.#say('$SYS/broker/version', `postern version ${version}`);
    this.#say('$SYS/brokers', node);
    this.#say(`${this.#emqx}/version`, version);
    this.#say(`${this.#emqx}/sysdescr`, 'Postern');
    this.#round();
  }

  stop(): void {
    this.#cancel?.();
  }

  #round(): void {
    const { clock, intervalSeconds } = this.#parts;
    const now = clock.monotonicMs();
    this.#reading.refresh();
    this.#tellTime(now);
    for (const maximum of this.#maxima) this.#tellMaximum(maximum);
    for (const number of this.#numbers) this.#tellNumber(number);
    if (now > this.#lastRoundMs) for (const load of this.#loads) this.#tellLoad(load, (now - this.#lastRoundMs) / 1000);
    this.#lastRoundMs = now;
    this.#cancel = clock.after(intervalSeconds * 1000, this.#nextRound);
  }

  #tellTime(now: number): void {
    const upSeconds = Math.floor((now - this.#startedMs) / 1000);
    this.#say('$SYS/broker/uptime', `${upSeconds} seconds`);
    this.#say(`${this.#emqx}/uptime`, String(upSeconds));
    this.#say(`${this.#emqx}/datetime`, new Date(this.#parts.clock.nowMs()).toISOString());
  }

  #tellNumber(number: NumberTopic): void {
    const value = number.figure(this.#reading);
    if (value === number.last) return;
    number.last = value;
    this.#say(number.topic, String(value));
  }

  /** Looked at once per round, as Mosquitto does. */
  #tellMaximum(maximum: Maximum): void {
    const value = maximum.figure(this.#reading);
    if (value <= maximum.greatest) return;
    maximum.greatest = value;
    for (const topic of maximum.topics) this.#say(topic, String(value));
  }

  #tellLoad({ figure, average, spans }: Load, elapsedSeconds: number): void {
    const averages = average.update(figure(this.#reading), elapsedSeconds);
    for (const [index, span] of spans.entries()) {
      const value = averages[index] ?? 0;
      if (value === span.last) continue;
      span.last = value;
      const text = value.toFixed(2);
      if (text === span.text) continue;
      span.text = text;
      this.#say(span.topic, text);
    }
  }

  #say(topic: string, payload: string): void {
    this.#parts.announcer.figure(topic, payload);
  }
}

function numberTopics(prefix: string, figures: Readonly<Record<string, Figure>>): NumberTopic[] {
  return Object.entries(figures).map(([name, figure]) => ({ topic: `${prefix}/${name}`, figure, last: Number.NaN }));
}

function loadTopic(name: string, span: string): Load['spans'][number] {
  return { topic: `$SYS/broker/load/${name}/${span}`, last: Number.NaN, text: '' };
}
