// Whose word on the wall clock counts, by configuration.
import type { Config } from '../config/config.ts';
import { type Clock, WALL_CLOCK_MIN_MS } from '../model/clock.ts';

const BELIEVED: Readonly<Record<Config['clock']['source'], (clock: Clock) => boolean>> = {
  auto: (clock) => clock.isSynchronized(),
  trusted: (clock) => clock.nowMs() >= WALL_CLOCK_MIN_MS,
  untrusted: () => false,
};

export function believedClock(clock: Clock, source: Config['clock']['source']): Clock {
  const isBelieved = BELIEVED[source];
  return {
    nowMs: () => clock.nowMs(),
    monotonicMs: () => clock.monotonicMs(),
    isSynchronized: () => isBelieved(clock),
    after: (delayMs, run) => clock.after(delayMs, run),
    random: () => clock.random(),
  };
}
