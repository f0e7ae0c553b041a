import { describe, expect, test } from 'vitest';
import type { QueueCarriage } from '../../../src/broker/queue-carriage.ts';
import type { CarriedMessage } from '../../../src/model/carried-message.ts';
import { clientId } from '../../../src/model/client.ts';
import { CARRIED_BODY_BYTES_MAX, QUEUE_CARRIED_BYTES_PER_REQUEST } from '../../../src/model/limits.ts';
import { Message } from '../../../src/model/message.ts';
import type { Selection } from '../../../src/model/queue-selection.ts';
import { topicFilter, topicName } from '../../../src/model/topic.ts';
import { topicOf } from '../../../src/model/topic-utf8.ts';
import type { StoredSession } from '../../../src/session/session-store.ts';
import { startCore, type TestCore } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { policyOf, requestOf, TestClient } from '../../support/test-client.ts';

const TRANSIENT = { cleanStart: true, sessionExpirySeconds: 0 } as const;
const PANEL = { clientId: 'panel' };
const COPY = { isToRemove: false } as const;
const REMOVE = { isToRemove: true } as const;

interface Site {
  readonly clock: FakeClock;
  readonly core: TestCore;
  readonly publisher: TestClient;
}

/** A gateway with a client, `panel`, that is away. */
async function site(payloads: readonly string[] = [], { clock = new FakeClock(), ...options }: Partial<Parameters<typeof startCore>[0]> = {}): Promise<Site> {
  const core = startCore({ clock, ...options });
  const panel = new TestClient(core.context('mqtt'));
  await panel.connect(requestOf('panel'));
  panel.subscribe('#', { qos: 1 });
  panel.session.disconnect({ publishWill: false });
  const publisher = new TestClient(core.context('mqtt'));
  await publisher.connect(requestOf('boiler', TRANSIENT));
  for (const [index, payload] of payloads.entries()) publisher.publish(`readings/${index}`, payload);
  await settled();
  return { clock, core, publisher };
}

async function exported(carriage: QueueCarriage, selection: Selection = {}, options: { readonly isToRemove: boolean } = COPY): Promise<CarriedMessage[]> {
  const messages: CarriedMessage[] = [];
  let piece = await carriage.export(PANEL, selection, options);
  messages.push(...piece.messages);
  while (piece.next !== undefined) {
    piece = await carriage.export(PANEL, { ...selection, after: piece.next, upTo: piece.upTo }, options);
    messages.push(...piece.messages);
  }
  return messages;
}

async function received({ core }: Site, over = {}): Promise<TestClient> {
  const panel = new TestClient(core.context('mqtt'));
  await panel.connect(requestOf('panel', { inflightMax: 1_000, ...over }));
  await settled();
  return panel;
}

function textsOf(messages: readonly CarriedMessage[]): string[] {
  return messages.map(({ payload }) => Buffer.from(payload).toString());
}

