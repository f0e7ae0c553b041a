// Damaged MQTT-SN datagrams against the decoder: it refuses by MalformedPacketError, ignores a reserved type, or reads; what was read can be
// written and read again; and the datagram itself is left as it was.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { decode, encode } from '../../gateways/mqtt-sn/codec.ts';
import type { Packet } from '../../gateways/mqtt-sn/packets.ts';
import { MalformedPacketError } from '../../src/model/errors.ts';
import { anyPacket } from '../unit/mqtt-sn/packet-arbitrary.ts';
import { Chance, damaged, type FuzzOptions, type FuzzReport, timeBox } from './fuzzer.ts';

const SAMPLES = 500;

/** @throws AssertionError - with seed, number and bytes of the input. */
export function fuzzMqttSnCodec({ seed, count, secondsMax }: FuzzOptions): FuzzReport {
  const chance = new Chance(seed);
  const datagrams = fc.sample(anyPacket, { seed, numRuns: SAMPLES }).map(encode);
  const isOver = timeBox(secondsMax);
  let refused = 0;
  let input = 0;
  for (; input < count && !isOver(); input += 1) {
    const bytes = relengthened(damaged(pick(datagrams, chance), pick(datagrams, chance), chance), chance);
    try {
      if (!isRead(bytes)) refused += 1;
    } catch (finding) {
      assert.fail(`seed ${seed}, input ${input}, ${bytes.toString('hex')}: ${finding instanceof Error ? finding.stack : String(finding)}`);
    }
  }
  return { inputs: input, refused };
}

/** False when the input was refused. */
function isRead(bytes: Buffer): boolean {
  const before = Buffer.from(bytes);
  const packet = decodedOrRefused(bytes);
  assert.ok(bytes.equals(before), 'the datagram was changed');
  if (packet === 'refused') return false;
  if (packet !== undefined) assert.deepStrictEqual(decode(encode(packet)), packet, 'a packet changes when it is written and read');
  return true;
}

function decodedOrRefused(bytes: Buffer): Packet | 'refused' | undefined {
  try {
    return decode(bytes);
  } catch (thrown) {
    if (!(thrown instanceof MalformedPacketError)) throw thrown;
    assert.match(thrown.clause, /^§5\./, 'an error without its clause');
    return 'refused';
  }
}

/** Damage that changes the size would nearly always end at the Length field: most of the time that is put right. */
function relengthened(bytes: Buffer, chance: Chance): Buffer {
  if (bytes.length < 4 || chance.below(4) === 0) return bytes;
  const copy = Buffer.from(bytes);
  if (copy[0] === 1 || copy.length > 255) {
    copy[0] = 1;
    copy.writeUInt16BE(copy.length, 1);
  } else {
    copy[0] = copy.length;
  }
  return copy;
}

function pick(buffers: readonly Buffer[], chance: Chance): Buffer {
  return buffers[chance.below(buffers.length)] ?? Buffer.alloc(0);
}
