/** Averages of a rate over 1, 5 and 15 minutes, per minute, as Mosquitto counts them: older minutes fade out. */
export class LoadAverage {
  #lastTotal: number;
  #averages: readonly [oneMinute: number, fiveMinutes: number, fifteenMinutes: number] = [0, 0, 0];

  /** @param total - where the counter stands now. */
  constructor(total: number) {
    this.#lastTotal = total;
  }

  /**
   * @param total - of a counter that only grows.
   * @param elapsedSeconds - since the last call.
   */
  update(total: number, elapsedSeconds: number): readonly [number, number, number] {
    const perMinute = ((total - this.#lastTotal) * 60) / elapsedSeconds;
    this.#lastTotal = total;
    const fade = (average: number, minutes: number): number => perMinute + Math.exp(-elapsedSeconds / (60 * minutes)) * (average - perMinute);
    const [one, five, fifteen] = this.#averages;
    this.#averages = [fade(one, 1), fade(five, 5), fade(fifteen, 15)];
    return this.#averages;
  }
}
