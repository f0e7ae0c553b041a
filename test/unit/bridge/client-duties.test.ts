import { describe, expect, test } from 'vitest';
import { type Bridged, bridged } from '../../support/bridged.ts';
import { settled } from '../../support/fake-clock.ts';

const RESUMED = { isSessionPresent: true, reasonCode: 0 } as const;

async function sendsInOrder({ remote, local }: Bridged, qos: 1 | 2): Promise<number[]> {
  for (const [index, payload] of ['1', '2', '3'].entries()) local.publish('readings/a', payload, { qos, packetId: index + 1 });
  await settled();
  return remote.publishes.map(({ packetId }) => packetId);
}

describe.each([5, 4] as const)('the bridge is a client like others (MQTT-7.0.0-1 of 3.1.1): version %i', (version) => {
  const uplink = { version } as const;

  test('MQTT-3.1.2-20, MQTT-3.1.2-23 of 3.1.1: PINGREQ within the keep-alive', async () => {
    const { clock, remote } = await bridged({ uplink: { ...uplink, keepAliveSeconds: 10 } });
    await clock.advanceMs(9_999);
    expect(remote.packets.filter(({ type }) => type === 'pingreq')).not.toEqual([]);
  });

  test('MQTT-3.14.4-1, -2 of 5.0 and 3.1.1: DISCONNECT is the last it sends; then it closes', async () => {
    const { remote, bridge, local } = await bridged({ uplink });
    const { line } = remote;
    await bridge.stop(new AbortController().signal);
    local.publish('readings/a', 'late');
    await settled();
    expect(remote.packets.at(-1)).toMatchObject({ type: 'disconnect' });
    expect(remote.publishes).toEqual([]);
    expect(line).toMatchObject({ isOpen: false });
  });

  test.each([
    [1, 'puback'],
    [2, 'pubrec'],
  ] as const)('MQTT-4.5.0-2 of 5.0 and 3.1.1: what it has no use for is acknowledged all the same: QoS %i', async (qos, type) => {
    const { remote, local } = await bridged({ uplink });
    local.subscribe('#', { qos: 0 });
    remote.publish('nobody/asked', 'x', qos, 7);
    await settled();
    expect(remote.acks).toContainEqual([type, 7, 0]);
    expect(local.delivered).toEqual([]);
  });

  test('MQTT-4.6.0-1 of 5.0 and 3.1.1: what comes again comes in the order it was sent', async () => {
    const made = await bridged({ uplink, remote: { acknowledges: false } });
    const sent = await sendsInOrder(made, 1);
    made.remote.connack = RESUMED;
    made.remote.hangUp();
    await made.clock.advanceMs(1_000);
    await settled();
    expect(made.remote.publishes.slice(sent.length).map(({ packetId }) => packetId)).toEqual(sent);
  });

  test.each([
    ['MQTT-4.6.0-2 of 5.0 and 3.1.1: PUBACK', 1, 'puback'],
    ['MQTT-4.6.0-3 of 5.0 and 3.1.1: PUBREC', 2, 'pubrec'],
  ] as const)('%s in the order of the PUBLISH', async (_, qos, type) => {
    const { remote } = await bridged({ uplink, remote: { acknowledges: false } });
    for (const packetId of [9, 3, 7]) remote.publish('site1/cmd/valve', 'x', qos, packetId);
    await settled();
    expect(remote.acks).toEqual([9, 3, 7].map((packetId) => [type, packetId, 0]));
  });

  test('MQTT-4.6.0-4 of 5.0 and 3.1.1: PUBREL in the order of the PUBREC', async () => {
    const made = await bridged({ uplink, remote: { acknowledges: false } });
    const ids = (await sendsInOrder(made, 2)).toReversed();
    for (const packetId of ids) made.remote.ack('pubrec', packetId);
    await settled();
    expect(made.remote.acks).toEqual(ids.map((packetId) => ['pubrel', packetId, 0]));
  });

  test('MQTT-3.2.2-4: a remote that says it has a session, where a new one was asked for: the line is closed', async () => {
    const { clock, remote, local } = await bridged({ uplink: { ...uplink, cleanStart: true }, remote: { connack: RESUMED } });
    local.publish('readings/a', 'x');
    await settled();
    expect([remote.publishes, remote.line]).toMatchObject([[], { isOpen: false }]);
    remote.connack = { isSessionPresent: false, reasonCode: 0 };
    await clock.advanceMs(1_000);
    await settled();
    expect(remote.publishes).toMatchObject([{ payload: 'x' }]);
  });
});

describe('what only 5.0 asks of a client', () => {
  test('MQTT-3.3.4-8: at the Receive Maximum of the remote its answers and pings go on', async () => {
    const { clock, remote, local } = await bridged({
      remote: { acknowledges: false, connack: { isSessionPresent: false, reasonCode: 0, properties: { receiveMaximum: 1 } } },
    });
    for (const payload of ['1', '2']) local.publish('readings/a', payload);
    remote.publish('site1/cmd/valve', 'open', 1, 7);
    await clock.advanceSeconds(45);
    expect(remote.publishes.map(({ payload }) => payload)).toEqual(['1']);
    expect(remote.acks).toEqual([['puback', 7, 0]]);
    expect(remote.packets.filter(({ type }) => type === 'pingreq')).toHaveLength(1);
  });
});
