// MQTT 3.1 numbers no statements; those it has beside the ones of 3.1.1 are numbered in test/conformance/statements/mqtt-3.1.ts.
import { describe, expect, test } from 'vitest';
import type { AuthenticationVerdict } from '../../../src/access/access.ts';
import { ack, connect, disconnect, MqttBench, type MqttPeer, publishBytes, subscribe, will } from '../../support/mqtt.ts';

const V3 = { version: 3 } as const;
const MQISDP = '0006 4d5149736470 03';

async function pair(): Promise<{ bench: MqttBench; sender: MqttPeer; receiver: MqttPeer }> {
  const bench = await MqttBench.start();
  const receiver = await (await bench.connected({ clientId: 'receiver', ...V3 })).subscribed({ filter: '#' });
  return { bench, receiver, sender: await bench.connected({ clientId: 'sender', ...V3 }) };
}

describe('MQTT 3.1 §3.1 CONNECT', () => {
  test('MQIsdp-1, -2: let in by its name; CONNACK never tells of a session', async () => {
    const bench = await MqttBench.start();
    for (let round = 0; round < 2; round += 1) {
      const peer = bench.peer(3).sends(`10 10 ${MQISDP} 00 003c 0002 6777`);
      await peer.expectsOctets('20 02 00 00');
      await peer.breaks();
    }
    expect(bench.core.broker.sessionCount).toBe(1);
  });

  test.each([
    ['version 3 with the name of 3.1.1', '10 0e 0004 4d515454 03 02 0000 0002 6777'],
    ['version 4 with the name of 3.1', '10 10 0006 4d5149736470 04 02 0000 0002 6777'],
  ])('MQIsdp-1: %s is a version nobody speaks', async (_, hex) => {
    const bench = await MqttBench.start();
    await bench.peer(4).sends(hex).expectsOctets('20 03 00 84 00');
  });

  test.each([
    ['MQIsdp-3: a client id of 23 characters', `10 25 ${MQISDP} 02 003c 0017 ${'61'.repeat(23)}`],
    ['MQIsdp-3: a client id of more', `10 2e ${MQISDP} 02 003c 0020 ${'61'.repeat(32)}`],
    ['MQIsdp-4: a user name that is flagged and missing', `10 10 ${MQISDP} 82 003c 0002 6777`],
    ['MQIsdp-4: a password that is flagged and missing', `10 13 ${MQISDP} c2 003c 0002 6777 0001 75`],
  ])('%s is let in', async (_, hex) => {
    const bench = await MqttBench.start();
    await bench.peer(3).sends(hex).expectsOctets('20 02 00 00');
  });

  test('MQIsdp-3, -12: an empty client id is return code 2', async () => {
    const bench = await MqttBench.start();
    const peer = bench.peer(3).sends(`10 0e ${MQISDP} 02 003c 0000`);
    await peer.expectsOctets('20 02 00 02');
    expect(peer.link.isEnded).toBe(true);
  });

  test.each([
    ['bad-credentials', '20 02 00 04'],
    ['not-authorized', '20 02 00 05'],
  ] as const)('MQIsdp-12: %s', async (reason, answer) => {
    const bench = await MqttBench.start();
    const denial: AuthenticationVerdict = { kind: 'deny', reason };
    bench.core.access.authenticate = async () => denial as Exclude<AuthenticationVerdict, { kind: 'skip' }>;
    await bench.peer(3).sends(connect(V3)).expectsOctets(answer);
  });

  test('MQIsdp-12: return code 1 where 3.1 is not spoken, 3 where there is no room', async () => {
    const newer = await MqttBench.start({ settings: { versions: [4, 5] } });
    await newer.peer(3).sends(connect(V3)).expectsOctets('20 02 00 01');
    const full = await MqttBench.start({ broker: { sessionsMax: 0 } });
    await full.peer(3).sends(connect(V3)).expectsOctets('20 02 00 03');
  });

  test('MQIsdp-7: Clean Session 0 keeps subscriptions and messages, 1 drops them', async () => {
    const bench = await MqttBench.start();
    const kept = { clientId: 'gw', cleanStart: false, ...V3 };
    await (await (await bench.connected(kept)).subscribed({ filter: 'a' })).breaks();
    const sender = await bench.connected({ clientId: 'sender', ...V3 });
    await sender.publishes('a', '1', { qos: 1 }).receives();
    const again = bench.peer(3).sends(connect(kept));
    await again.expects({ type: 'connack' }, { type: 'publish', payload: '1' });
    await again.breaks();
    await (await bench.connected({ ...kept, cleanStart: true })).breaks();
    await sender.publishes('a', '2', { qos: 1 }).receives();
    await bench.peer(3).sends(connect(kept)).expects({ type: 'connack' });
  });

  test.each([
    ['goes out when the link breaks', (peer: MqttPeer) => peer.link.resets(), ['gone']],
    ['is removed by DISCONNECT', (peer: MqttPeer) => peer.sends(disconnect()), []],
  ])('MQIsdp-8: the will %s', async (_, leave, payloads) => {
    const { bench, receiver } = await pair();
    leave(await bench.connected({ clientId: 'gw', ...V3, will: will() }));
    expect(await receiver.payloads()).toEqual(payloads);
  });

  test('MQIsdp-9: closed at 1.5 times the keep-alive, not before', async () => {
    const bench = await MqttBench.start();
    const peer = await bench.connected({ clientId: 'gw', ...V3, keepAliveSeconds: 10 });
    await bench.clock.advanceMs(14_999);
    expect(peer.link.isEnded).toBe(false);
    await bench.clock.advanceMs(1);
    await peer.expectsEnd();
  });
});

