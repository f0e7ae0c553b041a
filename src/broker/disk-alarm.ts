// Tells below $SYS that the disk runs full, step by step, as EMQX tells its alarms (docs/reference/sys-topics.md).
import type { Clock } from '../model/clock.ts';
import type { DiskState, DiskStep } from '../session/disk-pressure.ts';
import { type Announcer, asLevel } from './announcer.ts';

const NAME = 'disk_full';

const MESSAGE: Readonly<Record<DiskStep, string>> = {
  ample: 'the disk has room again',
  'stop-lazy': 'the disk runs short of room: nothing is acknowledged before its commit',
  compact: 'the disk runs short of room: the store gives back what it no longer needs',
  evict: 'the disk runs short of room: queues that may drop messages do',
  refuse: 'the disk is full: nothing new is stored',
};

export class DiskAlarm {
  readonly #announcer: Announcer;
  readonly #clock: Clock;
  readonly #prefix: string;

  /** @param node - the gateway's name in topics. */
  constructor(announcer: Announcer, clock: Clock, node: string) {
    this.#announcer = announcer;
    this.#clock = clock;
    this.#prefix = `$SYS/brokers/${asLevel(node)}/alarms/`;
  }

  tell({ step, isEasing, roomBytes, storeBytes }: DiskState): void {
    this.#announcer.figure('$SYS/broker/store/disk', step);
    const alarm = { name: NAME, message: MESSAGE[step], details: { step, room_bytes: roomBytes, store_bytes: storeBytes } };
    if (step === 'ample') this.#announcer.event(`${this.#prefix}deactivate`, JSON.stringify({ ...alarm, deactivate_at: this.#clock.nowMs() }));
    else if (!isEasing) this.#announcer.event(`${this.#prefix}activate`, JSON.stringify({ ...alarm, activate_at: this.#clock.nowMs() }));
  }
}
