import { describe, expect, test } from 'vitest';
import { connect, MqttBench, type MqttPeer } from '../../support/mqtt.ts';

interface Stage {
  readonly bench: MqttBench;
  readonly sender: MqttPeer;
  readonly receiver: MqttPeer;
}

async function stage(topicAliasMaximum: number | undefined, over: { topicAliasOutMax?: number; maximumPacketSize?: number } = {}): Promise<Stage> {
  const { topicAliasOutMax = 32, maximumPacketSize } = over;
  const bench = await MqttBench.start({ settings: { topicAliasOutMax } });
  const receiver = await bench.connected({ clientId: 'receiver', properties: { topicAliasMaximum, maximumPacketSize } });
  await receiver.subscribed({ filter: '#' });
  return { bench, sender: await bench.connected({ clientId: 'sender' }), receiver };
}

/** Name and alias of everything that came, as they stood on the wire: `name=alias`. */
async function topics(peer: MqttPeer): Promise<string[]> {
  const received = await peer.receives();
  return received.filter((packet) => packet.type === 'publish').map(({ topic, topicAlias }) => `${topic}=${topicAlias}`);
}

describe('MQTT 5 §3.3.2.3.4 Topic Alias towards a client', () => {
  test.each([
    ['MQTT-3.1.2-27: no Topic Alias Maximum', undefined, 32],
    ['MQTT-3.1.2-27: Topic Alias Maximum 0', 0, 32],
    ['aliases are turned off', 10, 0],
  ])('%s: none is sent', async (_, topicAliasMaximum, topicAliasOutMax) => {
    const { sender, receiver } = await stage(topicAliasMaximum, { topicAliasOutMax });
    sender.publishes('sensors/a', '1').publishes('sensors/a', '2');
    expect(await topics(receiver)).toEqual(['sensors/a=0', 'sensors/a=0']);
  });

  test('the first message brings name and alias, the next ones the alias alone, at every QoS', async () => {
    const { sender, receiver } = await stage(10);
    for (const qos of [0, 1, 2] as const) sender.publishes('sensors/a', `${qos}`, { qos, packetId: qos + 1 });
    sender.publishes('sensors/b', '3').publishes('sensors/b', '4').publishes('sensors/a', '5');
    expect(await topics(receiver)).toEqual(['sensors/a=1', '=1', '=1', 'sensors/b=2', '=2', '=1']);
  });

  test('the octets of both', async () => {
    const { sender, receiver } = await stage(10);
    sender.publishes('sensors/a', 'x').publishes('sensors/a', 'y');
    await receiver.expectsOctets('30 10 0009 73656e736f72732f61 03 23 0001 78', '30 07 0000 03 23 0001 79');
  });

  test.each([
    ['MQTT-3.1.2-26, MQTT-3.3.2-11: the client’s', 2, 32],
    ['the gateway’s own', 65_535, 2],
  ])('never above the maximum: %s', async (_, topicAliasMaximum, topicAliasOutMax) => {
    const { sender, receiver } = await stage(topicAliasMaximum, { topicAliasOutMax });
    for (const name of ['aaaa', 'bbbb', 'cccc', 'dddd', 'cccc']) sender.publishes(name, 'x');
    expect(await topics(receiver)).toEqual(['aaaa=1', 'bbbb=2', 'cccc=0', 'dddd=0', 'cccc=0']);
  });

  test('the alias unused longest goes to a topic that comes twice in a row without one', async () => {
    const { sender, receiver } = await stage(2);
    for (const name of ['aaaa', 'bbbb', 'aaaa', 'cccc', 'cccc', 'cccc', 'aaaa', 'bbbb']) sender.publishes(name, 'x');
    expect(await topics(receiver)).toEqual(['aaaa=1', 'bbbb=2', '=1', 'cccc=0', 'cccc=2', '=2', '=1', 'bbbb=0']);
  });

  test('a name no longer than an alias takes keeps its name', async () => {
    const { sender, receiver } = await stage(10);
    sender.publishes('a/b', '1').publishes('a/b', '2');
    expect(await topics(receiver)).toEqual(['a/b=0', 'a/b=0']);
  });

  test('MQTT-3.3.2-7: an alias ends with its connection', async () => {
    const { bench, sender, receiver } = await stage(10);
    sender.publishes('sensors/a', '1');
    expect(await topics(receiver)).toEqual(['sensors/a=1']);
    await receiver.breaks();
    const again = await bench.connected({ clientId: 'receiver', properties: { topicAliasMaximum: 10 } });
    await again.subscribed({ filter: '#' });
    sender.publishes('sensors/b', '2').publishes('sensors/a', '3');
    expect(await topics(again)).toEqual(['sensors/b=1', 'sensors/a=2']);
  });

  test('MQTT-3.1.2-24: a message that fits only without the alias goes without; it is introduced by the first that has room', async () => {
    const { sender, receiver } = await stage(10, { maximumPacketSize: 30 });
    const name = 'sensors/a';
    sender.publishes(name, 'x'.repeat(16)).publishes(name, 'x'.repeat(10)).publishes(name, 'x'.repeat(20)).publishes(name, 'x'.repeat(30));
    expect(await topics(receiver)).toEqual(['sensors/a=0', 'sensors/a=1', '=1']);
  });

  test('a fan-out reaches clients with and without aliases alike', async () => {
    const { bench, sender, receiver } = await stage(10);
    const [plain, older, other] = [
      await (await bench.connected({ clientId: 'plain' })).subscribed({ filter: '#' }),
      await (await bench.connected({ clientId: 'older', version: 4 })).subscribed({ filter: '#' }),
      await (await bench.connected({ clientId: 'other', properties: { topicAliasMaximum: 1 } })).subscribed({ filter: 'sensors/b' }),
    ];
    for (const name of ['sensors/a', 'sensors/b', 'sensors/a', 'sensors/b']) sender.publishes(name, name);
    expect(await topics(receiver)).toEqual(['sensors/a=1', 'sensors/b=2', '=1', '=2']);
    expect(await topics(plain)).toEqual(['sensors/a=0', 'sensors/b=0', 'sensors/a=0', 'sensors/b=0']);
    expect(await older.payloads()).toEqual(['sensors/a', 'sensors/b', 'sensors/a', 'sensors/b']);
    expect(await topics(other)).toEqual(['sensors/b=1', '=1']);
  });

  test('messages of an earlier connection that come again are named anew', async () => {
    const { bench, sender } = await stage(10);
    const kept = { clientId: 'kept', cleanStart: false, properties: { topicAliasMaximum: 10, sessionExpirySeconds: 60 } } as const;
    const first = await (await bench.connected(kept)).subscribed({ filter: '#' });
    sender.publishes('sensors/a', '1', { qos: 1, packetId: 1 }).publishes('sensors/a', '2', { qos: 1, packetId: 2 });
    expect(await topics(first)).toEqual(['sensors/a=1', '=1']);
    await first.breaks();
    expect(await topics(bench.peer().sends(connect(kept)))).toEqual(['sensors/a=1', '=1']);
  });
});