describe('MQTT 3.1 retries on the same connection', () => {
  test('MQIsdp-5: SUBSCRIBE and UNSUBSCRIBE with DUP are answered each time', async () => {
    const { receiver } = await pair();
    for (let round = 0; round < 2; round += 1) await receiver.sends('8a 06 0001 0001 61 01').expectsOctets('90 03 0001 01');
    for (let round = 0; round < 2; round += 1) await receiver.sends('aa 05 0002 0001 61').expectsOctets('b0 02 0002');
  });

  test('MQIsdp-5, -6: QoS 2 is passed on once, however often PUBLISH and PUBREL come', async () => {
    const { sender, receiver } = await pair();
    for (const isDuplicate of [false, true, true]) sender.sends(publishBytes(3, 'a', 'x', { qos: 2, packetId: 5, isDuplicate }));
    await sender.expects({ type: 'pubrec' }, { type: 'pubrec' }, { type: 'pubrec' });
    await sender.sends('6a 02 0005', '6a 02 0005').expects({ type: 'pubcomp' }, { type: 'pubcomp' });
    expect(await receiver.payloads()).toEqual(['x']);
  });

  test('MQIsdp-6: PUBLISH of QoS 1 with DUP is acknowledged each time', async () => {
    const { sender } = await pair();
    for (const isDuplicate of [false, true]) await sender.publishes('a', 'x', { qos: 1, packetId: 5, isDuplicate }).expectsOctets('40 02 0005');
  });
});

describe('MQTT 3.1 §3.3 PUBLISH', () => {
  test.each([
    [0, []],
    [1, [{ type: 'puback', packetId: 5 }]],
    [2, [{ type: 'pubrec', packetId: 5 }]],
  ] as const)('MQIsdp-11: QoS %i both ways', async (qos, answers) => {
    const { sender, receiver } = await pair();
    sender.publishes('a', 'x', { qos, packetId: 5 });
    const { packetId, ...seen } = await receiver.receivesPublish();
    expect(seen).toMatchObject({ topic: 'a', payload: 'x', qos, isDuplicate: false });
    await sender.expects(...answers);
    if (qos === 2) await receiver.sends(ack('pubrec', packetId)).expects({ type: 'pubrel', packetId });
    if (qos > 0) await receiver.sends(ack(qos === 1 ? 'puback' : 'pubcomp', packetId)).expectsNothing();
  });

  test('MQIsdp-10: what is not permitted is acknowledged and not passed on', async () => {
    const { bench, sender, receiver } = await pair();
    bench.core.access.forbids = ({ kind }) => kind === 'publish';
    await sender.publishes('a', 'x', { qos: 1, packetId: 7 }).expectsOctets('40 02 0007');
    await receiver.expectsNothing();
  });

  test('MQIsdp-13: RETAIN 1 to a new subscription, RETAIN 0 to an established one', async () => {
    const { bench, sender, receiver } = await pair();
    sender.publishes('a', 'x', { isRetain: true });
    await receiver.expects({ type: 'publish', payload: 'x', isRetain: false });
    const late = await bench.connected({ clientId: 'late', ...V3 });
    await late.sends(subscribe(1, { filter: 'a' })).expects({ type: 'suback' }, { type: 'publish', payload: 'x', isRetain: true });
  });

  test.each([
    ['QoS 3', '36 05 0001 61 0001'],
    ['a wildcard in the topic', '30 03 0001 23'],
    ['SUBSCRIBE without a filter', '82 02 0001'],
    ['packet identifier 0', '32 05 0001 61 0000'],
    ['a second CONNECT', `10 10 ${MQISDP} 02 003c 0002 6777`],
  ])('MQIsdp-14: %s closes the connection without a word', async (_, hex) => {
    const { sender } = await pair();
    await sender.sends(hex).expectsEnd();
  });
});
