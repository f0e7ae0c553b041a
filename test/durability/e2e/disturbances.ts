// What happens to the centre while the gateway is being killed: it goes away and comes back, the wire breaks, the wire falls silent.
import { setTimeout as delay } from 'node:timers/promises';
import type { Centre } from './centre.ts';
import type { Link } from './link.ts';
import type { Random } from './random.ts';

export interface DisturbanceParts {
  readonly centre: Centre;
  readonly link: Link;
  readonly random: Random;
}

const AWAY_MS = { from: 100, to: 700 };

export class Disturbances {
  readonly counts = { centreDown: 0, cuts: 0, silences: 0 };
  readonly #parts: DisturbanceParts;
  #underWay: Promise<void> = Promise.resolve();
  #isBusy = false;

  constructor(parts: DisturbanceParts) {
    this.#parts = parts;
  }

  /** Begins one, unless one is under way. */
  begin(): void {
    if (this.#isBusy) return;
    this.#isBusy = true;
    this.#underWay = this.#run().finally(() => {
      this.#isBusy = false;
    });
  }

  /** Resolves once the centre is there and within reach. @throws when the centre did not come back. */
  settled(): Promise<void> {
    return this.#underWay;
  }

  async #run(): Promise<void> {
    const { centre, link, random } = this.#parts;
    const awayMs = random.between(AWAY_MS.from, AWAY_MS.to);
    switch (random.pick(['down', 'down', 'cut', 'silence'] as const)) {
      case 'down':
        this.counts.centreDown += 1;
        await centre.bringDown();
        await delay(awayMs);
        await centre.start();
        break;
      case 'cut':
        this.counts.cuts += 1;
        link.cut();
        break;
      case 'silence':
        this.counts.silences += 1;
        link.silence();
        await delay(awayMs);
        link.restore();
        break;
    }
  }
}
