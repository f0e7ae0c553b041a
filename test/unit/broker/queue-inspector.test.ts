import { describe, expect, test, vi } from 'vitest';
import { DEAD_LETTERS_MAX, QUEUE_BYTES_PER_REQUEST, QUEUE_ENTRIES_PER_REQUEST, QUEUE_PAYLOAD_SHOWN_BYTES } from '../../../src/model/limits.ts';
import { topicFilter } from '../../../src/model/topic.ts';
import { startCore } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { policyOf, requestOf, TestClient } from '../../support/test-client.ts';

const TRANSIENT = { cleanStart: true, sessionExpirySeconds: 0 } as const;
const ALL = {};

async function withQueue(payloads: readonly string[]) {
  const clock = new FakeClock();
  const core = startCore({ clock });
  const panel = new TestClient(core.context('mqtt'));
  await panel.connect(requestOf('panel'));
  panel.subscribe('#', { qos: 1 });
  panel.session.disconnect({ publishWill: false });
  const publisher = new TestClient(core.context('mqtt'));
  await publisher.connect(requestOf('boiler', TRANSIENT));
  for (const [index, payload] of payloads.entries()) publisher.publish(`readings/${index}`, payload, index === 1 ? { expirySeconds: 60 } : {});
  await settled();
  return { clock, core, publisher, inspector: core.broker.queueInspector };
}

describe('peek', () => {
  test('shows the oldest first, with who published it and when it expires', async () => {
    const { clock, inspector } = await withQueue(['61.5', '62', '63']);
    await clock.advanceSeconds(1);
    const { entries, next } = inspector.peek({ clientId: 'panel' }, ALL, 2);
    expect(entries).toEqual([
      {
        sequence: expect.any(Number),
        topic: 'readings/0',
        qos: 1,
        isRetain: false,
        publishedAtMs: expect.any(Number),
        expiresInSeconds: undefined,
        origin: 'mqtt boiler',
        payloadBytes: 4,
        payload: { text: '61.5' },
        reason: undefined,
      },
      expect.objectContaining({ topic: 'readings/1', expiresInSeconds: 59 }),
    ]);
    expect(inspector.peek({ clientId: 'panel' }, { after: next }, 2)).toMatchObject({ entries: [{ topic: 'readings/2' }], next: undefined });
  });

  test.each([
    ['topic filter', { topics: topicFilter('readings/1') }, ['b']],
    ['text in the payload', { contains: 'c' }, ['c']],
    ['both', { topics: topicFilter('readings/+'), contains: 'a' }, ['a']],
    ['nothing fits', { contains: 'z' }, []],
  ])('selects by %s', async (_, selection, expected) => {
    const { inspector } = await withQueue(['a', 'b', 'c']);
    const { entries } = inspector.peek({ clientId: 'panel' }, selection, 10);
    expect(entries.map(({ payload }) => payload)).toEqual(expected.map((text) => ({ text })));
  });

  test('a payload that is no text as base64, and of a long one the beginning', async () => {
    const { core, publisher, inspector } = await withQueue([]);
    const topic = core.context('mqtt').topics.intern('readings/a' as never);
    publisher.session.publish({ topic, payload: Buffer.from([0, 255]), qos: 1, isRetain: false }, 1);
    publisher.session.publish({ topic, payload: Buffer.alloc(5_000, 'x'), qos: 1, isRetain: false }, 2);
    const [binary, long] = inspector.peek({ clientId: 'panel' }, ALL, 10).entries;
    expect(binary?.payload).toEqual({ base64: 'AP8=' });
    expect(long).toMatchObject({ payloadBytes: 5_000, payload: { text: 'x'.repeat(QUEUE_PAYLOAD_SHOWN_BYTES) } });
  });

  test('looks at a bounded number of entries, and says where to go on', async () => {
    const { inspector } = await withQueue(Array.from({ length: QUEUE_ENTRIES_PER_REQUEST + 1 }, (_, index) => `${index}`));
    const first = inspector.peek({ clientId: 'panel' }, { contains: `${QUEUE_ENTRIES_PER_REQUEST}` }, 10);
    expect(first.entries).toEqual([]);
    expect(inspector.peek({ clientId: 'panel' }, { after: first.next, contains: `${QUEUE_ENTRIES_PER_REQUEST}` }, 10).entries).toHaveLength(1);
  });

  test('looks into a bounded number of bytes, and says where to go on', async () => {
    const { inspector } = await withQueue(['x'.repeat(QUEUE_BYTES_PER_REQUEST), 'needle']);
    const first = inspector.peek({ clientId: 'panel' }, { contains: 'needle' }, 10);
    expect(first).toEqual({ entries: [], next: expect.any(Number) });
    expect(inspector.peek({ clientId: 'panel' }, { contains: 'needle', after: first.next }, 10).entries).toHaveLength(1);
  });

  test('of nobody, and of several', async () => {
    const { core, inspector } = await withQueue([]);
    expect(() => inspector.peek({ clientId: 'nobody' }, ALL, 1)).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
    await new TestClient(core.context('mqtt-sn')).connect(requestOf('panel'));
    expect(() => inspector.peek({ clientId: 'panel' }, ALL, 1)).toThrow('mqtt, mqtt-sn');
    expect(inspector.peek({ clientId: 'panel', realm: 'mqtt-sn' }, ALL, 1).entries).toEqual([]);
  });
});

