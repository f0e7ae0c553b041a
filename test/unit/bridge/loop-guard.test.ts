// What keeps messages from going in circles, at one gateway.
import { describe, expect, test } from 'vitest';
import { mayReturn } from '../../../src/bridge/loop-guard.ts';
import { originMark } from '../../../src/bridge/origin-mark.ts';
import type { TopicRule } from '../../../src/bridge/topic-map.ts';
import type { Draft } from '../../../src/model/message.ts';
import { topicName } from '../../../src/model/topic.ts';
import { topicOf } from '../../../src/model/topic-utf8.ts';
import { type Bridged, bridged, IN, OUT } from '../../support/bridged.ts';
import { startCore } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { requestOf, TestClient } from '../../support/test-client.ts';

const OWN = '0123456789abcdef';
const OTHER = 'fedcba9876543210';
const BOTH = { filter: '#', direction: 'both', qos: 2, localPrefix: '', remotePrefix: '' } as const;
const GUARD = { isAlways: false, hopsMax: 3, origin: () => OWN, marks: true };
const OLD_REMOTE = { bridge: { topics: [BOTH], loopGuard: { ...GUARD, marks: false } }, uplink: { version: 4, triesBridgeBit: false } } as const;

const from = (origin: string, hops: number) => ({ properties: { userProperties: [['pst-origin', `${origin}/${hops}`]] } }) as const;

function draft(payload: string, over: Partial<Draft>): Draft {
  return { topic: topicOf(topicName('a')), payload: Buffer.from(payload), qos: 1, isRetain: false, ...over };
}

async function listening({ core }: Bridged): Promise<TestClient> {
  const listener = new TestClient(core.context('mqtt'));
  await listener.connect(requestOf('listener', { sessionExpirySeconds: 0, cleanStart: true }));
  listener.subscribe('#', { qos: 0 });
  return listener;
}

describe('a mark of origin', () => {
  test.each([
    [undefined, undefined],
    [`${OWN}/1`, { origin: OWN, hops: 1 }],
    ['-/255', { origin: '-', hops: 255 }],
    ['here/1', undefined],
    [`${OWN}/-1`, undefined],
    [`${OWN}/1000`, undefined],
    [`${OWN}`, undefined],
  ])('%s', (text, mark) => {
    expect(originMark(text === undefined ? {} : { userProperties: [['pst-origin', text]] })).toEqual(mark);
  });
});

describe('MQTT 5: out', () => {
  test('what begins here says so; what has come over a bridge says how many it has crossed; its own properties stay', async () => {
    const { remote, local } = await bridged({ bridge: { topics: [BOTH], loopGuard: GUARD } });
    local.publish('a', '1');
    local.publish('a', '2', { properties: { contentType: 'x', userProperties: [['own', 'stays']] } });
    local.publish('a', '3', from(OTHER, 2));
    await settled();
    expect(remote.userProperties).toEqual([{ 'pst-origin': `${OWN}/1` }, { own: 'stays', 'pst-origin': `${OWN}/1` }, { 'pst-origin': `${OTHER}/3` }]);
  });

  test('behind so many bridges it stays, and is no longer in the queue', async () => {
    const { core, remote, local } = await bridged({ bridge: { topics: [BOTH], loopGuard: GUARD } });
    local.publish('a', 'x', from(OTHER, 3));
    await settled();
    expect(remote.publishes).toEqual([]);
    expect([core.metric('bridge:centre.dropped.hop-limit'), core.store.status().queuedMessages]).toEqual([1, 0]);
  });

  test('with provenance the remote is told of it: its numbers have no gap', async () => {
    const provenance = { form: 'properties', stream: 'gw', reportTopic: topicName('report') } as const;
    const { remote, local } = await bridged({ bridge: { topics: [BOTH], loopGuard: GUARD, provenance } });
    local.publish('a', 'x', from(OTHER, 3));
    await settled();
    expect(remote.publishes.map(({ topic, payload }) => [topic, JSON.parse(payload).cause])).toEqual([['report', 'hop-limit']]);
  });

  test('nothing is marked where nothing can come back, unless it is always to be', async () => {
    for (const [isAlways, properties] of [
      [false, {}],
      [true, { 'pst-origin': `${OWN}/1` }],
    ] as const) {
      const { remote, local } = await bridged({ bridge: { topics: [OUT, IN], loopGuard: { ...GUARD, isAlways } } });
      local.publish('readings/a', 'x');
      await settled();
      expect(remote.userProperties).toEqual([properties]);
    }
  });
});

describe('MQTT 5: in', () => {
  test('without a mark it has one from here on; behind so many bridges it is acknowledged and stays', async () => {
    const made = await bridged({ bridge: { topics: [BOTH], loopGuard: GUARD } });
    const listener = await listening(made);
    made.remote.publish('a', 'unmarked', 1, 7);
    made.remote.publishDraft(draft('far', from(OTHER, 2)), 8, false);
    made.remote.publishDraft(draft('too far', from(OTHER, 3)), 9, false);
    await settled();
    expect(listener.delivered.map(({ payload }) => payload)).toEqual(['unmarked', 'far']);
    expect(listener.userProperties).toEqual([[['pst-origin', '-/1']], [['pst-origin', `${OTHER}/3`]]]);
    expect(made.remote.acks.filter(([type]) => type === 'puback').map(([, packetId]) => packetId)).toEqual([7, 8, 9]);
    expect(made.core.metric('bridge:centre.dropped.hop-limit')).toBe(1);
  });

  test('what began here is accepted and not published again, whoever brings it', async () => {
    const clock = new FakeClock();
    const core = startCore({ clock, isReturned: (draft) => originMark(draft.properties)?.origin === OWN });
    const made = await bridged({ clock, core, bridge: { topics: [BOTH], loopGuard: GUARD } });
    const listener = await listening(made);
    made.remote.publishDraft(draft('home', from(OWN, 1)), 7, false);
    made.local.publish('a', 'home', { ...from(OWN, 2), token: 5 });
    await settled();
    expect(listener.delivered).toEqual([]);
    expect(made.remote.acks).toContainEqual(['puback', 7, 0]);
    expect(made.local.outcomes).toContainEqual([5, 'accepted']);
    expect(core.metric('messages.returned')).toBe(2);
  });
});

