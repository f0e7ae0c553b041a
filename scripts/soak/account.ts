/** What one receiver is owed by one sender. It forgets each message as soon as it was both acknowledged and received: hours of them need no room. */
export class Account {
  readonly name: string;
  /** By number: those of which only one is known. */
  readonly #open = new Map<number, 'sent' | 'acknowledged' | 'received'>();
  #sent = 0;
  #acknowledged = 0;
  #received = 0;
  #repeated = 0;

  constructor(name: string) {
    this.name = name;
  }

  /** @returns the number of the message that is about to be published. */
  begin(): number {
    this.#sent += 1;
    this.#open.set(this.#sent, 'sent');
    return this.#sent;
  }

  acknowledged(number: number): void {
    this.#acknowledged += 1;
    if (this.#open.get(number) === 'received') this.#open.delete(number);
    else this.#open.set(number, 'acknowledged');
  }

  received(number: number): void {
    const known = this.#open.get(number);
    if (known === undefined || known === 'received') {
      this.#repeated += 1;
      return;
    }
    this.#received += 1;
    if (known === 'acknowledged') this.#open.delete(number);
    else this.#open.set(number, 'received');
  }

  get sentCount(): number {
    return this.#sent;
  }

  get acknowledgedCount(): number {
    return this.#acknowledged;
  }

  /** Different messages. */
  get receivedCount(): number {
    return this.#received;
  }

  /** Copies beyond the first. */
  get repeatedCount(): number {
    return this.#repeated;
  }

  /** Numbers of what was acknowledged and has not come. */
  missing(): number[] {
    return [...this.#open].filter(([, state]) => state === 'acknowledged').map(([number]) => number);
  }
}
