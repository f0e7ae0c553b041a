import { describe, expect, test } from 'vitest';
import { WITHHELD_MAX } from '../../../src/model/limits.ts';
import { type Bridged, bridged, deadLetters, OUT } from '../../support/bridged.ts';
import { settled } from '../../support/fake-clock.ts';

const ROOM = { messagesMax: 100_000, bytesMax: 10_000_000 };
const queued = ({ core }: Bridged): number => core.store.status().queuedMessages;

const reasons = (made: Bridged) => deadLetters(made).map(([, reason]) => reason);

/** Takes everything whose payload is `good…`, and answers the rest with that reason code, or not at all. */
async function pickyRemote(answer: number | 'nothing', { inflightMax = 4 } = {}): Promise<Bridged> {
  const made = await bridged({
    bridge: { inflightMax, queueLimits: ROOM },
    remote: { acknowledges: false, connack: { isSessionPresent: true, reasonCode: 0 } },
  });
  const { remote } = made;
  const onPublish = remote.onPublish.bind(remote);
  remote.onPublish = (view) => {
    onPublish(view);
    const copy = remote.publishes.at(-1);
    if (copy === undefined) return;
    if (copy.payload.startsWith('good')) remote.ack('puback', copy.packetId);
    else if (answer !== 'nothing') remote.ack('puback', copy.packetId, answer);
  };
  return made;
}

describe('a window full of messages that are refused for now', () => {
  test('does not stall what is behind them', async () => {
    const made = await pickyRemote(0x97);
    for (let index = 0; index < 10; index += 1) made.local.publish('readings/full', `poison ${index}`);
    made.local.publish('readings/a', 'good');
    await settled();
    await settled();
    expect(made.remote.payloads).toContain('good');
    expect(queued(made)).toBe(10);
  });

  test('MQTT-4.4.0-2: what is offered again is a new PUBLISH, before what was first sent after it', async () => {
    const made = await bridged({ bridge: { inflightMax: 2 }, remote: { acknowledges: false } });
    for (const payload of ['1', '2', '3']) made.local.publish('readings/a', payload);
    await settled();
    made.remote.refuse('1', 0x97);
    await settled();
    expect(made.remote.payloads).toEqual(['1', '2', '3']);
    await made.clock.advanceSeconds(5);
    expect(made.remote.payloads.length).toBe(3); // the window is full
    made.local.publish('readings/a', '4');
    made.remote.take('2');
    await settled();
    expect(made.remote.publishes.slice(3)).toEqual([expect.objectContaining({ payload: '1', isDuplicate: false })]);
  });

  test('they go with the next connection, in their order', async () => {
    const made = await bridged({ bridge: { inflightMax: 2 }, remote: { acknowledges: false } });
    for (const payload of ['1', '2', '3']) made.local.publish('readings/a', payload);
    await settled();
    made.remote.refuse('1', 0x97);
    await settled();
    made.remote.acknowledges = true;
    made.remote.hangUp();
    await made.clock.advanceMs(1_000);
    expect(made.remote.payloads.slice(3)).toEqual(['1', '2', '3']);
    await made.clock.advanceSeconds(60);
    expect(made.remote.payloads.slice(3)).toEqual(['1', '2', '3']);
  });

  test('behind WITHHELD_MAX of them further ones take room in the window', async () => {
    const made = await pickyRemote(0x97);
    for (let index = 0; index < WITHHELD_MAX + 10; index += 1) made.local.publish('readings/full', 'poison');
    for (let turn = 0; turn < 2_000; turn += 1) await settled();
    expect(made.remote.publishes.length).toBe(WITHHELD_MAX + 4);
  });
});