describe('MQTT 3.1.1: a remote that sends back what it was sent', () => {
  test('is told that it came, and nobody here hears of it; an equal message of somebody else is heard', async () => {
    const made = await bridged(OLD_REMOTE);
    const listener = await listening(made);
    made.local.publish('a', 'x');
    await settled();
    for (const packetId of [7, 8]) made.remote.publish('a', 'x', 1, packetId);
    await settled();
    expect(listener.delivered.map(({ payload }) => payload)).toEqual(['x', 'x']); // the one published here, and the one that is no echo
    expect(made.remote.acks.map(([type, packetId]) => [type, packetId])).toEqual([
      ['puback', 7],
      ['puback', 8],
    ]);
    expect(made.core.metric('bridge:centre.dropped.echoes')).toBe(1);
  });

  test('QoS 2: a second copy of the same echo is one', async () => {
    const made = await bridged(OLD_REMOTE);
    const listener = await listening(made);
    made.local.publish('a', 'x');
    await settled();
    made.remote.acknowledges = false;
    made.remote.publish('a', 'x', 2, 7);
    await settled();
    made.remote.publishDraft(draft('x', { qos: 2 }), 7, true);
    await settled();
    made.remote.ack('pubrel', 7);
    await settled();
    expect(listener.delivered.map(({ payload }) => payload)).toEqual(['x']);
    expect(made.remote.acks.map(([type]) => type)).toEqual(['pubrec', 'pubrec', 'pubcomp']);
  });

  test('QoS 2: once the remote has begun a new session, its packet ids mean other messages', async () => {
    const made = await bridged(OLD_REMOTE);
    const listener = await listening(made);
    made.local.publish('a', 'x');
    await settled();
    made.remote.acknowledges = false;
    made.remote.publish('a', 'x', 2, 7); // an echo, whose PUBREL never comes
    await settled();
    made.remote.acknowledges = true;
    made.remote.connack = { isSessionPresent: false, reasonCode: 0 };
    made.remote.hangUp();
    await made.clock.advanceSeconds(5);
    made.remote.publishDraft(draft('news', { qos: 2 }), 7, true); // its first copy was lost with a connection
    await settled();
    expect(listener.delivered.map(({ payload }) => payload)).toEqual(['x', 'news']);
  });

  test('what it kept for us over a kill, too, though it sends it before anything else', async () => {
    const clock = new FakeClock();
    const first = await bridged({ ...OLD_REMOTE, clock });
    first.local.publish('a', 'x');
    await settled();
    await clock.advanceSeconds(2); // the acknowledgement is on disk
    const core = startCore({ clock, store: first.core.store.reopened({ wasClean: false }) });
    const second = await bridged({ ...OLD_REMOTE, clock, core, remote: { connack: { isSessionPresent: true, reasonCode: 0 }, grantsSubscriptions: false } });
    const listener = await listening(second);
    second.remote.publish('a', 'x', 1, 7);
    await settled();
    expect(listener.delivered).toEqual([]);
  });

  test('is not expected of one that takes the bridge bit: what comes is news', async () => {
    const made = await bridged({ ...OLD_REMOTE, uplink: { version: 4, triesBridgeBit: true } });
    const listener = await listening(made);
    made.local.publish('a', 'x');
    await settled();
    made.remote.publish('a', 'x', 1, 7);
    await settled();
    expect(listener.delivered.length).toBe(2);
  });
});

test.each<[string, boolean, readonly Partial<TopicRule>[]]>([
  ['both', true, [{ direction: 'both', filter: 'a/#' }]],
  [
    'other names',
    false,
    [
      { direction: 'out', filter: 'a/#' },
      { direction: 'in', filter: 'b/#' },
    ],
  ],
  [
    'names in common',
    true,
    [
      { direction: 'out', filter: 'a/+/c' },
      { direction: 'in', filter: 'a/b/#' },
    ],
  ],
  [
    'apart by their prefixes',
    false,
    [
      { direction: 'out', filter: '#', remotePrefix: 'x/' },
      { direction: 'in', filter: '#', remotePrefix: 'y/' },
    ],
  ],
  [
    'a new name, which may be any',
    true,
    [
      { direction: 'out', filter: 'a', rename: 'b' },
      { direction: 'in', filter: 'b' },
    ],
  ],
  ['out only', false, [{ direction: 'out', filter: '#' }]],
])('what goes out may come in: %s', (_, may, rules) => {
  expect(mayReturn(rules.map((rule) => ({ filter: '#', direction: 'out', qos: 1, localPrefix: '', remotePrefix: '', ...rule })))).toBe(may);
});
