// The broker on the store it ships with, looked at between commits: at each the gateway may be killed, and what must hold together is in one group of the
// log, whatever the turn has brought. Groups are as small as they come here, so that every message begins a new one where it may.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Broker, DEFAULT_BROKER_SETTINGS } from '../../../src/broker/broker.ts';
import type { Delivery, GatewayContext } from '../../../src/gateway/gateway.ts';
import { gatewayClock } from '../../../src/model/clock.ts';
import { silentLog } from '../../../src/model/log.ts';
import { MetricsTable } from '../../../src/model/metrics.ts';
import { topicFilter, topicName } from '../../../src/model/topic.ts';
import type { SessionStore, StoredSession } from '../../../src/session/session-store.ts';
import type { Committer } from '../../../src/store/sqlite/committer.ts';
import { OpenAccess, turnsOf } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { HeldCommitter } from '../../support/held-committer.ts';
import { SqliteBench } from '../../support/store-bench.ts';
import { requestOf, TestClient } from '../../support/test-client.ts';

/** Refuses each delivery of QoS 1 on the spot, as a link does that is told of a message larger than its client takes. */
class Narrow extends TestClient {
  override deliver(delivery: Delivery): void {
    super.deliver(delivery);
    if (delivery.qos === 1) this.session.refused(delivery.packetId);
  }
}

let bench: SqliteBench;
let clock: FakeClock;
let context: GatewayContext;
let committer: HeldCommitter;
/** Sees what a kill after each commit would have left. */
let look: ((killed: SessionStore) => void) | undefined;
let looks: SqliteBench[];

function opened(): SessionStore {
  const observed = (inline: Committer): Committer => ({
    commit: (unit, done) => {
      inline.commit(unit, done);
      if (look === undefined) return;
      const other = new SqliteBench();
      looks.push(other);
      look(bench.copied(other));
    },
    close: () => inline.close(),
  });
  return bench.open({
    clock,
    limits: { groupBytesMax: 1 },
    committer: (inline) => {
      committer = new HeldCommitter(observed(inline));
      return committer;
    },
  });
}

/** The gateway on a fresh directory, or in what a kill left. */
function start(killed?: SessionStore): void {
  clock = new FakeClock();
  const store = killed ?? opened();
  const parts = { store, access: new OpenAccess(), log: silentLog, metrics: new MetricsTable(), turns: turnsOf(clock), settings: DEFAULT_BROKER_SETTINGS };
  const broker = new Broker({ ...parts, clock: gatewayClock(clock, store.boot.gatewayTimeOffsetMs) });
  broker.restore();
  context = broker.contextFor('mqtt', silentLog);
}

const sessionOf = (store: SessionStore, id: string): StoredSession | undefined => [...store.sessions.values()].find(({ clientId }) => clientId === id);

/** Entries on the way to the member, in its own queue or that of its group. */
const waiting = (store: SessionStore): number => (sessionOf(store, 'member')?.queue.count ?? 0) + (sessionOf(store, '$share/g/t')?.queue.count ?? 0);

beforeEach(() => {
  bench = new SqliteBench();
  look = undefined;
  looks = [];
  start();
});

afterEach(async () => {
  for (const each of [bench, ...looks]) await each.end();
});

/** A member of a group at QoS 2 that has the same topic for itself at QoS 1, and refuses it. */
async function narrowMember(): Promise<Narrow> {
  const member = new Narrow(context);
  await member.connect(requestOf('member'));
  member.subscribe('t', { qos: 1 });
  member.subscribe('$share/g/t', { qos: 2 });
  await settled();
  return member;
}

/** Both have happened, or neither has: as seen by a kill after each commit. */
function whole(happened: (killed: SessionStore) => readonly boolean[]): () => void {
  const seen: (readonly boolean[])[] = [];
  look = (killed) => void seen.push(happened(killed));
  return () => {
    look = undefined;
    expect(seen.at(-1)).not.toContain(false);
    expect(seen.filter((each) => new Set(each).size > 1)).toEqual([]);
  };
}

describe('STORE 2: a QoS 2 receiver id is in the commit of its message', () => {
  test('also when a copy of it goes from a shared group to a member in between', async () => {
    const member = await narrowMember();
    const publisher = new TestClient(context);
    await publisher.connect(requestOf('publisher'));
    await settled();
    const judge = whole((killed) => [waiting(killed) > 0, sessionOf(killed, 'publisher')?.receiving.size === 1]);
    publisher.publish('t', 'once', { qos: 2, packetId: 7 });
    await settled();
    judge();
    expect(member.payloads).toEqual(['once', 'once']);
  });
});

describe('MQTT 5 §3.1.2.5: a will that was published is no will any more', () => {
  test('also when a copy of it goes from a shared group to a member in between', async () => {
    await narrowMember();
    const sensor = new TestClient(context);
    const draft = { topic: context.topics.intern(topicName('t')), payload: Buffer.from('gone'), qos: 2, isRetain: false } as const;
    await sensor.connect(requestOf('sensor', { will: { draft, delaySeconds: 0 } }));
    await settled();
    const judge = whole((killed) => [waiting(killed) > 0, sessionOf(killed, 'sensor')?.facts.will === undefined]);
    sensor.session.disconnect({ publishWill: true });
    await settled();
    judge();
  });
});

