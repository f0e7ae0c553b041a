/** How many links may be open at once, over all listeners that share it. */
export class LinkBudget {
  readonly #max: number;
  readonly #whole: LinkBudget | undefined;
  #open = 0;

  /** @param whole - a larger budget that this one is a share of. */
  constructor(max: number, whole?: LinkBudget) {
    this.#max = max;
    this.#whole = whole;
  }

  get open(): number {
    return this.#open;
  }

  /** False when all are taken: the connection is to be refused. */
  take(): boolean {
    if (this.#open >= this.#max || this.#whole?.take() === false) return false;
    this.#open += 1;
    return true;
  }

  giveBack(): void {
    this.#open -= 1;
    this.#whole?.giveBack();
  }
}
