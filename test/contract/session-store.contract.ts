// What every SessionStore promises, whatever it is made of. A test that needs an end of the process asks its bench to reopen the store.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { clientId, realm } from '../../src/model/client.ts';
import { ORDINARY, type Priority } from '../../src/model/priority.ts';
import type { ReferenceOptions, SessionStore, StoredSession } from '../../src/session/session-store.ts';
import { settled } from '../support/fake-clock.ts';
import { contentsOf, durable, FACTS, messageOf, messageText, QOS_1, subscriptionOf } from '../support/store-samples.ts';

/** Makes stores of one kind. */
export interface StoreBench {
  open(): SessionStore;
  /** The next boot of the store; everything written is durable. */
  reopen(store: SessionStore): Promise<SessionStore>;
  /** Whether `reopen` ends a boot by `close`. */
  readonly isClean: boolean;
  end(): Promise<void>;
}

const MQTT = realm('mqtt');
const GATEWAY = 'mqtt-sn';

export function sessionStoreContract(name: string, makeBench: () => StoreBench): void {
  describe(`${name} as a session store`, () => {
    let bench: StoreBench;
    let store: SessionStore;

    beforeEach(() => {
      bench = makeBench();
      store = bench.open();
    });

    afterEach(() => bench.end());

    const session = (id = 'valve-1', facts = FACTS): StoredSession => store.createSession(MQTT, clientId(id), facts);
    const found = (id = 'valve-1'): StoredSession => {
      const kept = store.sessions.get(`mqtt\0${id}`);
      expect(kept, `session ${id}`).toBeDefined();
      return kept as StoredSession;
    };
    const queue = (to: StoredSession, text: string, options: ReferenceOptions = QOS_1): number => {
      store.refer(to, options);
      return store.append(messageOf('plant/temp', text));
    };
    const payloads = (of: StoredSession): string[] => {
      const texts: string[] = [];
      for (let at = of.queue.next(0); at !== undefined; at = of.queue.next(at)) texts.push(Buffer.from(store.read(of, at)?.message.payload ?? []).toString());
      return texts;
    };
    /** Runs `check` on the store, and again on its next boot. */
    const nowAndAfterRestart = async (check: () => void): Promise<void> => {
      check();
      await durable(store);
      const before = contentsOf(store, [GATEWAY]);
      store = await bench.reopen(store);
      expect(contentsOf(store, [GATEWAY])).toEqual(before);
      check();
    };

    test('a new one is empty', () => {
      expect(contentsOf(store)).toMatchObject({ sessions: [], retained: [], queuedMessages: 0, queuedBytes: 0 });
      expect(store.boot).toMatchObject({ boot: 1, wasClean: true, lastSequence: 0 });
    });

    describe('sessions', () => {
      test('keep owner, expiry and detachment', async () => {
        store.changeSession(session(), { principal: 'certificate:CN=valve', expirySeconds: 3600, detachedAtMs: 1234.5, will: undefined });
        await nowAndAfterRestart(() =>
          expect(found().facts).toEqual({ principal: 'certificate:CN=valve', expirySeconds: 3600, detachedAtMs: 1234.5, will: undefined }),
        );
      });

      test('keep their will, with its properties', async () => {
        const properties = { isUtf8: true, contentType: 'text/plain', userProperties: [['why', 'gone'] as const, ['why', 'again'] as const] };
        const message = messageOf('plant/valve-1', 'offline', { isRetain: true, properties });
        session('valve-1', { ...FACTS, will: { message, delaySeconds: 30, expirySeconds: 60 } });
        await nowAndAfterRestart(() => {
          const { will } = found().facts;
          expect([will?.delaySeconds, will?.expirySeconds, will && messageText(will.message)]).toEqual([30, 60, messageText(message)]);
        });
      });

      test('are told apart by realm and client id', async () => {
        session();
        store.createSession(realm('bridge'), clientId('valve-1'), { ...FACTS, principal: 'bridge' });
        await nowAndAfterRestart(() => expect([...store.sessions.keys()].sort()).toEqual(['bridge\0valve-1', 'mqtt\0valve-1']));
      });

      test('go with everything that belongs to them', async () => {
        const gone = session();
        store.saveSubscription(gone, subscriptionOf('plant/#'));
        store.beginSending(gone, 1, queue(gone, 'a'));
        store.beginReceiving(gone, 2, 3);
        store.putState(gone, 'topic:1', Uint8Array.of(1));
        store.removeSession(gone);
        await nowAndAfterRestart(() => expect(contentsOf(store)).toMatchObject({ sessions: [], queuedMessages: 0, queuedBytes: 0 }));
      });

      test('a successor with the same name has another id and nothing of the old one', async () => {
        const gone = session();
        queue(gone, 'old');
        await durable(store);
        store.removeSession(gone);
        const next = session();
        expect(next.id).not.toBe(gone.id);
        await nowAndAfterRestart(() => expect(payloads(found())).toEqual([]));
      });

      test('that are gone stay gone, whoever still holds one', async () => {
        const gone = session();
        const sequence = queue(gone, 'a');
        store.removeSession(gone);
        store.changeSession(gone, FACTS);
        store.saveSubscription(gone, subscriptionOf('a'));
        store.putState(gone, 'k', Uint8Array.of(1));
        queue(gone, 'b');
        store.settle(gone, sequence, 'delivered');
        store.beginSending(gone, 1, sequence);
        store.beginReceiving(gone, 1, 1);
        store.removeSession(gone);
        await nowAndAfterRestart(() => expect(contentsOf(store)).toMatchObject({ sessions: [], queuedMessages: 0, queuedBytes: 0 }));
      });

      test('ids are never used again, not even after a restart', async () => {
        const last = session();
        store.removeSession(last);
        await durable(store);
        store = await bench.reopen(store);
        expect(session().id).toBeGreaterThan(last.id);
      });
    });

    describe('subscriptions (MQTT 5 §3.8.3.1)', () => {
      test('keep all their options; the same filter replaces', async () => {
        const owner = session();
        store.saveSubscription(owner, subscriptionOf('plant/+/temp', { qosMax: 0 }));
        const last = subscriptionOf('plant/+/temp', { qosMax: 2, noLocal: true, retainAsPublished: true, retainHandling: 2, identifier: 268_435_455 });
        store.saveSubscription(owner, last);
        await nowAndAfterRestart(() => expect([...found().subscriptions.values()]).toEqual([last]));
      });

      test('are removed one by one', async () => {
        const owner = session();
        for (const filter of ['a', 'b', 'c']) store.saveSubscription(owner, subscriptionOf(filter));
        await durable(store);
        store.removeSubscription(owner, subscriptionOf('b').filter);
        await nowAndAfterRestart(() => expect([...found().subscriptions.keys()].sort()).toEqual(['a', 'c']));
      });
    });

    describe('queues', () => {
      test('give messages in the order of their sequences, to each session as it was referred to', async () => {
        const first = session('a');
        const second = session('b');
        store.refer(first, { qos: 2, isRetain: true, identifiers: [7] });
        store.refer(second, { qos: 0, isRetain: false, identifiers: [1, 268_435_455, 1] });
        const sequence = store.append(messageOf('plant/temp', 'x', { qos: 2, isRetain: false, expiresAtMs: 9_999.25 }));
        await nowAndAfterRestart(() => {
          const toFirst = store.read(found('a'), sequence);
          const toSecond = store.read(found('b'), sequence);
          expect([toFirst?.qos, toFirst?.isRetain, toFirst?.identifiers]).toEqual([2, true, [7]]);
          expect([toSecond?.qos, toSecond?.isRetain, toSecond?.identifiers]).toEqual([0, false, [1, 268_435_455, 1]]);
          expect(toFirst?.message.expiresAtMs).toBe(9_999.25);
        });
      });

      test('keep the class each message was given, lane by lane, and its identifiers', async () => {
        const owner = session();
        const identified: ReferenceOptions = { qos: 2, isRetain: true, identifiers: [268_435_455, 1] };
        const given = [7, 3, 0, 7, 3, 5].map((priority) => {
          store.refer(owner, identified, priority as Priority);
          return store.append(messageOf('plant/temp', `class ${priority}`));
        });
        const [alarm, , least, secondAlarm, reading] = given as [number, number, number, number, number, number];
        await nowAndAfterRestart(() => {
          const { queue: kept } = found();
          expect(given.map((sequence) => kept.laneOf(sequence))).toEqual([7, 3, 0, 7, 3, 5]);
          expect([kept.count, kept.next(0), kept.last, kept.previous(least)]).toEqual([6, alarm, given[5], given[1]]);
          expect(given.map((sequence) => kept.lane(7)?.has(sequence))).toEqual([true, false, false, true, false, false]);
          expect([kept.lane(7)?.count, kept.lane(7)?.next(alarm), kept.lane(6), kept.lane(3)?.last]).toEqual([2, secondAlarm, undefined, reading]);
          const { qos, isRetain, identifiers } = store.read(found(), alarm) ?? {};
          expect([qos, isRetain, identifiers]).toEqual([2, true, [268_435_455, 1]]);
        });
      });

      test('that settle one lane from end to end keep what lies between in others', async () => {
        const owner = session();
        const given = Array.from({ length: 300 }, (_, index) => {
          store.refer(owner, QOS_1, index % 3 === 0 ? 7 : ORDINARY);
          return store.append(messageOf('plant/temp', `${index}`));
        });
        await durable(store);
        for (const [index, sequence] of given.entries()) if (index % 3 === 0) store.settle(owner, sequence, 'delivered');
        await nowAndAfterRestart(() => {
          expect([found().queue.count, found().queue.lane(7)?.count ?? 0]).toEqual([200, 0]);
          expect(payloads(found()).slice(0, 3)).toEqual(['1', '2', '4']);
        });
      });

      test('give the same message to two sessions in two classes', async () => {
        const first = session('a');
        const second = session('b');
        store.refer(first, QOS_1, 6);
        store.refer(second, QOS_1);
        const sequence = store.append(messageOf('plant/temp', 'x'));
        await nowAndAfterRestart(() => expect([found('a').queue.laneOf(sequence), found('b').queue.laneOf(sequence)]).toEqual([6, ORDINARY]));
      });

      test('know nothing of messages for others', async () => {
        const first = session('a');
        session('b');
        const sequence = queue(first, 'x');
        await nowAndAfterRestart(() => expect([store.read(found('b'), sequence), found('b').queue.count]).toEqual([undefined, 0]));
      });

      test('keep every property of a message (MQTT 5 §3.3.2.3)', async () => {
        const properties = {
          isUtf8: false,
          contentType: 'application/cbor',
          responseTopic: 'reply/ä',
          correlationData: Uint8Array.of(0, 255, 7),
          userProperties: [['k', 'v'] as const, ['k', '€'] as const],
        };
        const message = messageOf('plant/ä/€', Uint8Array.of(0, 1, 254), { qos: 2, properties });
        const text = messageText(message);
        store.refer(session(), QOS_1);
        const sequence = store.append(message);
        await nowAndAfterRestart(() => {
          const read = store.read(found(), sequence);
          expect(read && messageText(read.message)).toBe(text);
        });
      });

      test('own the payload: the publisher’s buffer may be used again', async () => {
        const buffer = new TextEncoder().encode('first');
        const owner = session();
        store.refer(owner, QOS_1);
        const sequence = store.append(messageOf('t', buffer.subarray(0, 5)));
        buffer.fill(0x2a);
        await nowAndAfterRestart(() => expect(Buffer.from(store.read(found(), sequence)?.message.payload ?? []).toString()).toBe('first'));
      });

      test('what was read stays as it was when more is written', async () => {
        const owner = session();
        const sequence = queue(owner, 'first');
        const read = store.read(owner, sequence);
        for (let round = 0; round < 50; round += 1) {
          queue(owner, 'x'.repeat(10_000));
          if (round % 10 === 0) await durable(store);
        }
        expect(read && messageText(read.message)).toBe(messageText(messageOf('plant/temp', 'first')));
      });

      test('lose what is settled, in any order', async () => {
        const owner = session();
        const sequences = ['a', 'b', 'c', 'd', 'e'].map((text) => queue(owner, text));
        await durable(store);
        for (const index of [3, 0, 1]) store.settle(owner, sequences[index] ?? 0, 'delivered');
        await nowAndAfterRestart(() => expect(payloads(found())).toEqual(['c', 'e']));
      });

      test('what is settled before it was ever committed is gone as well', async () => {
        const owner = session();
        store.settle(owner, queue(owner, 'a'), 'expired');
        queue(owner, 'b');
        await nowAndAfterRestart(() => expect(payloads(found())).toEqual(['b']));
      });

      test('settling twice, or what was never queued, changes nothing', async () => {
        const owner = session();
        const sequence = queue(owner, 'a');
        queue(owner, 'b');
        store.settle(owner, sequence, 'delivered');
        store.settle(owner, sequence, 'delivered');
        store.settle(owner, 999, 'delivered');
        expect(store.read(owner, sequence)).toBeUndefined();
        await nowAndAfterRestart(() => expect([found().queue.count, store.status().queuedMessages]).toEqual([1, 1]));
      });

      test('count messages and bytes', async () => {
        const owner = session();
        const first = queue(owner, '12345');
        const perTopic = owner.queue.bytes - 5;
        queue(owner, '1234567');
        expect(owner.queue.bytes).toBe(12 + 2 * perTopic);
        store.settle(owner, first, 'delivered');
        await nowAndAfterRestart(() => expect([found().queue.count, found().queue.bytes]).toEqual([1, 7 + perTopic]));
      });

      test('a message moves from one queue to another: it is appended for the one and settled in the other', async () => {
        const from = session('group');
        const to = session();
        const sequence = queue(from, 'a');
        await durable(store);
        const { message } = store.read(from, sequence) ?? expect.unreachable('it was queued');
        store.refer(to, { qos: 2, isRetain: true, identifiers: [7] });
        const moved = store.append(message);
        store.beginSending(to, 1, moved);
        store.settle(from, sequence, 'moved');
        await nowAndAfterRestart(() => {
          expect([found('group').queue.count, payloads(found()), store.status().queuedMessages]).toEqual([0, ['a'], 1]);
          expect(store.read(found(), moved)).toMatchObject({ qos: 2, isRetain: true, identifiers: [7] });
          expect([...found().sending]).toEqual([[1, { sequence: moved, state: 'sent' }]]);
        });
      });

      test('sequences grow over restarts', async () => {
        const before = queue(session(), 'a');
        await durable(store);
        store = await bench.reopen(store);
        expect(store.boot.lastSequence).toBeGreaterThanOrEqual(before);
        expect(queue(found(), 'b')).toBeGreaterThan(store.boot.lastSequence);
      });

      test('hold messages larger than any buffer', async () => {
        const payload = Buffer.alloc(1_500_000, 'x');
        store.refer(session(), QOS_1);
        const sequence = store.append(messageOf('big', payload));
        await nowAndAfterRestart(() => expect(store.read(found(), sequence)?.message.payload.length).toBe(1_500_000));
      });
    });

    describe('retained messages (MQTT 5 §3.3.1.3)', () => {
      const retain = (topic: string, payload: string): void => void store.append(messageOf(topic, payload, { isRetain: true }));
      const texts = (): string[] => [...store.retained.values()].map((message) => `${message.topic.name}=${Buffer.from(message.payload).toString()}`).sort();

      test('are replaced per topic', async () => {
        retain('a', '1');
        retain('b', '1');
        await durable(store);
        retain('a', '2');
        await nowAndAfterRestart(() => expect(texts()).toEqual(['a=2', 'b=1']));
      });

      test('are cleared by an empty one (MQTT-3.3.1-6)', async () => {
        retain('a', '1');
        retain('b', '1');
        await durable(store);
        retain('a', '');
        await nowAndAfterRestart(() => expect(texts()).toEqual(['b=1']));
      });

      test('are queued as well for who is referred to', async () => {
        store.refer(session(), { ...QOS_1, isRetain: true });
        retain('a', '1');
        await nowAndAfterRestart(() => expect([payloads(found()), texts()]).toEqual([['1'], ['a=1']]));
      });

      test('outlive the queue entries of their group', async () => {
        const owner = session();
        store.refer(owner, QOS_1);
        const sequence = store.append(messageOf('a', '1', { isRetain: true }));
        await durable(store);
        store.settle(owner, sequence, 'delivered');
        await nowAndAfterRestart(() => expect(texts()).toEqual(['a=1']));
      });
    });

    describe('outgoing QoS 2 (MQTT-4.3.3)', () => {
      test('an exchange keeps its id and state until it ends, and then its entry is settled', async () => {
        const owner = session();
        const sequence = queue(owner, 'a');
        store.beginSending(owner, 65_535, sequence);
        await nowAndAfterRestart(() => expect([...found().sending]).toEqual([[65_535, { sequence, state: 'sent' }]]));
        store.releaseSending(found(), 65_535);
        await nowAndAfterRestart(() => expect([...found().sending]).toEqual([[65_535, { sequence, state: 'released' }]]));
        expect(payloads(found())).toEqual(['a']);
        store.endSending(found(), 65_535, 'delivered');
        await nowAndAfterRestart(() => expect([found().sending.size, found().queue.count]).toEqual([0, 0]));
      });

      test('exchanges come back in the order of their messages (MQTT-4.6.0-1)', async () => {
        const owner = session();
        const packetIds = [9, 2, 30_000, 1];
        for (const packetId of packetIds) store.beginSending(owner, packetId, queue(owner, 'a'));
        store.releaseSending(owner, 2);
        await nowAndAfterRestart(() => expect([...found().sending.keys()]).toEqual(packetIds));
      });

      test('an id can be used again', async () => {
        const owner = session();
        store.beginSending(owner, 1, queue(owner, 'a'));
        store.endSending(owner, 1, 'refused-by-peer');
        const sequence = queue(owner, 'b');
        store.beginSending(owner, 1, sequence);
        await nowAndAfterRestart(() => expect([...found().sending]).toEqual([[1, { sequence, state: 'sent' }]]));
      });
    });

    describe('incoming QoS 2', () => {
      test('an id is open until PUBREL, then forgotten', async () => {
        const owner = session();
        store.beginReceiving(owner, 7, 0xffff_ffff);
        const open = { state: 'open', digest: 0xffff_ffff, untilMs: Number.POSITIVE_INFINITY };
        await nowAndAfterRestart(() => expect([...found().receiving]).toEqual([[7, open]]));
        store.endReceiving(found(), 7, undefined);
        await nowAndAfterRestart(() => expect(found().receiving.size).toBe(0));
      });

      test('or in quarantine', async () => {
        const owner = session();
        store.beginReceiving(owner, 7, 42);
        store.endReceiving(owner, 7, 10_000.5);
        await nowAndAfterRestart(() => expect([...found().receiving]).toEqual([[7, { state: 'quarantined', digest: 42, untilMs: 10_000.5 }]]));
      });
    });

    test('what is gathered is written once a group, with the entries that leave in it', async () => {
      const owner = session();
      const [first, second] = [queue(owner, 'a'), queue(owner, 'b')];
      await durable(store);
      let lost = 0;
      let writes = 0;
      const write = (): void => {
        writes += 1;
        store.putState(owner, 'lost', Uint8Array.of(lost));
      };
      const changed = store.gather({ write });
      for (const sequence of [first, second]) {
        store.settle(owner, sequence, 'age');
        lost += 1;
        changed();
      }
      await nowAndAfterRestart(() => expect(found().queue.count).toBe(0));
      expect([...(found().state.get('lost') ?? [])]).toEqual([2]);
      expect(writes).toBe(1);
    });

    describe('state of gateways and sessions', () => {
      test('is put, replaced and deleted by key', async () => {
        const owner = session();
        for (const space of [owner, { gateway: GATEWAY }]) {
          store.putState(space, 'topic:1', Uint8Array.of(1, 2));
          store.putState(space, 'topic:2', new Uint8Array());
          store.putState(space, 'topic:3', Uint8Array.of(9));
          store.putState(space, 'topic:1', Uint8Array.of(3));
          store.putState(space, 'topic:3', undefined);
        }
        await nowAndAfterRestart(() => {
          for (const state of [found().state, store.gatewayState(GATEWAY)]) {
            expect([...state.keys()].sort()).toEqual(['topic:1', 'topic:2']);
            expect([...(state.get('topic:1') ?? [])]).toEqual([3]);
          }
        });
      });

      test('that goes along is there with the next message, as it was when that was written', async () => {
        let value = 1;
        store.putStateAlong({ gateway: GATEWAY }, 'k', () => Uint8Array.of(value));
        value = 2;
        queue(session(), 'a');
        await durable(store);
        await nowAndAfterRestart(() => expect([...(store.gatewayState(GATEWAY).get('k') ?? [])]).not.toEqual([]));
        value = 3;
        store.putStateAlong({ gateway: GATEWAY }, 'k', () => Uint8Array.of(value));
        queue(found(), 'b');
        await nowAndAfterRestart(() => undefined);
        expect([...(store.gatewayState(GATEWAY).get('k') ?? [])]).toEqual([3]);
      });

      test('is a copy', () => {
        const value = Uint8Array.of(1);
        store.putState({ gateway: GATEWAY }, 'k', value);
        value[0] = 2;
        expect([...(store.gatewayState(GATEWAY).get('k') ?? [])]).toEqual([1]);
      });
    });

    describe('durability', () => {
      test('a waiter is told at once when nothing is pending', () => {
        const told: number[] = [];
        store.whenDurable({ durable: (token) => void told.push(token) }, 7);
        expect(told).toEqual([7]);
      });

      test('waiters are told in the order of asking, after the turn that wrote', async () => {
        const owner = session();
        const told: number[] = [];
        const waiter = { durable: (token: number) => void told.push(token) };
        for (let token = 1; token <= 3; token += 1) {
          queue(owner, 'a');
          store.whenDurable(waiter, token);
        }
        expect(told).toEqual([]);
        await durable(store);
        expect(told).toEqual([1, 2, 3]);
      });

      test('a waiter may write and wait again', async () => {
        const owner = session();
        await durable(store);
        queue(owner, 'a');
        await new Promise<void>((resolve) => {
          const again = { durable: () => resolve() };
          store.whenDurable(
            {
              durable: () => {
                queue(owner, 'b');
                store.whenDurable(again, 0);
              },
            },
            0,
          );
        });
        expect(payloads(owner)).toEqual(['a', 'b']);
      });
    });

    describe('messages whose commit may wait', () => {
      const LATER_MS = 1_000;
      const told: number[] = [];
      const waiter = { durable: (token: number) => void told.push(token) };
      const publish = (to: readonly StoredSession[], text: string): number => {
        for (const each of to) store.refer(each, QOS_1);
        return store.append(messageOf('plant/temp', text), LATER_MS);
      };

      beforeEach(() => {
        told.length = 0;
      });

      test('are kept like all others once somebody has waited for everything', async () => {
        publish([session()], 'a');
        await nowAndAfterRestart(() => expect(payloads(found())).toEqual(['a']));
      });

      test('who asks for one of them is told when it is durable, and not before', async () => {
        const owner = session();
        const sequence = publish([owner], 'a');
        store.whenSafe(sequence, waiter, 7);
        expect(told).toEqual([]);
        await durable(store);
        expect(told).toEqual([7]);
        store.whenSafe(sequence, waiter, 8);
        expect(told).toEqual([7, 8]);
      });

      test('or when every queue it went to has settled it', async () => {
        const owners = [session('a'), session('b')];
        const sequence = publish(owners, 'a');
        store.whenSafe(sequence, waiter, 7);
        for (const owner of owners) store.settle(owner, sequence, 'delivered');
        expect(told).toEqual([]);
        await settled();
        expect(told).toEqual([7]);
        await nowAndAfterRestart(() => expect([payloads(found('a')), payloads(found('b'))]).toEqual([[], []]));
      });

      test('settled by some, they are kept for the others', async () => {
        const first = session('a');
        const sequence = publish([first, session('b')], 'a');
        store.settle(first, sequence, 'delivered');
        await nowAndAfterRestart(() => expect([payloads(found('a')), payloads(found('b'))]).toEqual([[], ['a']]));
      });
    });

    describe('messages that are never written', () => {
      const keep = (to: StoredSession, text: string, priority?: Priority): number => {
        store.refer(to, { qos: 1, isRetain: true, identifiers: [7, 9] }, priority);
        return store.append(messageOf('plant/temp', text), Number.POSITIVE_INFINITY);
      };

      test('are queued with the others, each as it was referred to, and gone after a restart', async () => {
        const owner = session();
        queue(owner, 'a');
        const kept = keep(owner, 'b', 6);
        queue(owner, 'c');
        expect(payloads(owner)).toEqual(['a', 'b', 'c']);
        expect([owner.queue.laneOf(kept), store.status().volatileMessages]).toEqual([6, 1]);
        expect(store.read(owner, kept)).toMatchObject({ qos: 1, isRetain: true, identifiers: [7, 9] });
        await durable(store);
        store = await bench.reopen(store);
        expect([payloads(found()), found().queue.laneOf(kept)]).toEqual([['a', 'c'], undefined]);
        expect(store.status()).toMatchObject({ volatileMessages: 0, volatileBytes: 0, queuedMessages: 2 });
      });

      test('own their payload, count against the queue and end like others', async () => {
        const owner = session();
        const buffer = new TextEncoder().encode('first');
        store.refer(owner, QOS_1);
        const sequence = store.append(messageOf('t', buffer.subarray(0, 5)), Number.POSITIVE_INFINITY);
        buffer.fill(0x2a);
        expect([payloads(owner), owner.queue.count, owner.queue.bytes]).toEqual([['first'], 1, 6]);
        store.settle(owner, sequence, 'delivered');
        await nowAndAfterRestart(() => expect([found().queue.count, found().queue.bytes, store.status().volatileMessages]).toEqual([0, 0, 0]));
      });

      test('leave an exchange of QoS 2 behind, without its message', async () => {
        const owner = session();
        const sequence = keep(owner, 'a');
        store.beginSending(owner, 3, sequence);
        await durable(store);
        store = await bench.reopen(store);
        expect([[...found().sending], found().queue.count]).toEqual([[[3, { sequence, state: 'sent' }]], 0]);
        store.releaseSending(found(), 3);
        store.endSending(found(), 3, 'delivered');
        await nowAndAfterRestart(() => expect(found().sending.size).toBe(0));
      });
    });

    test('a restart counts boots and says how the last one ended', async () => {
      session();
      await durable(store);
      store = await bench.reopen(store);
      expect(store.boot).toMatchObject({ boot: 2, wasClean: bench.isClean });
      store = await bench.reopen(store);
      expect(store.boot).toMatchObject({ boot: 3, wasClean: bench.isClean });
    });
  });
}