describe('an export', () => {
  test('has what waits, oldest first, with all that the message is', async () => {
    const { clock, core, publisher } = await site(['a']);
    publisher.publish('readings/b', 'b', { qos: 2, expirySeconds: 60 });
    await clock.advanceSeconds(10);
    const messages = await exported(core.broker.queueCarriage);
    expect(textsOf(messages)).toEqual(['a', 'b']);
    expect(messages[1]).toMatchObject({
      topic: 'readings/b',
      publishedQoS: 2,
      qos: 1,
      ageMs: 10_000,
      leftMs: 50_000,
      isSynchronized: true,
      origin: { gateway: 'mqtt', clientId: 'boiler' },
    });
    expect(core.metric('messages.exported')).toBe(2);
  });

  test('leaves out what is not selected, what has expired, and what came since it began', async () => {
    const { clock, core, publisher } = await site(['a', 'b', 'c']);
    const { upTo } = await core.broker.queueCarriage.export(PANEL, {}, COPY);
    publisher.publish('readings/3', 'later');
    await settled();
    expect(textsOf(await exported(core.broker.queueCarriage, { topics: topicFilter('readings/1') }))).toEqual(['b']);
    expect(textsOf(await exported(core.broker.queueCarriage, { upTo }))).toEqual(['a', 'b', 'c']);
    publisher.publish('readings/4', 'short', { expirySeconds: 5 });
    await clock.advanceSeconds(5);
    expect(textsOf(await exported(core.broker.queueCarriage, { after: upTo }))).toEqual(['later']);
  });

  test('goes in pieces of bounded size, and leaves what no frame takes', async () => {
    const { core } = await site(['x'.repeat(QUEUE_CARRIED_BYTES_PER_REQUEST), 'b', 'y'.repeat(CARRIED_BODY_BYTES_MAX), 'd']);
    const first = await core.broker.queueCarriage.export(PANEL, {}, COPY);
    expect([first.messages.length, first.queued]).toEqual([1, 4]);
    const second = await core.broker.queueCarriage.export(PANEL, { after: first.next, upTo: first.upTo }, COPY);
    expect([textsOf(second.messages), second.tooLarge]).toEqual([['b'], 1]);
  });

  test('waits for the disk: what has left is never another message after a crash', async () => {
    const clock = new FakeClock();
    const store = new MemoryStore({ clock, autoCommit: false });
    const core = startCore({ clock, store });
    const connecting = new TestClient(core.context('mqtt')).connect(requestOf('panel'));
    await settled();
    store.commit();
    await connecting;
    store.commit();
    store.refer(store.sessions.get('mqtt\0panel') as StoredSession, { qos: 1, isRetain: false, identifiers: [] });
    const draft = { topic: topicOf(topicName('a')), payload: Buffer.from('a'), qos: 1, isRetain: false } as const;
    store.append(new Message(draft, { gateway: 'mqtt', clientId: clientId('boiler') }, { publishedAtMs: 0, expiresAtMs: Number.POSITIVE_INFINITY }));
    let isAnswered = false;
    const answer = core.broker.queueCarriage.export(PANEL, {}, COPY).then(({ messages }) => {
      isAnswered = true;
      return messages;
    });
    await settled();
    expect(isAnswered).toBe(false);
    store.commit();
    expect(await answer).toHaveLength(1);
  });

  test('lets go of what is safe elsewhere, and of nothing else', async () => {
    const { core, publisher } = await site(['a', 'b', 'c']);
    const carriage = core.broker.queueCarriage;
    const [a, b] = await exported(carriage, {}, REMOVE);
    publisher.publish('readings/d', 'd');
    await settled();
    const sequences = [a?.sequence ?? 0, b?.sequence ?? 0];
    expect(carriage.removeExported(PANEL, 'of another store', sequences)).toEqual({ removed: 0 });
    expect(carriage.removeExported(PANEL, a?.era ?? '', sequences)).toEqual({ removed: 2 });
    expect(carriage.removeExported(PANEL, a?.era ?? '', sequences)).toEqual({ removed: 0 });
    expect(textsOf(await exported(carriage))).toEqual(['c', 'd']);
    expect(core.store.settled.get('moved')).toBe(2);
    expect(core.broker.queues('panel').queues[0]?.dropped).toEqual({});
  });

  test('makes room under a policy, too, by what it lets go of', async () => {
    const { core, publisher } = await site();
    const bridge = new TestClient(core.context('bridge:centre'));
    const topicPolicies = [{ filters: [topicFilter('samples/#')], whenFull: 'refuse', keepLatest: false, messagesMax: 1 }] as const;
    await bridge.connect(requestOf('bridge:centre', { queue: policyOf({ messagesMax: 1_000, whenFull: 'refuse', topicPolicies }), queueQos0: true }), {
      isUpstreamDown: true,
    });
    bridge.subscribe('samples/#', { qos: 1 });
    publisher.publish('samples/a', '1');
    await settled();
    const carriage = core.broker.queueCarriage;
    const name = { clientId: 'bridge:centre' };
    const { messages } = await carriage.export(name, {}, REMOVE);
    const [first] = messages;
    expect(carriage.removeExported(name, first?.era ?? '', [first?.sequence ?? 0])).toEqual({ removed: 1 });
    publisher.publish('samples/a', '2', { token: 9 });
    await settled();
    expect(publisher.outcomes).toContainEqual([9, 'accepted']);
  });

  test('that is to be removed leaves what is under way to the client', async () => {
    const there = await site(['a', 'b']);
    await received(there, { inflightMax: 1 });
    const carriage = there.core.broker.queueCarriage;
    expect(await carriage.export(PANEL, {}, REMOVE)).toMatchObject({ inFlight: 1, messages: [{ topic: 'readings/1' }] });
    const [a] = await exported(carriage);
    expect(carriage.removeExported(PANEL, a?.era ?? '', [a?.sequence ?? 0])).toEqual({ removed: 0 });
  });

  test('of what the gateway itself will publish is refused', async () => {
    const { core, publisher } = await site();
    publisher.publish('$delayed/60/a', 'later');
    await settled();
    await expect(core.broker.queueCarriage.export({ clientId: '$delayed' }, {}, COPY)).rejects.toThrow('belongs to the gateway');
  });
});

