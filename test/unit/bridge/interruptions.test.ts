import { describe, expect, test, vi } from 'vitest';
import { SUBSCRIPTIONS_PER_SESSION_MAX, TOPIC_LEVELS_MAX } from '../../../src/model/limits.ts';
import { type Bridged, bridged, OUT } from '../../support/bridged.ts';
import { startCore } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { requestOf, TestClient } from '../../support/test-client.ts';

const queued = ({ core }: Bridged): number => core.store.status().queuedMessages;

/** A bridge over a disk that answers only when the test says `commit()`. */
async function slowDisk(over: Parameters<typeof bridged>[0] = {}): Promise<Bridged> {
  const clock = new FakeClock();
  const store = new MemoryStore({ clock, autoCommit: false });
  const core = startCore({ clock, store });
  const making = bridged({ clock, core, ...over });
  for (let turn = 0; turn < 8; turn += 1) {
    await settled();
    store.commit();
  }
  return making;
}

describe('nothing leaves the queue without the answer of the remote', () => {
  test('a QoS 2 message whose packet id reaches the disk after the line broke', async () => {
    const made = await slowDisk();
    made.local.publish('readings/a', 'x', { qos: 2, packetId: 1 });
    made.remote.hangUp();
    await settled();
    made.core.store.commit();
    expect(queued(made)).toBe(1);
    await made.clock.advanceMs(1_000);
    made.core.store.commit();
    await settled();
    expect(made.remote.publishes.map(({ payload }) => payload)).toEqual(['x']);
  });

  test.each([[0], [1], [2]] as const)('a QoS %i message that comes while the bridge says goodbye', async (qos) => {
    const made = await bridged({ remote: { acknowledges: false } });
    const stopping = made.bridge.stop(new AbortController().signal);
    made.local.publish('readings/a', 'x', { qos, packetId: 1 });
    await stopping;
    await settled();
    expect(queued(made)).toBe(1);
  });

  test('stop ends at once when its time is over already', async () => {
    const { bridge } = await bridged();
    await bridge.stop(AbortSignal.abort());
  });
});

describe('what the remote still says while the bridge says goodbye', () => {
  /** Stops, with a link that closes late. */
  async function goodbye({ bridge, remote, clock }: Bridged, meanwhile: () => void): Promise<void> {
    if (remote.line !== undefined) vi.spyOn(remote.line, 'close').mockImplementation(() => {});
    const timeout = new AbortController();
    const stopping = bridge.stop(timeout.signal);
    meanwhile();
    await settled();
    timeout.abort();
    await stopping;
    await clock.advanceSeconds(60);
    await settled();
  }

  test.each(['connack', 'suback'] as const)('%s: it does not come to life again', async (type) => {
    const made = await bridged({ remote: type === 'connack' ? { connack: undefined } : { grantsSubscriptions: false } });
    const before = made.remote.packets.length;
    await goodbye(made, () => {
      if (type === 'connack') made.remote.send({ type, isSessionPresent: false, reasonCode: 0 });
      else made.remote.send({ type, packetId: 1, reasonCodes: [2] });
    });
    expect(made.remote.packets.slice(before).map((packet) => packet.type)).toEqual(type === 'connack' ? [] : ['disconnect']);
    expect(made.remote.dialCount).toBe(1);
    expect(made.bridge.status().isConnected).toBe(false);
  });

  test('a refusal: nothing is offered later', async () => {
    const made = await bridged({ remote: { acknowledges: false } });
    made.local.publish('readings/a', 'x');
    await settled();
    const timers = vi.spyOn(made.clock, 'after');
    await goodbye(made, () => made.remote.refuse('x', 0x97));
    expect(timers).not.toHaveBeenCalled();
  });
});

describe('MQTT-3.2.2-5 a remote that lost our session', () => {
  const resumed = { isSessionPresent: true, reasonCode: 0 };

  test('an id it opened before means a new message', async () => {
    const { clock, remote, local } = await bridged({ remote: { connack: resumed, acknowledges: false } });
    local.subscribe('cmd/#', { qos: 0 });
    remote.publish('site1/cmd/valve', 'open', 2, 7);
    await settled();
    remote.connack = { isSessionPresent: false, reasonCode: 0 };
    remote.hangUp();
    await clock.advanceMs(1_000);
    remote.publish('site1/cmd/valve', 'close', 2, 7);
    await settled();
    expect(local.payloads).toEqual(['open', 'close']);
  });

  test('a message it received and did not complete is published again', async () => {
    const made = await bridged({ remote: { connack: resumed, acknowledges: false } });
    made.local.publish('readings/a', 'x', { qos: 2, packetId: 1 });
    await settled();
    made.remote.ack('pubrec', made.remote.publishes[0]?.packetId ?? 0);
    await settled();
    made.remote.connack = { isSessionPresent: false, reasonCode: 0 };
    made.remote.acknowledges = true;
    made.remote.hangUp();
    await made.clock.advanceMs(1_000);
    await settled();
    expect(made.remote.publishes.map(({ payload }) => payload)).toEqual(['x', 'x']);
    expect(queued(made)).toBe(0);
  });

  test('an answer that waited for the disk is not given to the next connection', async () => {
    const { clock, core, remote } = await slowDisk();
    const client = new TestClient(core.context('mqtt'));
    const connecting = client.connect(requestOf('stored'));
    await settled();
    core.store.commit();
    await connecting;
    client.subscribe('cmd/#', { qos: 2 });
    remote.publish('site1/cmd/a', '1', 1, 7);
    remote.publish('site1/cmd/a', '2', 2, 8);
    await settled();
    remote.ack('pubrel', 9);
    await settled();
    remote.hangUp();
    await clock.advanceMs(1_000);
    expect(remote.connects.length).toBe(2);
    core.store.commit();
    await settled();
    expect(remote.acks).toEqual([]);
  });
});

