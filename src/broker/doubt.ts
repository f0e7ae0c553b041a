import type { Sequence } from '../session/session-store.ts';

/** After an unclean start the oldest window of entries may have reached the peer before: DUP says so (MQTT-3.3.1-1). */
export class Doubt {
  #upTo: Sequence = 0;
  #left = 0;

  /** @param upTo - the last sequence of the boot before. */
  begin(upTo: Sequence, window: number): void {
    this.#upTo = upTo;
    this.#left = window;
  }

  /** The peer's window is smaller than the one before. */
  limit(window: number): void {
    this.#left = Math.min(this.#left, window);
  }

  /** Whether this entry, the next to be sent, may have been sent before. */
  takes(sequence: Sequence): boolean {
    if (this.#left === 0 || sequence > this.#upTo) return false;
    this.#left -= 1;
    return true;
  }
}
