// What the gateway says its bridge lost, as the centre hears of it, laid beside what is missing there.
import type { Arrivals, Findings } from './ledger.ts';
import { readingOf } from './reading.ts';

interface Report {
  readonly report: number;
  readonly device: string;
  readonly count: number;
}

export class LossReports implements Pick<Arrivals, 'record'> {
  /** By number: a second copy must be the same. */
  readonly #payloads = new Map<number, string>();
  readonly #counts = new Map<string, number>();
  readonly #complaints: string[] = [];

  record(_topic: string, payload: string): void {
    const { report, device, count } = JSON.parse(payload) as Report;
    const before = this.#payloads.get(report);
    if (before !== undefined && before !== payload) this.#complaints.push(`report ${report} says ${before}, and again ${payload}`);
    if (before !== undefined) return;
    this.#payloads.set(report, payload);
    const source = device.slice(device.indexOf('/') + 1);
    this.#counts.set(source, (this.#counts.get(source) ?? 0) + count);
  }

  get total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }

  /**
   * @param mayArriveToo - so many of those that arrived may be reported as well: what a remote acknowledged just before a kill waits again after it.
   * @returns what does not go together, in lines.
   */
  comparedWith({ lost }: Pick<Findings, 'lost'>, mayArriveToo: number): string[] {
    const missing = new Map<string, number>();
    for (const payload of lost) {
      const device = readingOf(payload)?.source ?? payload;
      missing.set(device, (missing.get(device) ?? 0) + 1);
    }
    const devices = new Set([...missing.keys(), ...this.#counts.keys()]);
    const unlike = [...devices].filter((device) => {
      const over = (this.#counts.get(device) ?? 0) - (missing.get(device) ?? 0);
      return over < 0 || over > mayArriveToo;
    });
    const lines = unlike.map((device) => `of ${device} ${missing.get(device) ?? 0} are missing at the centre, ${this.#counts.get(device) ?? 0} were reported`);
    return [...this.#complaints, ...lines];
  }
}
