// What goes with the messages of a bridge that tells where they are from.
import { describe, expect, test } from 'vitest';
import type { Reception } from '../../../src/model/reception.ts';
import { topicName } from '../../../src/model/topic.ts';
import { type Bridged, bridged, OUT } from '../../support/bridged.ts';
import { startCore } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';

const REPORT = 'postern/gw/report';
const PROPERTIES = { form: 'properties', stream: 'gw', reportTopic: topicName(REPORT) } as const;
const ENVELOPE = { ...PROPERTIES, form: 'envelope' } as const;

/** What the remote was told on the topic for reports. */
function reports({ remote }: Bridged): unknown[] {
  return remote.publishes.filter(({ topic }) => topic === REPORT).map(({ payload }) => JSON.parse(payload));
}

describe('as User Properties', () => {
  test('each message says which it is, of the bridge and of its publisher, and when it came', async () => {
    const { remote, local } = await bridged({ bridge: { provenance: PROPERTIES } });
    local.publish('readings/a', 'x', { qos: 1, properties: { userProperties: [['own', 'stays']] } });
    local.publish('readings/b', 'y', { qos: 2, packetId: 1 });
    await settled();
    const stamps = { 'pst-bridge': 'gw', 'pst-device': 'mqtt/local', 'pst-boot': '1', 'pst-clock': 'unknown' };
    expect(remote.userProperties).toEqual([
      { own: 'stays', ...stamps, 'pst-seq': '1', 'pst-after': '0', 'pst-device-seq': '1' },
      { ...stamps, 'pst-seq': '2', 'pst-device-seq': '2' },
    ]);
    expect(remote.payloads).toEqual(['x', 'y']);
  });

  test('a message of QoS 0 has no number: nobody was promised it', async () => {
    const { remote, local } = await bridged({ bridge: { provenance: PROPERTIES } });
    local.publish('readings/a', 'x', { qos: 0 });
    await settled();
    expect(remote.userProperties).toEqual([{ 'pst-bridge': 'gw', 'pst-device': 'mqtt/local', 'pst-clock': 'unknown' }]);
  });

  test('those of a bridge before this one make room: they speak of another queue', async () => {
    const { remote, local } = await bridged({ bridge: { provenance: PROPERTIES } });
    const theirs = [
      ['pst-bridge', 'far'],
      ['pst-seq', '77'],
      ['pst-received', '1'],
    ] as const;
    local.publish('readings/a', 'x', { qos: 1, properties: { userProperties: theirs } });
    await settled();
    expect(remote.userProperties).toEqual([
      { 'pst-bridge': 'gw', 'pst-device': 'mqtt/local', 'pst-boot': '1', 'pst-seq': '1', 'pst-after': '0', 'pst-device-seq': '1', 'pst-clock': 'unknown' },
    ]);
  });

  test('when it came is what the gateway knows by now: a clock that is set later dates what waits', async () => {
    const clock = new FakeClock();
    const reception = { boot: 1, uptimeMs: 1_500.4, certainty: 'unknown', wallMs: undefined } as const;
    let known: Reception = reception;
    const core = startCore({ clock, clockBook: { receptionAt: () => known } });
    const { remote, local } = await bridged({ clock, core, bridge: { provenance: PROPERTIES } });
    local.publish('readings/a', 'x', { qos: 1 });
    await settled();
    known = { ...reception, certainty: 'estimated', wallMs: 1_800_000_000_123.4 };
    local.publish('readings/a', 'y', { qos: 1 });
    await settled();
    expect(remote.userProperties[0]).toMatchObject({ 'pst-clock': 'unknown', 'pst-uptime-ms': '1500' });
    expect(remote.userProperties[0]).not.toHaveProperty('pst-received');
    expect(remote.userProperties[1]).toMatchObject({ 'pst-clock': 'estimated', 'pst-uptime-ms': '1500', 'pst-received': '1800000000123' });
  });

  test('nothing of it where it is not asked for', async () => {
    const { remote, local } = await bridged();
    local.publish('readings/a', 'x', { qos: 1 });
    await settled();
    expect(remote.userProperties).toEqual([{}]);
  });
});

