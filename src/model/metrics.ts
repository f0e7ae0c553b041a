/** A number that only grows; the hot path holds the object and adds to the field. */
export interface Counter {
  value: number;
}

/** Where counters and gauges live. Names are dotted and lower case: `mqtt.packets.publish.received`. */
export interface Metrics {
  /** The counter of that name, made at its first use. */
  counter(name: string): Counter;
  /** Registers a value read on demand, e.g. a queue length. */
  gauge(name: string, read: () => number): void;
}

/** Counters by short names of their own. */
export function countersOf<Key extends string>(metrics: Pick<Metrics, 'counter'>, names: Readonly<Record<Key, string>>): Readonly<Record<Key, Counter>> {
  const counters = Object.entries<string>(names).map(([key, name]) => [key, metrics.counter(name)] as const);
  return Object.fromEntries(counters) as Record<Key, Counter>;
}

/** A registry that is enough for tests and for a status answer. */
export class MetricsTable implements Metrics {
  readonly #counters = new Map<string, Counter>();
  readonly #gauges = new Map<string, () => number>();

  counter(name: string): Counter {
    let counter = this.#counters.get(name);
    if (counter === undefined) {
      counter = { value: 0 };
      this.#counters.set(name, counter);
    }
    return counter;
  }

  gauge(name: string, read: () => number): void {
    this.#gauges.set(name, read);
  }

  /** How many names there are: none ever goes away. */
  get size(): number {
    return this.#counters.size + this.#gauges.size;
  }

  names(): string[] {
    return [...this.#counters.keys(), ...this.#gauges.keys()];
  }

  /** 0 for what nobody has counted yet. */
  value(name: string): number {
    return this.#counters.get(name)?.value ?? this.#gauges.get(name)?.() ?? 0;
  }

  /** Every value by name, sorted. */
  snapshot(): Record<string, number> {
    const values: [string, number][] = [];
    for (const [name, counter] of this.#counters) values.push([name, counter.value]);
    for (const [name, read] of this.#gauges) values.push([name, read()]);
    return Object.fromEntries(values.sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}