describe('$delayed', () => {
  test('a message that is due is in one of the queues, once', async () => {
    const member = new TestClient(context);
    await member.connect(requestOf('member'));
    for (const filter of ['t', '$share/g/t']) member.subscribe(filter, { qos: 2 });
    member.publish('$delayed/5/t', 'later', { qos: 2, packetId: 7 });
    await settled();
    const judge = whole((killed) => [waiting(killed) > 0, sessionOf(killed, '$delayed')?.queue.count === 0]);
    await clock.advanceSeconds(5);
    judge();
  });
});

describe('MQTT-4.8.2-5: a QoS 2 message given to a clean member, which goes before it was sent', () => {
  const CLEAN = { cleanStart: true, sessionExpirySeconds: 0 };

  /** It waited for the member; the commit by which the group lets go of it is under way when the member goes. */
  async function given(): Promise<TestClient> {
    const away = new TestClient(context);
    await away.connect(requestOf('member'));
    away.subscribe('$share/g/t', { qos: 2 });
    away.session.disconnect({ publishWill: false });
    const publisher = new TestClient(context);
    await publisher.connect(requestOf('publisher'));
    publisher.publish('t', 'once', { qos: 2, packetId: 7 });
    await settled();
    expect(publisher.outcomes).toEqual([[1, 'accepted']]);
    const clean = new TestClient(context);
    await clean.connect(requestOf('clean', CLEAN));
    committer.isHeld = true;
    clean.subscribe('$share/g/t', { qos: 2 });
    await settled();
    clean.session.disconnect({ publishWill: false });
    return clean;
  }

  test('goes to another all the same', async () => {
    const clean = await given();
    committer.isHeld = false;
    committer.release();
    await settled();
    const back = new TestClient(context);
    await back.connect(requestOf('member'));
    await settled();
    expect([clean.payloads, back.payloads]).toEqual([[], ['once']]);
  });

  test('goes to nobody if the gateway is killed before that is written: no other member may get what was given to one', async () => {
    const clean = await given();
    committer.release();
    const killed = bench.crashed();
    expect([clean.payloads, waiting(killed)]).toEqual([[], 0]);
    committer.isHeld = false;
    committer.release();
  });
});

describe('MQTT-3.10.4-3: what the last member of a group had when it unsubscribed', () => {
  test('is its own after a kill, in order, and in one place at each moment', async () => {
    const numbers = Array.from({ length: 12 }, (_, index) => String(index));
    const member = new TestClient(context);
    await member.connect(requestOf('member'));
    member.subscribe('$share/g/t', { qos: 1 });
    for (const payload of numbers) member.publish('t', payload);
    await settled();
    const left: number[] = [];
    look = (killed) => void left.push(waiting(killed));
    member.session.unsubscribe(topicFilter('$share/g/t'));
    await settled();
    look = undefined;
    start(bench.crashed());
    const back = new TestClient(context);
    await back.connect(requestOf('member'));
    await settled();
    expect(back.payloads).toEqual(numbers);
    expect(new Set(left)).toEqual(new Set([12]));
  });

  test('is moved there piece by piece, as a group of the log can hold it, and is whole wherever the second kill comes', async () => {
    const numbers = Array.from({ length: 12 }, (_, index) => String(index));
    const member = new TestClient(context);
    await member.connect(requestOf('member'));
    member.subscribe('$share/g/t', { qos: 1 });
    for (const payload of numbers) member.publish('t', payload);
    member.session.unsubscribe(topicFilter('$share/g/t'));
    await settled();
    await bench.closeAsKilled(bench.crashed());
    const killedThere: SessionStore[] = [];
    look = (killed) => void killedThere.push(killed);
    start();
    await settled();
    look = undefined;
    expect(killedThere.length).toBeGreaterThan(numbers.length / 2);
    expect(new Set(killedThere.map(waiting))).toEqual(new Set([12]));
    start(killedThere[3]);
    const back = new TestClient(context);
    await back.connect(requestOf('member'));
    await settled();
    expect(back.payloads).toEqual(numbers);
  });
});

describe('STORE 1: a publisher that is not read while the disk is behind', () => {
  test('is read on when the commit under way has landed', async () => {
    const reading: string[] = [];
    const publisher = new TestClient(context);
    await publisher.connect(requestOf('publisher', { reading: { pauseReading: () => reading.push('paused'), resumeReading: () => reading.push('resumed') } }));
    publisher.subscribe('t', { qos: 1 });
    await settled();
    committer.isHeld = true;
    publisher.publish('t', '1', { token: 1 });
    await settled();
    publisher.publish('t', '2', { token: 2 });
    await clock.advanceSeconds(60);
    expect([reading, publisher.outcomes, publisher.payloads]).toEqual([['paused'], [], ['1']]);
    committer.isHeld = false;
    committer.release();
    await clock.advanceMs(0);
    await settled();
    expect([reading, publisher.payloads]).toEqual([
      ['paused', 'resumed'],
      ['1', '2'],
    ]);
    expect(publisher.outcomes).toEqual([
      [1, 'accepted'],
      [2, 'accepted'],
    ]);
  });
});