describe('purge', () => {
  test('lets go of what is selected, and counts it', async () => {
    const { core, inspector } = await withQueue(['a', 'b', 'c']);
    expect(inspector.purge({ clientId: 'panel' }, { contains: 'b' })).toEqual({ purged: 1, inFlight: 0, next: undefined });
    expect(inspector.peek({ clientId: 'panel' }, ALL, 10).entries.map(({ topic }) => topic)).toEqual(['readings/0', 'readings/2']);
    expect(core.metric('messages.dropped.purged')).toBe(1);
    expect(core.broker.queues('panel').queues[0]?.dropped).toEqual({ purged: 1 });
  });

  test('keeps what is under way, and the rest is delivered in its order', async () => {
    const { core, inspector } = await withQueue(['a', 'b', 'c']);
    const panel = new TestClient(core.context('mqtt'));
    await panel.connect(requestOf('panel', { inflightMax: 1 }));
    const [first, second] = inspector.peek({ clientId: 'panel' }, ALL, 2).entries;
    expect(inspector.purge({ clientId: 'panel' }, { sequences: [first?.sequence ?? 0, second?.sequence ?? 0] })).toMatchObject({ purged: 1, inFlight: 1 });
    panel.session.settle(panel.delivered[0]?.packetId ?? 0);
    await settled();
    expect(panel.payloads).toEqual(['a', 'c']);
  });

  test('what the gateway will publish itself is not touched', async () => {
    const { publisher, inspector } = await withQueue([]);
    publisher.publish('$delayed/60/readings/a', 'later');
    await settled();
    expect(inspector.peek({ clientId: '$delayed' }, ALL, 1).entries).toHaveLength(1);
    expect(() => inspector.purge({ clientId: '$delayed' }, ALL)).toThrow('belongs to the gateway');
  });
});

