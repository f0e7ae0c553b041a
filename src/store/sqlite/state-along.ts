// State that is worth a record and no commit: it joins a group that is written anyway, as it is then.
import type { Image } from '../../session/image.ts';
import type { StateRecord } from '../../session/records.ts';
import type { OpenGroup } from './open-group.ts';
import type { SettledRuns } from './settled-runs.ts';

export class StateAlong {
  readonly #image: Image;
  readonly #records = new Map<string, () => StateRecord>();

  constructor(image: Image) {
    this.#image = image;
  }

  put(gateway: string, key: string, value: () => Uint8Array): void {
    this.#records.set(`${gateway}\0${key}`, () => ({ kind: 'state', owner: { gateway }, key, value: value() }));
  }

  /** The last words of a group: what was settled, and, if there is anything to write, what goes along. */
  close(group: OpenGroup, runs: SettledRuns): void {
    runs.moveTo(group);
    if (this.#records.size === 0 || group.isEmpty) return;
    const records = [...this.#records.values()];
    this.#records.clear();
    for (const recordNow of records) {
      const record = recordNow();
      group.record(record);
      this.#image.apply(record);
    }
  }
}