describe('messages the remote never answers', () => {
  test.each([[1], [4]])(
    'in a window of %i that is full of them: what is behind goes first on the third connection, and in the end they are dead letters',
    async (inflightMax) => {
      const made = await pickyRemote('nothing', { inflightMax });
      for (let index = 0; index < inflightMax; index += 1) made.local.publish('readings/odd', `poison ${index}`);
      made.local.publish('readings/odd', 'good, of the same topic');
      for (const payload of ['good 1', 'good 2']) made.local.publish('readings/a', payload);
      await made.clock.advanceSeconds(130);
      await settled();
      expect(made.remote.payloads.filter((payload) => payload.startsWith('good'))).toEqual(['good 1', 'good 2']);
      await made.clock.advanceSeconds(70);
      await settled();
      expect(reasons(made)).toEqual(Array(inflightMax).fill('never answered by the remote, which answers others'));
      await made.clock.advanceSeconds(10);
      expect(made.remote.payloads.at(-1)).toBe('good, of the same topic');
      expect(queued(made)).toBe(inflightMax); // as dead letters
    },
  );

  test('a remote that answered nothing for minutes and answers again gets every topic in its order', async () => {
    const made = await bridged({ bridge: { inflightMax: 4 }, remote: { acknowledges: false, connack: { isSessionPresent: true, reasonCode: 0 } } });
    for (let index = 0; index < 20; index += 1) made.local.publish(`readings/${index % 3}`, String(index));
    await made.clock.advanceSeconds(122);
    const before = made.remote.publishes.length;
    made.remote.acknowledges = true;
    await made.clock.advanceSeconds(20);
    const arrived = made.remote.publishes.slice(before).map(({ payload }) => Number(payload));
    for (const topic of [0, 1, 2]) {
      const first = made.remote.publishes.filter(({ payload }) => Number(payload) % 3 === topic).map(({ payload }) => Number(payload));
      const known = [...new Set(first)];
      expect(known).toEqual(known.toSorted((a, b) => a - b));
    }
    expect(arrived.length).toBeGreaterThan(0);
    expect(queued(made)).toBe(0);
  });

  test('when everything is of the topics that wait, nothing is lost or left', async () => {
    const made = await bridged({ bridge: { inflightMax: 2 }, remote: { acknowledges: false, connack: { isSessionPresent: true, reasonCode: 0 } } });
    for (let index = 0; index < 10; index += 1) made.local.publish('readings/a', String(index));
    await made.clock.advanceSeconds(130);
    made.remote.acknowledges = true;
    await made.clock.advanceSeconds(70);
    await settled();
    expect(queued(made)).toBe(0);
    const known = [...new Set(made.remote.payloads)];
    expect(known).toEqual(known.toSorted((a, b) => Number(a) - Number(b)));
  });
});

test('a message the remote has said PUBREC to becomes no dead letter, however long PUBCOMP takes', async () => {
  const made = await bridged({ remote: { acknowledges: false, connack: { isSessionPresent: true, reasonCode: 0 } } });
  made.local.publish('readings/a', 'x', { qos: 2, packetId: 1 });
  await settled();
  const packetId = made.remote.publishes[0]?.packetId ?? 0;
  made.remote.ack('pubrec', packetId);
  for (let round = 0; round < 5; round += 1) {
    made.local.publish('readings/b', `good ${round}`, { qos: 1 });
    await settled();
    made.remote.take(`good ${round}`);
    await made.clock.advanceSeconds(64);
  }
  expect(made.remote.acks.filter(([type, id]) => type === 'pubrel' && id === packetId).length).toBeGreaterThan(2);
  expect(reasons(made)).toEqual([]);
  expect(made.core.metric('bridge:centre.dead-letters')).toBe(0);
  made.remote.ack('pubcomp', packetId);
  await settled();
  expect(queued(made)).toBe(0);
});

describe('a message that has no name at the other side', () => {
  const unnamed = { ...OUT, rename: '{#}' };

  test('is a dead letter', async () => {
    const made = await bridged({ bridge: { topics: [unnamed] } });
    made.local.publish('readings/$a', 'x');
    await settled();
    expect(reasons(made)).toEqual(['has no name at the remote']);
  });

  test('at QoS 0 is dropped and counted', async () => {
    const made = await bridged({ bridge: { topics: [unnamed] } });
    made.local.publish('readings/$a', 'x', { qos: 0 });
    await settled();
    expect(made.core.metric('bridge:centre.dropped.unmapped')).toBe(1);
  });
});
