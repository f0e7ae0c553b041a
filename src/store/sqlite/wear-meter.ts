// What the store costs its flash, by day: counted with each commit, kept in one row that goes along with each checkpoint. What a kill takes is what was
// counted since the last one; what the device counted meanwhile is made good at the next start, if the machine stayed up.
import type { Clock } from '../../model/clock.ts';
import { WEAR_DAYS_MAX } from '../../model/limits.ts';
import { NO_WEAR, sumOfWear, type WearBytes, type WearCounters, type WearDay, type WearReport } from '../../model/wear.ts';
import type { CommitUnit } from './committer.ts';
import type { TableWrite } from './schema.ts';

export const WEAR_OWNER = 'wear';
export const DAY_MS = 86_400_000;
const NUMBER_BYTES = 8;

export interface WearMeterParts {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly gatewayTimeOffsetMs: number;
  readonly counters: WearCounters | undefined;
  /** Of the machine; undefined where it is not told: then what was written while the gateway was away is not counted. */
  readonly bootId: number | undefined;
  /** The rows of earlier boots. */
  readonly rows: ReadonlyMap<string, Uint8Array>;
}

type Own = 'log' | 'tables' | 'compaction';

/** What a row holds besides its key, the day. */
interface StoredDay {
  readonly bytes: WearBytes;
  /** Of days before `since`, whose rows may still be there. */
  readonly before: WearBytes;
  readonly since: number;
  /** Where the counter of the device stood, in which boot of the machine. */
  readonly device?: { readonly bytes: number; readonly bootId: number } | undefined;
}

export class WearMeter {
  readonly #parts: WearMeterParts;
  /** Days before today, oldest first. */
  readonly #days: WearDay[] = [];
  readonly #own: Record<Own, number> = { log: 0, tables: 0, compaction: 0 };
  #before: WearBytes = NO_WEAR;
  /** Today but for what `#own` holds. */
  #today: WearDay;
  #processAt: number;
  #deviceAt: number | undefined;
  #obsolete: number[] = [];

  constructor(parts: WearMeterParts) {
    this.#parts = parts;
    this.#today = { day: this.#dayNow(), bytes: NO_WEAR };
    this.#processAt = 0;
    this.#deviceAt = parts.counters?.deviceBytes();
    this.#restore();
  }

  committed({ segment, writes }: CommitUnit): void {
    if (segment !== undefined) this.#own.log += segment.bytes.length;
    for (const write of writes) this.#own[write.statement === 'putSegment' ? 'compaction' : 'tables'] += bytesOf(write);
  }

  report(): WearReport {
    this.#settle();
    return { days: [...this.#days, this.#today], before: this.#before };
  }

  /** Today's row, and the days that are too old. */
  takeRows(): TableWrite[] {
    this.#settle();
    const { bootId } = this.#parts;
    const device = this.#deviceAt === undefined || bootId === undefined ? undefined : { bytes: this.#deviceAt, bootId };
    const drops = this.#obsolete.map((each): TableWrite => ({ statement: 'dropState', values: [WEAR_OWNER, 0, String(each)] }));
    this.#obsolete = [];
    return [...drops, this.#rowOf(this.#today, device)];
  }

  /** The rows of all days, for a file that may have none of them. Today's comes with `takeRows`. */
  allRows(): TableWrite[] {
    this.#settle();
    return this.#days.map((day) => this.#rowOf(day));
  }

  #rowOf({ day, bytes }: WearDay, device?: StoredDay['device']): TableWrite {
    const stored: StoredDay = { bytes, before: this.#before, since: this.#days[0]?.day ?? day, device };
    return { statement: 'putState', values: [WEAR_OWNER, 0, String(day), Buffer.from(JSON.stringify(stored))] };
  }

  #restore(): void {
    const stored = [...this.#parts.rows].flatMap(([day, bytes]) => decode(Number(day), bytes) ?? []).sort((a, b) => a.day - b.day);
    const last = stored.at(-1);
    if (last === undefined) return;
    this.#before = last.before;
    for (const { day, bytes } of stored) {
      if (day < last.since) this.#obsolete.push(day);
      else this.#days.push({ day, bytes });
    }
    if (last.day >= this.#today.day) this.#today = this.#days.pop() ?? this.#today;
    if (last.device !== undefined && last.device.bootId === this.#parts.bootId) this.#deviceAt = last.device.bytes;
    this.#forgetOld();
  }

  /** Brings today up to now. What was written since the last look is of the day it is now: a look comes with every checkpoint. */
  #settle(): void {
    const day = this.#dayNow();
    if (day > this.#today.day) {
      this.#days.push(this.#today);
      this.#today = { day, bytes: NO_WEAR };
      this.#forgetOld();
    }
    const { log, tables, compaction } = this.#own;
    this.#today = { day: this.#today.day, bytes: sumOfWear(this.#today.bytes, { log, tables, compaction, ...this.#counted() }) };
    Object.assign(this.#own, { log: 0, tables: 0, compaction: 0 });
  }

  #counted(): Pick<WearBytes, 'process' | 'device'> {
    const { counters } = this.#parts;
    const processBytes = counters?.processBytes() ?? this.#processAt;
    const deviceBytes = counters?.deviceBytes();
    const process = processBytes - this.#processAt;
    const device = deviceBytes === undefined || this.#deviceAt === undefined ? 0 : Math.max(0, deviceBytes - this.#deviceAt);
    this.#processAt = processBytes;
    this.#deviceAt = deviceBytes;
    return { process, device };
  }

  #forgetOld(): void {
    for (const { day, bytes } of this.#days.splice(0, this.#days.length - (WEAR_DAYS_MAX - 1))) {
      this.#before = sumOfWear(this.#before, bytes);
      this.#obsolete.push(day);
    }
  }

  #dayNow(): number {
    const { clock, gatewayTimeOffsetMs } = this.#parts;
    return Math.floor((clock.monotonicMs() + gatewayTimeOffsetMs) / DAY_MS);
  }
}

function bytesOf({ values }: TableWrite): number {
  return values.reduce<number>((sum, value) => sum + (typeof value === 'number' ? NUMBER_BYTES : value.length), 0);
}

/** Undefined for a row that cannot be read: a day is missing. */
function decode(day: number, bytes: Uint8Array): (StoredDay & { readonly day: number }) | undefined {
  try {
    const stored: StoredDay = JSON.parse(Buffer.from(bytes).toString());
    return { ...stored, day };
  } catch {
    return undefined;
  }
}
