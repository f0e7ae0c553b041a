import { beforeAll, describe, expect, test } from 'vitest';
import { Bans } from '../../../src/access/bans.ts';
import { topicFilter, topicName } from '../../../src/model/topic.ts';
import { KeepAlive } from '../../../src/transport/keep-alive.ts';
import { MemorySpace } from '../../support/access.ts';
import { startCore } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { policyOf, requestOf, TestClient } from '../../support/test-client.ts';

const TWENTY_YEARS_MS = 20 * 365.25 * 86_400_000;
const MOMENTS = 24;

interface Step {
  /** Seconds into the day, before whatever happens then. */
  readonly second: number;
  readonly byMs: number;
}

/** Half a minute with everything that has a deadline, and what became of it, by second. */
async function halfMinute(step?: Step): Promise<string[]> {
  const clock = new FakeClock();
  const settings = { queue: { ...policyOf({ messagesMax: 100, keepLatest: [topicFilter('latest')] }), rules: [] } };
  const core = startCore({ clock, settings });
  const publisher = new TestClient(core.context('mqtt'));
  const watcher = new TestClient(core.context('mqtt'));
  await publisher.connect(requestOf('publisher', { isReliableLink: false }));
  await watcher.connect(requestOf('watcher'));
  watcher.subscribe('#');
  const reader = new TestClient(core.context('mqtt'));
  await reader.connect(requestOf('reader', { sessionExpirySeconds: 20 }));
  reader.subscribe('reading');
  reader.subscribe('latest');
  const mortal = new TestClient(core.context('mqtt'));
  const draft = { topic: core.context('mqtt').topics.intern(topicName('will')), payload: Buffer.from('gone'), qos: 0, isRetain: false } as const;
  await mortal.connect(requestOf('mortal', { sessionExpirySeconds: 60, will: { draft, delaySeconds: 9 } }));
  const bans = new Bans(new MemorySpace(), clock);
  const trace: string[] = [];
  const keepAlive = new KeepAlive(clock, 10, { held: { isHeld: false }, watched: { onSilence: () => trace.push('keep-alive over') } });
  const deeds: Readonly<Record<number, () => unknown>> = {
    1: () => reader.session.disconnect({ publishWill: false }),
    2: () => publisher.publish('reading', 'short', { expirySeconds: 5 }),
    3: () => publisher.publish('reading', 'long', { expirySeconds: 60 }),
    4: () => publisher.publish('latest', '1'),
    5: () => publisher.publish('$delayed/8/late', 'late'),
    6: () => publisher.publish('latest', '2'),
    7: () => mortal.session.disconnect({ publishWill: true }),
    8: () => publisher.publish('twice', 'x', { qos: 2, packetId: 7 }),
    9: () => publisher.session.release(7),
    10: () => bans.add({ kind: 'client', value: 'rogue', seconds: 6, reason: 'test' }),
    11: () => publisher.publish('kept', 'x', { isRetain: true, expirySeconds: 7 }),
    12: () => keepAlive.heard(),
    15: () => publisher.publish('twice', 'x', { qos: 2, packetId: 7 }), // late, within the quarantine
    18: async () => {
      await reader.connect(requestOf('reader', { sessionExpirySeconds: 3 }));
      for (const { packetId } of reader.delivered) reader.session.settle(packetId);
    },
    19: () => reader.session.disconnect({ publishWill: false }),
    20: () => publisher.publish('twice', 'x', { qos: 2, packetId: 7 }), // behind it: a new message
  };
  for (let second = 0; second < 30; second += 1) {
    if (second === step?.second) clock.stepWallClock(step.byMs);
    await deeds[second]?.();
    await settled();
    await clock.advanceSeconds(1);
    trace.push(
      [
        second,
        `watcher ${watcher.delivered.map(({ topic, payload }) => `${topic}=${payload}`).join(' ')}`,
        `reader ${reader.delivered.map(({ payload, expirySeconds }) => `${payload}/${expirySeconds}`).join(' ')}`,
        `completed ${publisher.completions.length}`,
        `sessions ${core.broker.sessionCount}`,
        `banned ${bans.list().map(({ seconds }) => seconds)}`,
        `retained ${core.store.retained.size}`,
      ].join(', '),
    );
  }
  return trace;
}

describe('a step of the wall clock changes stamps, never a deadline, an order or which message is the newest', () => {
  let unstepped: string[];

  beforeAll(async () => {
    unstepped = await halfMinute();
  });

  test('what happens when nothing steps', () => {
    const last = unstepped.at(-1);
    expect(last).toContain('watcher reading=short reading=long latest=1 latest=2 twice=x kept=x late=late will=gone twice=x');
    expect(last).toContain('reader long/45 2/undefined,');
    expect(last).toContain('sessions 3, banned ,');
    expect(unstepped).toContain('keep-alive over');
  });

  test.each(
    Array.from({ length: MOMENTS }, (_, second) => [
      { second, byMs: TWENTY_YEARS_MS },
      { second, byMs: -TWENTY_YEARS_MS },
    ]).flat(),
  )('in second $second by $byMs ms', async (step) => {
    expect(await halfMinute(step)).toEqual(unstepped);
  });
});
