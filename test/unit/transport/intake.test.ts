import { expect, test } from 'vitest';
import { PACKET_BYTES_MAX } from '../../../src/model/limits.ts';
import { Turns } from '../../../src/model/turns.ts';
import { MqttDecoder } from '../../../src/mqtt/codec.ts';
import type { MqttVisitor } from '../../../src/mqtt/packets.ts';
import { type FaultTaker, Intake } from '../../../src/transport/intake.ts';
import { TurnWriter } from '../../../src/transport/turn-writer.ts';
import { MemoryTransport } from '../../support/memory-link.ts';

/** CONNECT of MQTT 3.1.1 with user `u` and password `secret`, and one byte too many. */
const CONNECT = Buffer.from('10 19 0004 4d515454 04 c2 003c 0001 63 0001 75 0006 736563726574 00'.replaceAll(' ', ''), 'hex');

test.each([
  ['a packet, in one piece: its first bytes', CONNECT.length, CONNECT.toString('hex')],
  ['a packet that goes on: nothing, as it may be a password', CONNECT.length - 7, undefined],
])('a fault is told with what was read last when that begins with a packet. %s', async (_, cut, told) => {
  const faults: (string | undefined)[] = [];
  const owner: MqttVisitor & FaultTaker = {
    onPublish() {},
    onAck() {},
    onPacket() {},
    onFault: (_error: unknown, bytes: Buffer | undefined) => void faults.push(bytes?.toString('hex')),
  };
  const decoder = new MqttDecoder({ role: 'server', packetBytesMax: PACKET_BYTES_MAX });
  const parts = { decoder, turns: new Turns(new TurnWriter()), yields: { value: 0 } };
  const transport = new MemoryTransport();
  await transport.listen((link) => {
    const intake = new Intake<MqttVisitor>(link, owner, parts);
    for (const part of [CONNECT.subarray(0, cut), CONNECT.subarray(cut)]) if (part.length > 0) intake.push(part);
  });
  transport.connect();
  expect(faults).toEqual([told]);
});
