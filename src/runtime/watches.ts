// Who looks at the machine now and then, and tells: its clock, its flash.
import type { Announcer } from '../broker/announcer.ts';
import type { ClockBook } from '../broker/clock-book.ts';
import { ClockWatch } from '../broker/clock-watch.ts';
import type { Durability } from '../broker/durability.ts';
import { WearWatch } from '../broker/wear-watch.ts';
import type { Config } from '../config/config.ts';
import type { GatewayClock } from '../model/clock.ts';
import type { Log } from '../model/log.ts';
import type { Metrics } from '../model/metrics.ts';
import { NO_WEAR, type WearReport } from '../model/wear.ts';
import { BlockDevice } from '../observe/block-device.ts';
import type { SessionStore } from '../session/session-store.ts';

export interface WatchesParts {
  readonly config: Config;
  readonly store: SessionStore;
  readonly clock: GatewayClock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly book: ClockBook;
  readonly announcer: Announcer;
  readonly durability: Pick<Durability, 'windowFactor'>;
}

const NOTHING_COUNTED: WearReport = { days: [{ day: 0, bytes: NO_WEAR }], before: NO_WEAR };

export class Watches {
  readonly #clock: ClockWatch;
  readonly #wear: WearWatch;

  constructor({ config, store, clock, log, metrics, book, announcer: everybody, durability }: WatchesParts) {
    const announcer = config.sys.intervalSeconds === 0 ? undefined : everybody;
    this.#clock = new ClockWatch({ clock, log, metrics, book, boot: store.boot.boot, announcer });
    const { endurance, budgetPerDay, widenWindow } = config.store.wear;
    this.#wear = new WearWatch({
      clock,
      log,
      metrics,
      announcer,
      settings: { enduranceBytes: endurance, budgetBytesPerDay: budgetPerDay, widensWindow: widenWindow },
      device: BlockDevice.below(config.data.directory),
      report: () => store.status().wear ?? NOTHING_COUNTED,
      wallTimeOf: (atMs) => book.receptionAt(atMs)?.wallMs,
      onWindowFactor: (factor) => {
        durability.windowFactor = factor;
      },
    });
  }

  start(): void {
    this.#clock.start();
    this.#wear.start();
  }

  stop(): void {
    this.#clock.stop();
    this.#wear.stop();
  }

  status(): Record<'clock' | 'wear', unknown> {
    return { clock: this.#clock.status(), wear: this.#wear.status() };
  }
}