describe('as an envelope', () => {
  test.each([
    ['text', Buffer.from('61.5 °C'), { payload: '61.5 °C' }],
    ['bytes that are none', Buffer.from([0xff, 0x00]), { payloadBase64: '/wA=' }],
    ['nothing', Buffer.alloc(0), { payload: '' }],
  ])('around a payload that is %s', async (_, payload, enclosed) => {
    const { remote, local } = await bridged({ bridge: { provenance: ENVELOPE }, uplink: { version: 4, triesBridgeBit: false } });
    local.publish('readings/a', payload, { qos: 1 });
    await settled();
    expect(JSON.parse(remote.payloads[0] ?? '')).toEqual({
      pst: { bridge: 'gw', device: 'mqtt/local', boot: 1, seq: 1, after: 0, deviceSeq: 1, clock: 'unknown' },
      ...enclosed,
    });
  });
});

test('an envelope over MQTT 5 keeps what is around a message: where it began, who is to answer, the properties of its publisher', async () => {
  const loopGuard = { isAlways: true, hopsMax: 3, origin: () => '0123456789abcdef', marks: true };
  const { remote, local } = await bridged({ bridge: { provenance: ENVELOPE, loopGuard } });
  const properties = { contentType: 'text/plain', isUtf8: true, responseTopic: 'answers', userProperties: [['own', 'stays']] } as const;
  local.publish('readings/a', 'x', { qos: 1, properties });
  await settled();
  expect(remote.userProperties).toEqual([{ own: 'stays', 'pst-origin': '0123456789abcdef/1' }]);
  expect(JSON.parse(remote.payloads[0] ?? '')).toMatchObject({ payload: 'x' });
});

describe('what is told besides', () => {
  test('at a start: which number the boot before ended with, ahead of what is new', async () => {
    const clock = new FakeClock();
    const first = await bridged({ clock, bridge: { provenance: PROPERTIES } });
    first.local.publish('readings/a', 'x', { qos: 1 });
    first.local.publish('readings/a', 'y', { qos: 1 });
    await settled();
    const core = startCore({ clock, store: first.core.store.reopened({ wasClean: false }) });
    const second = await bridged({ clock, core, bridge: { provenance: PROPERTIES } });
    second.local.publish('readings/a', 'z', { qos: 1 });
    await settled();
    expect(reports(second)).toEqual([{ bridge: 'gw', boot: 1, last: 2, after: 0 }]);
    expect(second.remote.publishes.at(-1)?.payload).toBe('z');
    expect(second.remote.userProperties.at(-1)).toMatchObject({ 'pst-boot': '2', 'pst-seq': '1', 'pst-after': '1' });
  });

  test('what no topic map carries is a dead letter, and told as one', async () => {
    const gone = { ...OUT, filter: 'b/#', rename: '{#}' } as const; // of "b" nothing is left for {#}: there is no such name
    const made = await bridged({ bridge: { provenance: PROPERTIES, topics: [gone] } });
    made.local.publish('b', 'x', { qos: 1 });
    await settled();
    expect(reports(made)).toEqual([
      { bridge: 'gw', device: 'mqtt/local', boot: 1, first: 1, last: 1, bridgeFirst: 1, bridgeLast: 1, after: 0, count: 1, cause: 'dead-letter' },
    ]);
    expect(made.core.store.status().queuedMessages).toBe(1);
  });

  test('a message that becomes a dead letter is told, and has its number when it is replayed', async () => {
    const made = await bridged({ bridge: { provenance: PROPERTIES }, remote: { acknowledges: false } });
    made.local.publish('readings/a', 'refused', { qos: 1 });
    await settled();
    made.remote.refuse('refused', 0x87);
    await settled();
    expect(reports(made)).toEqual([
      { bridge: 'gw', device: 'mqtt/local', boot: 1, first: 1, last: 1, bridgeFirst: 1, bridgeLast: 1, after: 0, count: 1, cause: 'dead-letter' },
    ]);
  });

  test('a bridge that no longer tells lets go of what was to be told', async () => {
    const clock = new FakeClock();
    const first = await bridged({ clock, bridge: { provenance: PROPERTIES } });
    first.local.publish('readings/a', 'x', { qos: 1 });
    await settled();
    const core = startCore({ clock, store: first.core.store.reopened({ wasClean: false }) });
    const second = await bridged({ clock, core });
    await settled();
    expect(second.remote.publishes).toEqual([]);
    expect(core.store.status().queuedMessages).toBe(0);
  });
});
