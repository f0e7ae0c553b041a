import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../../test/durability/e2e/random.ts';
import type { Account } from './account.ts';

/** What an actor is given. */
export interface Stage {
  readonly port: number;
  readonly random: Random;
  /** What has happened, by name. */
  readonly counts: Map<string, number>;
}

/** A part of the load: runs until it is told to stop, then puts its affairs in order. */
export interface Actor {
  /** What it is owed and was given. */
  readonly accounts: readonly Account[];
  run(): Promise<void>;
  /** No new work; resolves when everything under way has ended and everyone is connected to receive what is owed. */
  rest(): Promise<void>;
  /** What is wrong although no message of an account is missing. */
  complaints(): Promise<string[]>;
  close(): Promise<void>;
}

export function count({ counts }: Stage, what: string, by = 1): void {
  counts.set(what, (counts.get(what) ?? 0) + by);
}

/** Runs `step` again and again, with a pause of 0 to `pauseMsMax` between. */
export class Loop {
  readonly #step: () => Promise<void>;
  readonly #random: Random;
  readonly #pauseMsMax: number;
  #isOver = false;
  #running: Promise<void> = Promise.resolve();

  constructor({ random }: Stage, pauseMsMax: number, step: () => Promise<void>) {
    this.#random = random;
    this.#pauseMsMax = pauseMsMax;
    this.#step = step;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Resolves behind the last step. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      await this.#step();
      await delay(this.#random.between(0, this.#pauseMsMax));
    }
  }
}
