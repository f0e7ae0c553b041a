// Beside aedes, the other broker on Node.js: the same loads, in the same rounds as against Mosquitto.
import type { Line, Table } from './bench.ts';
import { type Floor, floorText, timesBetter, verdict } from './floors.ts';
import { count, ratioSpread, short } from './format.ts';
import type { Figures } from './generator.ts';
import { cpu, lost, rate, type Sides } from './pairs.ts';
import { median, spread } from './statistics.ts';

/** Where packets share a read. */
export const BATCHED_AEDES_FLOOR: Floor = timesBetter(3);
/** Where each has a read of its own: most of the time is the kernel's, on either side. */
export const SPARSE_AEDES_FLOOR: Floor = timesBetter(1.2);

const TABLE: Table = {
  title: 'Beside aedes: CPU per delivered message',
  columns: ['scenario', 'us per message', 'aedes', 'aedes ÷ ours', 'delivered/s', 'aedes', 'aedes lost', 'floor', ''],
};

export function aedesLine(name: string, pairs: readonly Sides<Figures>[], floor: Floor): Line {
  const subject = pairs.map((pair) => pair.subject);
  const aedes = pairs.map((pair) => pair.peer);
  const better = spread(pairs.map((pair) => cpu(pair.peer) / cpu(pair.subject)));
  const cells = [
    `${name} beside aedes`,
    short(median(subject.map(cpu))),
    short(median(aedes.map(cpu))),
    ratioSpread(better),
    count(median(subject.map(rate))),
    count(median(aedes.map(rate))),
    count(lost(aedes)),
    floorText(floor),
  ];
  return { table: TABLE, cells, verdict: verdict(better.median, floor) };
}