describe('an import', () => {
  test('puts each message into the queue once, in order, however often it comes', async () => {
    const there = await site(['a', 'b', 'c']);
    const here = await site();
    const messages = await exported(there.core.broker.queueCarriage);
    expect(await here.core.broker.queueCarriage.import(PANEL, messages.slice(0, 2))).toMatchObject({ imported: 2, known: 0, full: undefined });
    expect(await here.core.broker.queueCarriage.import(PANEL, messages)).toMatchObject({ imported: 1, known: 2 });
    const panel = await received(here);
    expect(panel.payloads).toEqual(['a', 'b', 'c']);
    expect([here.core.metric('messages.imported'), here.core.metric('messages.imported-again')]).toEqual([3, 2]);
  });

  test('knows after a restart what it took, also of another export', async () => {
    const there = await site(['a', 'b']);
    const here = await site();
    await here.core.broker.queueCarriage.import(PANEL, await exported(there.core.broker.queueCarriage, { topics: topicFilter('readings/0') }));
    const store = here.core.store.reopened({ wasClean: false });
    const restarted = { ...here, core: startCore({ clock: here.clock, store }) };
    expect(await restarted.core.broker.queueCarriage.import(PANEL, await exported(there.core.broker.queueCarriage))).toMatchObject({ imported: 1, known: 1 });
    expect((await received(restarted)).payloads).toEqual(['a', 'b']);
  });

  test('takes the same message for each of two queues', async () => {
    const there = await site(['a']);
    const here = await site();
    const other = new TestClient(here.core.context('mqtt'));
    await other.connect(requestOf('other'));
    const messages = await exported(there.core.broker.queueCarriage);
    expect(await here.core.broker.queueCarriage.import(PANEL, messages)).toMatchObject({ imported: 1 });
    expect(await here.core.broker.queueCarriage.import({ clientId: 'other' }, messages)).toMatchObject({ imported: 1 });
    expect(other.payloads).toEqual(['a']);
  });

  test('keeps expiry: the time on the way counts where both clocks were right', async () => {
    const there = await site();
    there.publisher.publish('readings/a', 'a', { expirySeconds: 60 });
    await settled();
    const messages = await exported(there.core.broker.queueCarriage);
    const later = await site([], { clock: new FakeClock({ nowMs: there.clock.nowMs() + 20_000 }) });
    await later.core.broker.queueCarriage.import(PANEL, messages);
    expect((await received(later)).delivered[0]?.expirySeconds).toBe(40);
    const tooLate = await site([], { clock: new FakeClock({ nowMs: there.clock.nowMs() + 60_000 }) });
    expect(await tooLate.core.broker.queueCarriage.import(PANEL, messages)).toMatchObject({ imported: 0, expired: 1 });
    tooLate.clock.isSynced = false;
    const unsure = await site([], { clock: tooLate.clock });
    await unsure.core.broker.queueCarriage.import(PANEL, messages);
    expect((await received(unsure)).delivered[0]?.expirySeconds).toBe(60);
  });

  test('drops nothing for what it brings: a full queue takes no more, and later the rest', async () => {
    const there = await site(['a', 'b', 'c']);
    const here = await site([], { settings: { queue: { ...policyOf({ messagesMax: 2 }), rules: [] } } });
    const messages = await exported(there.core.broker.queueCarriage);
    expect(await here.core.broker.queueCarriage.import(PANEL, messages)).toMatchObject({ imported: 2, full: 'the queue of panel is full' });
    const panel = await received(here);
    for (const { packetId } of panel.delivered) panel.session.settle(packetId);
    expect(await here.core.broker.queueCarriage.import(PANEL, messages)).toMatchObject({ imported: 1, known: 2, full: undefined });
    expect(panel.payloads).toEqual(['a', 'b', 'c']);
  });

  test('into topics reaches who has subscribed, and says what nobody got', async () => {
    const there = await site(['a', 'b']);
    const here = startCore({ clock: new FakeClock() });
    const reader = new TestClient(here.context('mqtt'));
    await reader.connect(requestOf('reader', TRANSIENT));
    reader.subscribe('readings/0', { qos: 1 });
    const messages = await exported(there.core.broker.queueCarriage);
    expect(await here.broker.queueCarriage.import(undefined, messages)).toMatchObject({ imported: 1, unmatched: 1 });
    expect(await here.broker.queueCarriage.import(undefined, messages)).toMatchObject({ imported: 0, known: 2 });
    expect(reader.payloads).toEqual(['a']);
  });

  test('into topics sets no retained message back to an older one', async () => {
    const there = await site();
    there.publisher.publish('state', 'old', { isRetain: true });
    await there.clock.advanceSeconds(10);
    const messages = await exported(there.core.broker.queueCarriage);
    const here = await site([], { clock: there.clock });
    here.publisher.publish('state', 'new', { isRetain: true });
    await settled();
    await here.core.broker.queueCarriage.import(undefined, messages);
    expect([...here.core.store.retained.values()].map(({ payload }) => Buffer.from(payload).toString())).toEqual(['new']);
    const fresh = startCore({ clock: there.clock });
    await fresh.broker.queueCarriage.import(undefined, messages);
    expect([...fresh.store.retained.keys()]).toEqual(['state']);
  });

  test('goes into no queue that nobody would deliver', async () => {
    const there = await site(['a']);
    const messages = await exported(there.core.broker.queueCarriage);
    const { core, publisher } = await site();
    publisher.publish('$delayed/60/a', 'later');
    await settled();
    await expect(core.broker.queueCarriage.import({ clientId: '$delayed' }, messages)).rejects.toThrow('nobody would deliver it');
    await expect(core.broker.queueCarriage.import({ clientId: 'nobody' }, messages)).rejects.toThrow('no stored queue');
  });
});
