// The steps as a machine: one at a time, in order, and back again only when there is clearly more room than made it take them.
import { DISK_STEPS, type DiskStep } from '../../session/disk-pressure.ts';

/** A step is left at this many times the room it is taken at: what is near a bound does not go to and fro. */
const LEAVE_FACTOR = 1.25;

export class DiskLadder {
  readonly #enterBelowBytes: readonly number[];
  readonly #onStep: (step: DiskStep, isEasing: boolean) => void;
  #at = 0;

  constructor(enterBelowBytes: readonly number[], onStep: (step: DiskStep, isEasing: boolean) => void) {
    this.#enterBelowBytes = enterBelowBytes;
    this.#onStep = onStep;
  }

  get step(): DiskStep {
    return DISK_STEPS[this.#at] ?? 'refuse';
  }

  /** `refuse`; cheap to ask. */
  get isAtEnd(): boolean {
    return this.#at === DISK_STEPS.length - 1;
  }

  isAt(step: DiskStep): boolean {
    return this.#at >= DISK_STEPS.indexOf(step);
  }

  measured(roomBytes: number): void {
    while (this.#at < DISK_STEPS.length - 1 && roomBytes < this.#enterBelow(this.#at + 1)) this.#go(1);
    while (this.#at > 0 && roomBytes >= this.#leaveAt(this.#at)) this.#go(-1);
  }

  /** What may be written before the next step could be due. */
  slackBytes(roomBytes: number): number {
    return Math.max(0, roomBytes - this.#enterBelow(Math.min(this.#at + 1, DISK_STEPS.length - 1)));
  }

  /** What is missing for `step` to be left; 0: nothing. */
  missingBytes(step: DiskStep, roomBytes: number): number {
    return Math.max(0, this.#leaveAt(DISK_STEPS.indexOf(step)) - roomBytes);
  }

  #go(by: 1 | -1): void {
    this.#at += by;
    this.#onStep(this.step, by < 0);
  }

  #enterBelow(index: number): number {
    return this.#enterBelowBytes[index - 1] ?? 0;
  }

  #leaveAt(index: number): number {
    return this.#enterBelow(index) * LEAVE_FACTOR;
  }
}
