// A life of sessions as a store sees it, drawn from a seed: operation n is decided by the seed, by n and by what the store holds. Two stores in the
// same state therefore live on the same, and one that was killed can be compared with one that was not.
import { clientId, realm } from '../../src/model/client.ts';
import type { QoS } from '../../src/model/message.ts';
import { ORDINARY, PRIORITIES, type Priority } from '../../src/model/priority.ts';
import type { SessionFacts, SessionStore, SettleCause, StoredSession } from '../../src/session/session-store.ts';
import { FACTS, messageOf, subscriptionOf } from './store-samples.ts';

export const GATEWAYS = ['mqtt', 'mqtt-sn'] as const;
const REALM = realm('mqtt');
const CLIENTS = 6;
const TOPICS = 12;
const PACKET_IDS = 20;
const QUEUE_MAX = 40;
const LARGE_PAYLOAD_BYTES = 3_000;

/** Draws of one operation: mulberry32, which is enough to spread and short enough to read. */
export class Draws {
  #state: number;

  constructor(seed: number, operation: number) {
    this.#state = (Math.imul(seed, 0x9e37_79b1) ^ Math.imul(operation + 1, 0x85eb_ca6b)) >>> 0;
  }

  /** 0 to `below` − 1. */
  below(below: number): number {
    this.#state = (this.#state + 0x6d2b_79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  }

  pick<Item>(items: readonly Item[]): Item | undefined {
    return items.length === 0 ? undefined : items[this.below(items.length)];
  }
}

type Operation = (store: SessionStore, draws: Draws) => void;

/** What may happen, and how often. */
const OPERATIONS: readonly (readonly [weight: number, name: string, run: Operation])[] = [
  [6, 'connect', connect],
  [3, 'change', change],
  [1, 'end', end],
  [5, 'subscribe', subscribe],
  [2, 'unsubscribe', unsubscribe],
  [30, 'publish', publish],
  [8, 'receive', receive],
  [7, 'complete receiving', completeReceiving],
  [20, 'deliver', deliver],
  [5, 'move', move],
  [8, 'begin sending', beginSending],
  [6, 'release sending', releaseSending],
  [6, 'end sending', endSending],
  [4, 'retain', retain],
  [6, 'put state', putState],
];
const WEIGHTS = OPERATIONS.reduce((sum, [weight]) => sum + weight, 0);

/** Performs operation `number` of the life `seed`. @returns its name. */
export function operate(store: SessionStore, seed: number, number: number): string {
  const draws = new Draws(seed, number);
  let ticket = draws.below(WEIGHTS);
  for (const [weight, name, run] of OPERATIONS) {
    ticket -= weight;
    if (ticket >= 0) continue;
    run(store, draws);
    return name;
  }
  return 'nothing';
}

function connect(store: SessionStore, draws: Draws): void {
  const id = clientId(`client-${draws.below(CLIENTS)}`);
  const known = store.sessions.get(`${REALM}\0${id}`);
  if (known === undefined) store.createSession(REALM, id, facts(draws));
  else store.changeSession(known, facts(draws));
}

function change(store: SessionStore, draws: Draws): void {
  const session = anySession(store, draws);
  if (session !== undefined) store.changeSession(session, facts(draws));
}

function end(store: SessionStore, draws: Draws): void {
  const session = anySession(store, draws);
  if (session !== undefined) store.removeSession(session);
}

function subscribe(store: SessionStore, draws: Draws): void {
  const session = anySession(store, draws);
  if (session === undefined) return;
  const options = { qosMax: draws.below(3) as QoS, noLocal: draws.below(2) === 1, identifier: draws.below(2) === 0 ? undefined : 1 + draws.below(1000) };
  store.saveSubscription(session, subscriptionOf(`plant/${draws.below(TOPICS)}/#`, options));
}

function unsubscribe(store: SessionStore, draws: Draws): void {
  const session = anySession(store, draws);
  const filter = session === undefined ? undefined : draws.pick([...session.subscriptions.keys()].sort());
  if (session !== undefined && filter !== undefined) store.removeSubscription(session, filter);
}

function publish(store: SessionStore, draws: Draws): void {
  const sessions = sortedSessions(store).filter(() => draws.below(2) === 0);
  for (const session of sessions) {
    const identifiers = Array.from({ length: draws.below(3) }, () => 1 + draws.below(1000));
    store.refer(session, { qos: (1 + draws.below(2)) as QoS, isRetain: draws.below(4) === 0, identifiers }, anyPriority(draws));
  }
  if (sessions.length === 0) return;
  store.append(anyMessage(draws, draws.below(8) === 0));
  for (const session of sessions) evict(store, session);
}

/** What a message pushes out goes after it was written: a turn that is committed in parts is parted before a message. */
function evict(store: SessionStore, session: StoredSession): void {
  if (session.queue.count > QUEUE_MAX) store.settle(session, session.queue.next(0) ?? 0, 'queue-full');
}

/** An incoming QoS 2 message: stored with its packet id. */
function receive(store: SessionStore, draws: Draws): void {
  const session = anySession(store, draws);
  if (session === undefined) return;
  const packetId = 1 + draws.below(PACKET_IDS);
  if (session.receiving.get(packetId)?.state === 'open') return;
  publish(store, draws);
  store.beginReceiving(session, packetId, draws.below(0xffff_ffff));
}

function completeReceiving(store: SessionStore, draws: Draws): void {
  const session = anySession(store, draws);
  const packetId = session === undefined ? undefined : draws.pick(ids(session.receiving));
  if (session !== undefined && packetId !== undefined) store.endReceiving(session, packetId, draws.below(2) === 0 ? undefined : draws.below(1_000_000));
}

/** Sends one entry that no exchange holds and, often, gets its acknowledgement. */
function deliver(store: SessionStore, draws: Draws): void {
  const session = anySession(store, draws);
  const sequence = session === undefined ? undefined : freeEntry(session, draws);
  if (session === undefined || sequence === undefined) return;
  const causes: readonly SettleCause[] = ['delivered', 'delivered', 'delivered', 'expired', 'refused-by-peer'];
  store.read(session, sequence);
  if (draws.below(4) > 0) store.settle(session, sequence, draws.pick(causes) ?? 'delivered');
}

/** A message from one queue to another; whoever looks finds it in exactly one of the two. */
function move(store: SessionStore, draws: Draws): void {
  const from = anySession(store, draws);
  const to = anySession(store, draws);
  const sequence = from === undefined ? undefined : freeEntry(from, draws);
  if (from === undefined || to === undefined || sequence === undefined) return;
  const { topic, payload } = store.read(from, sequence)?.message ?? messageOf('plant/lost', '');
  store.refer(to, { qos: 2, isRetain: false, identifiers: [] }, anyPriority(draws));
  store.append(messageOf(topic.name, payload));
  store.settle(from, sequence, 'moved');
}

function beginSending(store: SessionStore, draws: Draws): void {
  const session = anySession(store, draws);
  const sequence = session === undefined ? undefined : freeEntry(session, draws);
  if (session === undefined || sequence === undefined) return;
  const packetId = 1 + draws.below(PACKET_IDS);
  if (!session.sending.has(packetId)) store.beginSending(session, packetId, sequence);
}

function releaseSending(store: SessionStore, draws: Draws): void {
  const session = anySession(store, draws);
  const packetId = session === undefined ? undefined : draws.pick(ids(session.sending));
  if (session !== undefined && packetId !== undefined) store.releaseSending(session, packetId);
}

function endSending(store: SessionStore, draws: Draws): void {
  const session = anySession(store, draws);
  const packetId = session === undefined ? undefined : draws.pick(ids(session.sending));
  if (session !== undefined && packetId !== undefined) store.endSending(session, packetId, 'delivered');
}

function retain(store: SessionStore, draws: Draws): void {
  const topic = `plant/${draws.below(TOPICS)}/state`;
  store.append(messageOf(topic, draws.below(3) === 0 ? '' : `state ${draws.below(1_000_000)}`, { isRetain: true }));
}

function putState(store: SessionStore, draws: Draws): void {
  const session = anySession(store, draws);
  const owner = draws.below(2) === 0 && session !== undefined ? session : { gateway: draws.pick(GATEWAYS) ?? 'mqtt' };
  const value = draws.below(4) === 0 ? undefined : Uint8Array.from({ length: draws.below(20) }, () => draws.below(256));
  store.putState(owner, `key-${draws.below(30)}`, value);
}

function facts(draws: Draws): SessionFacts {
  const message = draws.below(3) === 0 ? anyMessage(draws, draws.below(2) === 0) : undefined;
  const will = message && { message, delaySeconds: draws.below(60), expirySeconds: draws.below(2) === 0 ? undefined : draws.below(60) };
  return { ...FACTS, expirySeconds: 1 + draws.below(10_000), detachedAtMs: draws.below(2) === 0 ? undefined : draws.below(1_000_000), will };
}

function anyMessage(draws: Draws, isRetain: boolean): ReturnType<typeof messageOf> {
  const size = draws.below(20) === 0 ? draws.below(LARGE_PAYLOAD_BYTES) : 1 + draws.below(40);
  const properties = draws.below(5) === 0 ? { contentType: 'text/plain', userProperties: [['n', String(draws.below(100))] as const] } : undefined;
  const payload = Uint8Array.from({ length: size }, (_, index) => (index * 7 + size) % 256);
  return messageOf(`plant/${draws.below(TOPICS)}/state`, payload, { isRetain, qos: (1 + draws.below(2)) as QoS, properties });
}

/** Most are ordinary. */
function anyPriority(draws: Draws): Priority {
  return draws.below(3) > 0 ? ORDINARY : (draws.pick(PRIORITIES) ?? ORDINARY);
}

function sortedSessions(store: SessionStore): StoredSession[] {
  return [...store.sessions.values()].sort((a, b) => (a.clientId < b.clientId ? -1 : 1));
}

function anySession(store: SessionStore, draws: Draws): StoredSession | undefined {
  return draws.pick(sortedSessions(store));
}

function ids(exchanges: ReadonlyMap<number, unknown>): number[] {
  return [...exchanges.keys()].sort((a, b) => a - b);
}

/** The oldest entries are the likeliest, and none that an exchange holds. */
function freeEntry(session: StoredSession, draws: Draws): number | undefined {
  const held = new Set([...session.sending.values()].map(({ sequence }) => sequence));
  const free: number[] = [];
  for (let at = session.queue.next(0); at !== undefined; at = session.queue.next(at)) if (!held.has(at)) free.push(at);
  return free[draws.below(3) === 0 ? draws.below(free.length + 1) : 0];
}
