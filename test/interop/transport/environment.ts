import { silentLog } from '../../../src/model/log.ts';
import { MetricsTable } from '../../../src/model/metrics.ts';
import { TurnWriter } from '../../../src/transport/turn-writer.ts';
import { FakeClock } from '../../support/fake-clock.ts';

/** What a transport works with, with a clock moved by hand: time-outs happen when a test says so. */
export function environment() {
  return { clock: new FakeClock(), log: silentLog, metrics: new MetricsTable(), writer: new TurnWriter() };
}

export function portOf({ address }: { readonly address: string }): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}
