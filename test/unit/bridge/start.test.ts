// When a bridge is connected, by its configuration and by hand.
import { describe, expect, test } from 'vitest';
import { topicName } from '../../../src/model/topic.ts';
import { type Bridged, bridged } from '../../support/bridged.ts';
import { settled } from '../../support/fake-clock.ts';
import { ScriptedRemote } from '../../support/scripted-remote.ts';

const LAZY = { bridge: { start: { kind: 'lazy', idleMs: 60_000, lazyThreshold: 3 } } } as const;
const ONCE = { bridge: { start: { kind: 'once', idleMs: 60_000, lazyThreshold: 3 } } } as const;

function publish({ local }: Bridged, ...payloads: string[]): void {
  for (const payload of payloads) local.publish('readings/a', payload, { qos: 1 });
}

const stateOf = ({ bridge }: Bridged): string => bridge.status().state;

describe('start: lazy', () => {
  test('connects when lazyThreshold messages wait, and not before', async () => {
    const made = await bridged(LAZY);
    publish(made, '1', '2');
    await made.clock.advanceSeconds(3_600);
    expect([stateOf(made), made.remote.dialCount]).toEqual(['idle', 0]);
    publish(made, '3');
    await made.clock.advanceSeconds(1);
    await settled();
    expect([stateOf(made), made.remote.payloads]).toEqual(['connected', ['1', '2', '3']]);
  });

  test('disconnects after idleSeconds without a message, says goodbye, and loses nothing that comes then', async () => {
    const made = await bridged(LAZY);
    publish(made, '1', '2', '3');
    await made.clock.advanceSeconds(31);
    publish(made, '4'); // one that comes while connected goes at once
    await made.clock.advanceSeconds(50);
    expect([stateOf(made), made.remote.payloads.at(-1)]).toEqual(['connected', '4']);
    await made.clock.advanceSeconds(12);
    expect([stateOf(made), made.remote.packets.at(-1)?.type]).toEqual(['idle', 'disconnect']);
    publish(made, '5', '6', '7');
    await made.clock.advanceSeconds(1);
    await settled();
    expect(made.remote.payloads).toEqual(['1', '2', '3', '4', '5', '6', '7']);
  });

  test('stays connected while something waits for the remote', async () => {
    const made = await bridged({ ...LAZY, bridge: { ...LAZY.bridge, answerTimeoutMs: Number.POSITIVE_INFINITY }, remote: { acknowledges: false } });
    publish(made, '1', '2', '3');
    await made.clock.advanceSeconds(300);
    expect(stateOf(made)).toBe('connected');
    for (const payload of ['1', '2', '3']) made.remote.take(payload);
    await made.clock.advanceSeconds(61);
    expect(stateOf(made)).toBe('idle');
  });

  test('a line that breaks comes back while something waits, also less than lazyThreshold', async () => {
    const made = await bridged({ ...LAZY, remote: { acknowledges: false } });
    publish(made, '1', '2', '3');
    await made.clock.advanceSeconds(1);
    await settled();
    for (const payload of ['1', '2']) made.remote.take(payload);
    await settled();
    made.remote.hangUp();
    await made.clock.advanceSeconds(1);
    expect([stateOf(made), made.remote.dialCount]).toEqual(['connected', 2]);
  });

  test('one that breaks with nothing left stays away', async () => {
    const made = await bridged(LAZY);
    publish(made, '1', '2', '3');
    await made.clock.advanceSeconds(1);
    made.remote.hangUp();
    await made.clock.advanceSeconds(600);
    expect([stateOf(made), made.remote.dialCount]).toEqual(['idle', 1]);
  });
});

describe('start: once', () => {
  test('a connection that is lost does not come back by itself', async () => {
    const made = await bridged(ONCE);
    made.remote.hangUp();
    await made.clock.advanceSeconds(3_600);
    expect([stateOf(made), made.remote.dialCount, made.bridge.status().lastFailure]).toEqual(['idle', 1, 'closed']);
    made.bridge.call();
    await settled();
    expect(stateOf(made)).toBe('connected');
  });

  test('each address is tried once', async () => {
    const second = new ScriptedRemote();
    const made = await bridged({ ...ONCE, further: [second], remote: { isReachable: false } });
    await made.clock.advanceSeconds(1);
    expect([made.remote.dialCount, second.connects.length, stateOf(made)]).toEqual([1, 1, 'connected']);
  });
});

