// One bad datagram costs a counter and a log line (§5.2 tells what is bad; what to do about it, ARCHITECTURE.md does).
import { describe, expect, test } from 'vitest';
import { MqttSnBench } from '../../support/mqtt-sn.ts';
import { connack, connect, pingreq, pingresp, willTopicReq } from '../../support/mqtt-sn-packets.ts';

describe('MQTT-SN 1.2 §5.2, bad input', () => {
  test.each([
    ['an empty datagram', ''],
    ['a Length that lies', 'ff 0c 20'],
    ['a PUBLISH cut off', '06 0c 20 00 01 00'],
    ['the reserved TopicIdType', '08 0c 23 00 01 00 02 78'],
    ['a client id that is not UTF-8', '07 04 04 01 00 3c ff'],
  ])('%s is counted, logged with peer, clause and the first octets, and not answered', async (_, hex) => {
    const bench = await MqttSnBench.start();
    const sensor = await bench.connected();
    await sensor.sends(hex).expects();
    expect(bench.core.metric('mqtt-sn.dropped.malformed')).toBe(1);
    expect(bench.log).toMatchObject([
      { event: 'malformed datagram', fields: { peer: '192.0.2.7:49152', clause: expect.stringMatching(/^§5/), hex: hex.replaceAll(' ', '').slice(0, 32) } },
    ]);
    await sensor.sends(pingreq()).expects(pingresp);
  });

  test.each(['02 03', '02 11', '02 19', '04 1e 00 00', '03 ff 00'])('the reserved type in %s is ignored and counted (§5.2.2)', async (hex) => {
    const bench = await MqttSnBench.start();
    const sensor = await bench.connected();
    await sensor.sends(hex).expects();
    expect(bench.core.metric('mqtt-sn.dropped.unknown-type')).toBe(1);
    expect(bench.log).toEqual([]);
  });

  test.each([
    ['CONNACK', '03 05 00'],
    ['WILLTOPICREQ', '02 06'],
    ['SUBACK', '08 13 20 00 00 00 03 00'],
    ['WILLMSGRESP', '03 1d 00'],
  ])('%s, which only a gateway sends, is dropped and counted', async (_, hex) => {
    const bench = await MqttSnBench.start();
    const sensor = await bench.connected();
    await sensor.sends(hex).expects();
    expect(bench.core.metric('mqtt-sn.dropped.unexpected')).toBe(1);
  });

  test('strangers leave nothing behind: no client, no timer, no session', async () => {
    const bench = await MqttSnBench.start();
    const timers = bench.clock.pendingTimers;
    for (let port = 1; port <= 500; port += 1) {
      bench.sensor(`203.0.113.1:${port}`).sends('02 16', '07 0c 00 00 01 00 00', '03 01 00', 'ff', '0b 0c 20 00 01 00 02 32 31 2e 35', '04 18 00 3c');
    }
    await bench.sensor().expectsNothing();
    expect(bench.clock.pendingTimers).toBe(timers);
    expect(bench.core.metric('mqtt-sn.clients')).toBe(0);
    expect(bench.core.broker.sessionCount).toBe(0);
  });

  test('handshakes are bounded in number and time', async () => {
    const bench = await MqttSnBench.start();
    const timers = bench.clock.pendingTimers;
    for (let port = 1; port <= 1_001; port += 1) bench.sensor(`203.0.113.1:${port}`).sends(connect({ hasWill: true, clientId: `flood-${port}` }));
    const last = bench.sensor('203.0.113.2:1');
    await last.sends(connect()).expects(connack(0x01));
    expect(bench.clock.pendingTimers).toBe(timers + 1_000);
    await bench.clock.advanceSeconds(40);
    expect(bench.clock.pendingTimers).toBe(timers);
    await last.sends(connect({ hasWill: true })).expects(willTopicReq);
  });
});
