import { describe, expect, test } from 'vitest';
import { disconnect, MqttBench, will } from '../../support/mqtt.ts';

describe('MQTT 5 §3.1.3.2 Will Properties', () => {
  test('MQTT-3.1.3-10: User Properties of a will keep their order', async () => {
    const bench = await MqttBench.start();
    const watcher = await (await bench.connected({ clientId: 'watcher' })).subscribed({ filter: 'will' });
    const userProperties = [
      ['b', '1'],
      ['a', '2'],
      ['b', '3'],
    ] as const;
    await (await bench.connected({ clientId: 'gw', will: will({ properties: { userProperties } }) })).breaks();
    await watcher.expects({ type: 'publish', payload: 'gone', properties: { userProperties } });
  });

  test.each([
    ['1: its message is retained', true, ['gone']],
    ['0: it is not', false, []],
  ])('MQTT-3.1.2-15, MQTT-3.1.2-14: Will Retain %s', async (_, isRetain, kept) => {
    const bench = await MqttBench.start();
    await (await bench.connected({ clientId: 'gw', will: will({ isRetain }) })).sends(disconnect(0x04)).expectsEnd();
    const late = await bench.connected({ clientId: 'late' });
    expect(await late.sends('82 0a 0001 00 0004 77696c6c 00').payloads()).toEqual(kept);
  });
});
