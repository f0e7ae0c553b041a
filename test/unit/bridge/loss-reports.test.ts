import { describe, expect, test } from 'vitest';
import { StreamProof } from '../../../src/cli/stream-proof.ts';
import { streamRecord } from '../../../src/cli/stream-record.ts';
import { LOSS_REPORT_SECONDS, LOSSES_TOLD_APART_MAX } from '../../../src/model/limits.ts';
import type { TopicPolicy } from '../../../src/model/queue-policy.ts';
import { topicFilter, topicName } from '../../../src/model/topic.ts';
import { type Bridged, bridged, TRANSIENT } from '../../support/bridged.ts';
import { startCore } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { ScriptedRemote } from '../../support/scripted-remote.ts';
import { requestOf, TestClient } from '../../support/test-client.ts';

const LOSSES = topicName('site1/losses');
const ONE_ONLY: TopicPolicy = { filters: [topicFilter('readings/#')], whenFull: 'drop-oldest', keepLatest: false, messagesMax: 1 };

/** A gateway whose bridge has lost two of three messages while its remote was away. */
async function withLosses(over: Parameters<typeof bridged>[0] = {}): Promise<Bridged> {
  const made = await bridged({ ...over, bridge: { policies: [ONE_ONLY], lossReportTopic: LOSSES, ...over.bridge }, remote: { isReachable: false } });
  for (const payload of ['1', '2', '3']) made.local.publish('readings/a', payload);
  await settled();
  return made;
}

async function reachable({ remote, clock }: Bridged): Promise<void> {
  remote.isReachable = true;
  await clock.advanceSeconds(2);
  await clock.advanceSeconds(1);
}

const reported = ({ remote }: Bridged): unknown[] => remote.publishes.filter(({ topic }) => topic === LOSSES).map(({ payload }) => JSON.parse(payload));

describe('what a bridge lost while its remote was away', () => {
  test('the remote is told when it is back, with QoS 1, under the topic of the configuration', async () => {
    const made = await withLosses();
    const nowMs = made.clock.nowMs();
    await reachable(made);
    expect(made.remote.publishes.map(({ topic, qos, isRetain }) => [topic, qos, isRetain])).toEqual([
      ['site1/readings/a', 1, false],
      [LOSSES, 1, false],
    ]);
    const [report] = reported(made);
    expect(report).toEqual({
      bridge: 'centre',
      report: 1,
      device: 'mqtt/local',
      bridgeFirst: expect.any(Number),
      bridgeLast: expect.any(Number),
      count: 2,
      cause: 'quota-messages',
      since: nowMs,
      until: nowMs,
    });
  });

  test.each([
    ['told apart', 0],
    ['too many to be told apart', LOSSES_TOLD_APART_MAX],
  ])('where messages have numbers, what arrived and what is told prove together that nothing is missing (%s)', async (_, others) => {
    const provenance = { form: 'envelope', stream: 'edge', reportTopic: LOSSES } as const;
    const made = await withLosses({ bridge: { provenance } });
    for (let number = 0; number < others; number += 1) {
      const other = new TestClient(made.core.context('mqtt'));
      await other.connect(requestOf(`d${number}`, TRANSIENT));
      other.publish('readings/b', String(number));
    }
    for (const payload of ['4', '5']) made.local.publish('readings/a', payload);
    await settled();
    for (let round = 0; round < 12; round += 1) {
      await reachable(made);
      await made.clock.advanceSeconds(LOSS_REPORT_SECONDS);
    }
    const proof = new StreamProof();
    const records = made.remote.publishes.map(({ topic, payload }) => streamRecord(JSON.stringify({ topic, payload })));
    for (const record of records) if (record !== undefined) proof.add(record);
    expect(proof.verdicts('bridge', true)).toMatchObject([{ bridge: 'edge', messages: 1, explained: { 'quota-messages': 4 + others }, problems: [] }]);
  });

  test('nothing of it is left once the remote has acknowledged it', async () => {
    const made = await withLosses();
    await reachable(made);
    expect(made.core.broker.queues('bridge:centre').queues).toMatchObject([{ messages: 0, lost: { 'quota-messages': 2 } }]);
  });

  test('what is lost later is told with the next round', async () => {
    const made = await withLosses();
    await reachable(made);
    made.remote.acknowledges = false;
    for (const payload of ['4', '5', '6', '7']) made.local.publish('readings/a', payload, { qos: 0 });
    made.bridge.onFull();
    for (const payload of ['8', '9']) made.local.publish('readings/a', payload);
    made.bridge.onDrain();
    await settled();
    expect(reported(made)).toHaveLength(1);
    await made.clock.advanceSeconds(LOSS_REPORT_SECONDS);
    expect(reported(made)).toMatchObject([{ report: 1 }, { report: 2, count: 1 }]);
  });

  test('a report that was not acknowledged comes again as it was', async () => {
    const made = await withLosses();
    made.remote.acknowledges = false;
    await reachable(made);
    made.remote.hangUp();
    made.local.publish('readings/a', '4');
    await made.clock.advanceSeconds(5);
    const [first, second] = reported(made);
    expect(second).toEqual(first);
  });

  test('without a topic for it there is no report', async () => {
    const made = await withLosses({ bridge: { lossReportTopic: undefined } });
    await reachable(made);
    await made.clock.advanceSeconds(3 * LOSS_REPORT_SECONDS);
    expect(made.remote.publishes.map(({ topic }) => topic)).toEqual(['site1/readings/a']);
  });

  test('one that waits when the topic is taken out of the configuration goes nowhere', async () => {
    const clock = new FakeClock();
    const made = await withLosses({ clock });
    made.remote.acknowledges = false;
    await reachable(made);
    await made.bridge.stop(new AbortController().signal);
    const next = await bridged({ core: made.core, clock, bridge: { policies: [ONE_ONLY] } });
    await next.clock.advanceSeconds(2);
    expect(next.remote).toBeInstanceOf(ScriptedRemote);
    expect(next.remote.publishes.map(({ topic }) => topic)).toEqual(['site1/readings/a']);
    expect(next.core.broker.queues('bridge:centre').queues).toMatchObject([{ messages: 0 }]);
  });
});

test('a queue without a share of the disk takes messages after a restart, before its bridge is back', async () => {
  const { core, clock } = await withLosses();
  const next = startCore({ clock, store: core.store.reopened({ wasClean: false }) });
  const other = new TestClient(next.context('mqtt'));
  await other.connect(requestOf('other', TRANSIENT));
  other.publish('readings/a', '4', { token: 4 });
  await settled();
  expect(other.outcomes).toEqual([[4, 'accepted']]);
  expect(next.broker.queues('bridge:centre').queues).toMatchObject([{ messages: 1, lost: { 'quota-messages': 3 } }]);
});
