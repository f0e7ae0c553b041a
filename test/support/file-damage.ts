import { vi } from 'vitest';
import { UnitWriter } from '../../src/store/sqlite/unit-writer.ts';

/** Damage that stores meet at a commit, wherever their files are: SQLite says so, nothing is written, and the file is to be replaced. Ends with `vi.restoreAllMocks`. */
export class FileDamage {
  #unitsBefore = Number.POSITIVE_INFINITY;

  constructor() {
    const damage = this;
    const { write } = UnitWriter.prototype;
    vi.spyOn(UnitWriter.prototype, 'write').mockImplementation(function (this: UnitWriter, unit) {
      damage.#unitsBefore -= 1;
      if (damage.#unitsBefore >= 0) return write.call(this, unit);
      damage.none();
      return { failure: { code: 'SQLITE_CORRUPT', message: 'database disk image is malformed' }, syncMs: 0 };
    });
  }

  /** Once, behind so many units. */
  after(units: number): void {
    this.#unitsBefore = units;
  }

  none(): void {
    this.#unitsBefore = Number.POSITIVE_INFINITY;
  }
}
