// Recorded conversations of every version, damaged with knowledge of their structure, against the decoder and against the whole gateway.
import assert from 'node:assert/strict';
import type { ProtocolVersion } from '../../src/mqtt/packets.ts';
import { Chance, type FuzzOptions, type FuzzReport, timeBox } from './fuzzer.ts';
import { fuzzGateway } from './gateway-under-fuzz.ts';
import { HeapWatch } from './heap-watch.ts';
import { requireSound } from './mqtt-codec.ts';
import { mutatedConversation } from './mqtt-mutations.ts';
import { recordings } from './recordings.ts';

/** CPU time of one input, read whole, in pieces and with pauses. */
const INPUT_CPU_MS_MAX = 1_000;

/** @throws AssertionError - with seed, number and bytes of the input. */
export function fuzzRecordedCodec({ seed, count, secondsMax }: FuzzOptions): FuzzReport {
  const recorded = recordings();
  const chance = new Chance(seed);
  const isOver = timeBox(secondsMax);
  const heap = new HeapWatch(count);
  let refused = 0;
  let inputs = 0;
  for (; inputs < count && !isOver(); inputs += 1) {
    const { version, bytes } = mutatedConversation(recorded, chance);
    const before = process.cpuUsage();
    try {
      if (requireSound({ role: 'server', version: version as ProtocolVersion }, bytes, chance)) refused += 1;
    } catch (cause) {
      throw new assert.AssertionError({ message: `seed ${seed}, input ${inputs}, version ${version}: ${bytes.toString('hex')}\n${cause}` });
    }
    const { user, system } = process.cpuUsage(before);
    assert.ok(user + system < INPUT_CPU_MS_MAX * 1000, `seed ${seed}, input ${inputs}: ${(user + system) / 1000} ms of CPU: ${bytes.toString('hex')}`);
    heap.look(inputs);
  }
  heap.requireFlat(`seed ${seed}, ${inputs} inputs`);
  return { inputs, refused };
}

/** @throws AssertionError - with seed and number of the input, and its bytes when it was the one. */
export function fuzzRecordedConnection(options: FuzzOptions): Promise<FuzzReport> {
  const recorded = recordings();
  return fuzzGateway(options, (chance) => mutatedConversation(recorded, chance).bytes);
}
