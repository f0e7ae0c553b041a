/** How many links may be open at once, over all listeners that share it. */
export class LinkBudget {
  readonly #max: number;
  #open = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get open(): number {
    return this.#open;
  }

  /** False when all are taken: the connection is to be refused. */
  take(): boolean {
    if (this.#open >= this.#max) return false;
    this.#open += 1;
    return true;
  }

  giveBack(): void {
    this.#open -= 1;
  }
}
