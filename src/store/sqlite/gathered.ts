import type { Gatherer } from '../../session/session-store.ts';

/** Who says what changed once a group, and whether any of them has something to say. */
export class Gathered {
  readonly #changed = new Set<Gatherer>();
  #isGathering = false;

  get isEmpty(): boolean {
    return this.#changed.size === 0;
  }

  /** What is written now joins the group that closes: it asks for none. */
  get isGathering(): boolean {
    return this.#isGathering;
  }

  /** @param later - asks for a group to join. @returns as `SessionStore.gather` has it. */
  add(gatherer: Gatherer, later: () => void): () => void {
    return () => {
      this.#changed.add(gatherer);
      later();
    };
  }

  /** Before a group closes. */
  write(): void {
    if (this.isEmpty) return;
    this.#isGathering = true;
    for (const gatherer of this.#changed) gatherer.write();
    this.#changed.clear();
    this.#isGathering = false;
  }
}