describe('by hand', () => {
  test('a bridge that is stopped says goodbye, collects, and goes on when it is started', async () => {
    const made = await bridged({ uplink: { statusTopic: topicName('state/gw') } });
    made.bridge.rest();
    await settled();
    expect([stateOf(made), made.remote.packets.at(-1)?.type]).toEqual(['stopped', 'disconnect']);
    publish(made, 'waits');
    await made.clock.advanceSeconds(3_600);
    expect([made.remote.dialCount, made.core.store.status().queuedMessages]).toEqual([1, 1]);
    made.bridge.call();
    await settled();
    expect([stateOf(made), made.remote.payloads]).toEqual(['connected', ['1', '0', '1', 'waits']]); // the state topic, and the message
  });

  test('one that waits for its next attempt is stopped, or goes at once', async () => {
    const made = await bridged({ remote: { isReachable: false } });
    made.bridge.rest();
    await made.clock.advanceSeconds(60);
    expect([stateOf(made), made.remote.dialCount]).toEqual(['stopped', 1]);
    made.remote.isReachable = true;
    made.bridge.call();
    await settled();
    expect([stateOf(made), made.remote.dialCount]).toEqual(['connected', 2]);
  });

  test('one that waits for CONNACK is stopped; what the remote says then is not heard', async () => {
    const made = await bridged({ remote: { connack: undefined } });
    made.bridge.rest();
    made.remote.send({ type: 'connack', isSessionPresent: false, reasonCode: 0 });
    await made.clock.advanceSeconds(60);
    expect([stateOf(made), made.remote.dialCount]).toEqual(['stopped', 1]);
  });

  test('starting one that is connected changes nothing', async () => {
    const made = await bridged();
    made.bridge.call();
    await settled();
    expect([stateOf(made), made.remote.dialCount]).toEqual(['connected', 1]);
  });

  test('stopping one that is stopped changes nothing; the gateway stops all the same', async () => {
    const made = await bridged();
    made.bridge.rest();
    made.bridge.rest();
    await made.bridge.stop(new AbortController().signal);
    expect(made.clock.pendingTimers).toBe(0);
  });
});

describe('a test of its remotes', () => {
  test('goes over a connection of its own, which leaves nothing at the remote and does not touch the bridge', async () => {
    const made = await bridged({ uplink: { clientId: 'gw', cleanStart: false } });
    const line = made.remote.line;
    const reports = await made.bridge.test();
    expect(reports).toEqual([{ address: 'remote:1883', passed: ['mqtt'] }]);
    expect(made.remote.connects.at(-1)).toMatchObject({ clientId: 'gw-test', cleanStart: true, properties: { sessionExpirySeconds: 0 } });
    expect(made.remote.connects.at(-1)?.will).toBeUndefined();
    await settled();
    expect([made.remote.packets.at(-1)?.type, stateOf(made), line]).toMatchObject(['disconnect', 'connected', { isOpen: true }]);
  });

  test.each([
    [{ failsAt: { stage: 'secure', reason: 'its certificate has expired' } }, { failure: 'tls-failed', reason: 'its certificate has expired' }],
    [{ failsAt: { stage: 'resolve', reason: 'its name is not known' } }, { failure: 'unresolved', reason: 'its name is not known' }],
    [
      { connack: { isSessionPresent: false, reasonCode: 0x87 } },
      { failure: 'refused', reason: 'it refuses the client id gw-test of this test with 0x87 (not authorized)' },
    ],
  ] as const)('%j: %j', async (remote, report) => {
    const made = await bridged();
    Object.assign(made.remote, remote);
    expect(await made.bridge.test()).toEqual([{ address: 'remote:1883', passed: [], ...report }]);
    expect([stateOf(made), made.bridge.status().lastFailure]).toEqual(['connected', undefined]);
  });

  test('a remote that says nothing has an end; every address is tried', async () => {
    const second = new ScriptedRemote();
    const made = await bridged({ further: [second] });
    made.remote.connack = undefined;
    const reports = made.bridge.test();
    await made.clock.advanceSeconds(8);
    expect(await reports).toEqual([
      { address: 'remote:1883', passed: [], failure: 'unanswered', reason: 'no answer within 8 s' },
      { address: 'further-0:1883', passed: ['mqtt'] },
    ]);
  });

  test('what a remote sends behind its CONNACK is nobody’s', async () => {
    const made = await bridged();
    made.local.subscribe('cmd/#', { qos: 0 });
    made.remote.connack = undefined;
    const reports = made.bridge.test();
    await settled();
    made.remote.sendBytes(Buffer.concat([Buffer.from('2003000000', 'hex'), Buffer.from('300e000b', 'hex'), Buffer.from('site1/cmd/a'), Buffer.from([0])]));
    await reports;
    await settled();
    expect(made.local.delivered).toEqual([]);
  });
});