describe('dead letters', () => {
  async function withDeadLetters(payloads: readonly string[], limits = policyOf({ messagesMax: 100, whenFull: 'refuse' })) {
    const core = startCore({ clock: new FakeClock() });
    const bridge = new TestClient(core.context('bridge:centre'));
    await bridge.connect(requestOf('bridge:centre', { queue: limits, inflightMax: 20 }));
    bridge.subscribe('#', { qos: 1 });
    const publisher = new TestClient(core.context('mqtt'));
    await publisher.connect(requestOf('boiler', TRANSIENT));
    for (const payload of payloads) {
      publisher.publish('readings/a', payload);
      await settled();
      bridge.session.setAside(bridge.delivered.at(-1)?.packetId ?? 0, '0x87');
    }
    await settled();
    return { core, bridge, publisher, inspector: core.broker.queueInspector };
  }
  const DEAD = { clientId: 'bridge:centre', realm: '$dead-letter' };

  test('are looked at under the name of their bridge, with the reason', async () => {
    const { core, inspector } = await withDeadLetters(['x']);
    expect(inspector.peek(DEAD, ALL, 10).entries).toMatchObject([{ topic: 'readings/a', payload: { text: 'x' }, reason: '0x87' }]);
    expect(inspector.peek({ clientId: 'bridge:centre' }, ALL, 10).entries).toEqual([]);
    expect(core.broker.queues('bridge:centre').queues).toMatchObject([
      { realm: '$dead-letter', messages: 1 },
      { realm: 'bridge:centre', messages: 0 },
    ]);
  });

  test('are sent again when somebody says so, once', async () => {
    const { bridge, inspector } = await withDeadLetters(['x', 'y']);
    expect(inspector.replay('bridge:centre', { contains: 'y' })).toMatchObject({ replayed: 1, next: undefined });
    expect(bridge.payloads).toEqual(['x', 'y', 'y']);
    expect(inspector.peek(DEAD, ALL, 10).entries.map(({ payload }) => payload)).toEqual([{ text: 'x' }]);
  });

  test('go back to their bridge though a client of another protocol has its name', async () => {
    const { core, bridge, inspector } = await withDeadLetters(['x']);
    await new TestClient(core.context('mqtt')).connect(requestOf('bridge:centre'));
    expect(inspector.replay('bridge:centre', ALL)).toMatchObject({ replayed: 1, next: undefined });
    expect(bridge.payloads).toEqual(['x', 'x']);
  });

  test('are sent again once, though each becomes a dead letter again at once', async () => {
    const count = QUEUE_ENTRIES_PER_REQUEST + 1;
    const { bridge, inspector } = await withDeadLetters(Array.from({ length: count }, (_, index) => `${index}`));
    vi.spyOn(bridge, 'deliver').mockImplementation(({ packetId }) => void bridge.session.setAside(packetId, 'too large'));
    const first = inspector.replay('bridge:centre', ALL);
    expect(first).toMatchObject({ replayed: QUEUE_ENTRIES_PER_REQUEST, next: expect.any(Number) });
    expect(inspector.replay('bridge:centre', { after: first.next, upTo: first.upTo })).toMatchObject({ replayed: 1, next: undefined });
  });

  test('wait when the queue they come from is full', async () => {
    const { bridge, publisher, inspector } = await withDeadLetters(['x'], policyOf({ messagesMax: 1, whenFull: 'refuse' }));
    bridge.session.pause('upstream');
    publisher.publish('readings/a', 'fills');
    expect(() => inspector.replay('bridge:centre', ALL)).toThrow('is full');
    expect(inspector.peek(DEAD, ALL, 10).entries).toHaveLength(1);
  });

  test('are purged with what is kept of them', async () => {
    const { core, inspector } = await withDeadLetters(['x', 'y']);
    expect(inspector.purge(DEAD, ALL)).toEqual({ purged: 2, inFlight: 0, next: undefined });
    expect(core.store.sessions.get('$dead-letter\0bridge:centre')?.state.size).toBe(0);
  });

  test('are bounded: the oldest makes room and is counted', async () => {
    const { core, bridge, inspector } = await withDeadLetters(Array.from({ length: DEAD_LETTERS_MAX + 1 }, (_, index) => `${index}`));
    expect(bridge.delivered).toHaveLength(DEAD_LETTERS_MAX + 1);
    expect(core.broker.queues('bridge:centre').queues[0]).toMatchObject({ realm: '$dead-letter', messages: DEAD_LETTERS_MAX, dropped: { 'queue-full': 1 } });
    expect(inspector.peek(DEAD, ALL, 1).entries[0]?.payload).toEqual({ text: '1' });
    expect(core.metric('messages.dead-letters')).toBe(DEAD_LETTERS_MAX + 1);
  });
});