describe('messages of the remote', () => {
  test('that come between CONNACK and SUBACK are acknowledged', async () => {
    const { remote } = await bridged({ remote: { grantsSubscriptions: false, connack: { isSessionPresent: true, reasonCode: 0 } } });
    remote.publish('site1/cmd/valve', 'open', 1, 7);
    await settled();
    expect(remote.acks).toContainEqual(['puback', 7, 0]);
  });

  test('whose topic has no place here are acknowledged and counted, and do not break the line', async () => {
    const { core, remote } = await bridged();
    remote.publish('site1/cmd/valve', 'x', 1, 7);
    const deep = `site1/cmd/${Array(TOPIC_LEVELS_MAX).fill('x').join('/')}`;
    remote.publishAnywhere(deep, 'x', 1, 8);
    await settled();
    expect(remote.acks).toContainEqual(['puback', 8, 0]);
    expect(core.metric('bridge:centre.dropped.unmapped')).toBe(1);
    expect(remote.dialCount).toBe(1);
  });

  test('are taken although the queue towards it is full', async () => {
    const both = { filter: 'shared/#', direction: 'both', qos: 1, localPrefix: '', remotePrefix: '' } as const;
    const { remote, local } = await bridged({
      bridge: { topics: [both], queueLimits: { messagesMax: 2, bytesMax: 1_000_000 } },
      remote: { acknowledges: false },
    });
    for (const payload of ['1', '2']) local.publish('shared/a', payload);
    remote.publish('shared/b', 'x', 1, 7);
    await settled();
    expect(remote.acks).toContainEqual(['puback', 7, 0]);
    expect(remote.dialCount).toBe(1);
  });
});

describe('one message that several rules match', () => {
  test('goes once, by the first of them, at the highest QoS', async () => {
    const { remote, local } = await bridged({ bridge: { topics: [OUT, { ...OUT, filter: '#', remotePrefix: 'all/', qos: 0 }] } });
    local.publish('readings/a', 'x');
    local.publish('other', 'y');
    await settled();
    expect(remote.publishes.map(({ topic, qos }) => [topic, qos])).toEqual([
      ['site1/readings/a', 1],
      ['all/other', 0],
    ]);
  });
});

describe('the line', () => {
  test('MQTT-3.1.2-20: a remote that only sends is pinged as well', async () => {
    const { clock, remote } = await bridged();
    for (let round = 0; round < 10; round += 1) {
      remote.publish('site1/cmd/valve', 'open', 0);
      await clock.advanceSeconds(10);
    }
    expect(remote.packets.filter(({ type }) => type === 'pingreq').length).toBeGreaterThanOrEqual(2);
    expect(remote.dialCount).toBe(1);
  });

  test('a remote that closes soon after each success is dialled less and less often', async () => {
    const { clock, remote } = await bridged();
    for (const waitMs of [1_000, 2_000, 4_000, 8_000]) {
      const dials = remote.dialCount;
      remote.hangUp();
      await clock.advanceMs(waitMs - 1);
      expect(remote.dialCount).toBe(dials);
      await clock.advanceMs(1);
      expect(remote.dialCount).toBe(dials + 1);
    }
    await clock.advanceMs(30_000);
    remote.hangUp();
    await clock.advanceMs(1_000);
    expect(remote.connects.length).toBe(6);
  });

  test('a reason to break it that comes late does not touch the next attempt', async () => {
    const { bridge, clock, remote } = await bridged();
    const dial = vi.spyOn(remote, 'dial').mockReturnValue(new Promise(() => {}));
    remote.hangUp();
    await clock.advanceSeconds(1);
    await settled();
    bridge.published(65_536 + 7, 'quota-exceeded');
    await clock.advanceSeconds(60);
    expect(dial).toHaveBeenCalledTimes(1);
  });

  test('the late end of an old connection does not touch the new one', async () => {
    const { clock, remote } = await bridged();
    const old = remote.line;
    remote.hangUp();
    await clock.advanceMs(1_000);
    expect(remote.connects.length).toBe(2);
    old?.handlers.onClose();
    old?.handlers.onFull();
    await clock.advanceMs(5_000);
    expect(remote.dialCount).toBe(2);
  });
});

describe('a bridge whose rules the gateway cannot keep', () => {
  test('does not start: what it would not carry would be lost', async () => {
    const topics = Array.from({ length: SUBSCRIPTIONS_PER_SESSION_MAX + 1 }, (_, index) => ({ ...OUT, filter: `readings/${index}` }));
    await expect(bridged({ bridge: { topics } })).rejects.toThrow(`readings/${SUBSCRIPTIONS_PER_SESSION_MAX}`);
  });
});
