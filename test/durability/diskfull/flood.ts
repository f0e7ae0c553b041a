import type { Talker } from './talker.ts';

export interface FloodHow {
  readonly retain?: boolean;
  /** Each message goes to its own topic below the one given. */
  readonly isTopicOfItsOwn?: boolean;
}

const PAYLOAD_BYTES = 8_192;
/** Unanswered at once. */
const WINDOW = 24;
const REFUSED_MIN = 0x80;

/** A publisher that fills the disk, and knows what of it was acknowledged. */
export class Flood {
  readonly acknowledged = new Set<string>();
  readonly refusals = new Set<number>();
  readonly #talker: Talker;
  readonly #topic: string;
  readonly #name: string;
  readonly #how: FloodHow;
  #published = 0;

  constructor(talker: Talker, topic: string, name: string, how: FloodHow = {}) {
    this.#talker = talker;
    this.#topic = topic;
    this.#name = name;
    this.#how = how;
  }

  /** Window by window, until `isEnough`. @throws when that takes too long. */
  async until(isEnough: () => Promise<boolean>, msMax: number): Promise<void> {
    const deadline = performance.now() + msMax;
    while (!(await isEnough())) {
      if (performance.now() > deadline) throw new Error(`${this.#name}: ${this.acknowledged.size} acknowledged in ${msMax / 1_000} s, and not yet enough`);
      await Promise.all(Array.from({ length: WINDOW }, () => this.#one()));
    }
  }

  /** Of retained messages: they are cleared again. */
  async clear(): Promise<void> {
    const names = [...this.acknowledged];
    for (let at = 0; at < names.length; at += WINDOW) {
      await Promise.all(names.slice(at, at + WINDOW).map((name) => this.#talker.publish(`${this.#topic}/${name}`, '', { retain: true })));
    }
  }

  async #one(): Promise<void> {
    this.#published += 1;
    const name = `${this.#name}-${this.#published}`;
    const payload = Buffer.alloc(PAYLOAD_BYTES, ' ');
    payload.write(name);
    const { retain = false, isTopicOfItsOwn = false } = this.#how;
    const code = await this.#talker.publish(isTopicOfItsOwn ? `${this.#topic}/${name}` : this.#topic, payload, { retain });
    if (code === undefined) return;
    if (code < REFUSED_MIN) this.acknowledged.add(name);
    else this.refusals.add(code);
  }
}
