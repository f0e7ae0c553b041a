// The load of the wear scenarios, in a process of its own: messages of 100 bytes are stored and deleted again by the store as the gateway runs it, in steady
// state, and the counters of the device below are read before and after. Everything the store does by itself is in it: checkpoints, copies, dropped segments.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { clientId, realm } from '../../src/model/client.ts';
import { silentLog } from '../../src/model/log.ts';
import { Message } from '../../src/model/message.ts';
import { MetricsTable } from '../../src/model/metrics.ts';
import { topicName } from '../../src/model/topic.ts';
import { topicOf } from '../../src/model/topic-utf8.ts';
import { SystemClock } from '../../src/observe/system-clock.ts';
import type { ReferenceOptions, SessionStore, StoredSession } from '../../src/session/session-store.ts';
import { openSqliteStore } from '../../src/store/sqlite/open.ts';

/** What `wear.ts` runs: directory, counters of its device, deed, messages per commit, messages. */
export const WEAR_LOAD = import.meta.filename;

const SECTOR_BYTES = 512;
const PAYLOAD_BYTES = 100;
const TOPICS = 5_000;
const ORIGIN = { gateway: 'mqtt', clientId: clientId('sensor-17') };
const FACTS = { principal: 'user:panel', expirySeconds: Number.POSITIVE_INFINITY, detachedAtMs: 0, will: undefined };
const QOS_1: ReferenceOptions = { qos: 1, isRetain: false, identifiers: [] };
const QOS_2: ReferenceOptions = { ...QOS_1, qos: 2 };

/** Stores so many messages in one commit, and deletes what it stored before. */
type Deed = (count: number) => Promise<void>;

const clock = new SystemClock();
let published = 0;

function messageOf(topic: string, qos: 1 | 2, isRetain = false): Message {
  published += 1;
  const payload = Buffer.alloc(PAYLOAD_BYTES, `${published} `);
  const stamps = { publishedAtMs: clock.monotonicMs(), expiresAtMs: Number.POSITIVE_INFINITY };
  return new Message({ topic: topicOf(topicName(topic)), payload, qos, isRetain }, ORIGIN, stamps);
}

function durable(store: SessionStore): Promise<void> {
  return new Promise((resolve) => store.whenDurable({ durable: () => resolve() }, 0));
}

function sessionsOf(store: SessionStore, count: number): StoredSession[] {
  return Array.from({ length: count }, (_, index) => store.createSession(realm('mqtt'), clientId(`panel-${index}`), FACTS));
}

/** Each message goes to every session. */
function toAll(store: SessionStore, count: number): Deed {
  const sessions = sessionsOf(store, count);
  return async (messages) => {
    const sequences: number[] = [];
    for (let index = 0; index < messages; index += 1) {
      for (const session of sessions) store.refer(session, QOS_1);
      sequences.push(store.append(messageOf('plant/line-7/temperature', 1)));
    }
    await durable(store);
    for (const sequence of sequences) for (const session of sessions) store.settle(session, sequence, 'delivered');
  };
}

/** Each session in turn gets one, and holds it until its next comes. */
function inTurn(store: SessionStore, count: number): Deed {
  const sessions = sessionsOf(store, count);
  let at = 0;
  return async (messages) => {
    for (let index = 0; index < messages; index += 1) {
      const session = sessions[at % count] as StoredSession;
      at += 1;
      const held = session.queue.last;
      store.refer(session, QOS_1);
      store.append(messageOf('plant/line-7/temperature', 1));
      if (held !== undefined) store.settle(session, held, 'delivered');
    }
    await durable(store);
  };
}

function retained(store: SessionStore): Deed {
  return async (messages) => {
    for (let index = 0; index < messages; index += 1) {
      const topic = Math.floor(clock.random() * TOPICS);
      store.append(messageOf(`plant/line-7/sensor-${topic}`, 1, true));
    }
    await durable(store);
  };
}

/** In and out, each packet after which the ends would disagree in a commit: PUBREC and PUBLISH, PUBCOMP and PUBREL, the last PUBCOMP with what comes next. */
function exactlyOnce(store: SessionStore): Deed {
  const [publisher, subscriber] = sessionsOf(store, 2) as [StoredSession, StoredSession];
  return async (messages) => {
    for (let id = 1; id <= messages; id += 1) {
      store.refer(subscriber, QOS_2);
      const sequence = store.append(messageOf('plant/line-7/temperature', 2));
      store.beginReceiving(publisher, id, published);
      store.beginSending(subscriber, id, sequence);
    }
    await durable(store);
    for (let id = 1; id <= messages; id += 1) {
      store.endReceiving(publisher, id, undefined);
      store.releaseSending(subscriber, id);
    }
    await durable(store);
    for (let id = 1; id <= messages; id += 1) store.endSending(subscriber, id, 'delivered');
    await durable(store);
  };
}

const DEEDS: Readonly<Record<string, (store: SessionStore) => Deed>> = {
  one: (store) => toAll(store, 1),
  'all-of-20': (store) => toAll(store, 20),
  'turns-of-20': (store) => inTurn(store, 20),
  'turns-of-2000': (store) => inTurn(store, 2_000),
  retained,
  'qos-2': exactlyOnce,
};

/** What the device has written, everything that waits in memory included. */
function deviceBytes(directory: string, statFile: string): number {
  execFileSync('sync', ['--file-system', directory]);
  return Number(readFileSync(statFile, 'utf8').trim().split(/\s+/)[6]) * SECTOR_BYTES;
}

async function repeat(deed: Deed, perCommit: number, messages: number): Promise<void> {
  for (let stored = 0; stored < messages; stored += perCommit) await deed(perCommit);
}

if (import.meta.main) {
  const [directory = '', statFile = '', name = '', perCommit = '1', messages = '1000'] = process.argv.slice(2);
  const store = openSqliteStore({ directory, clock, log: silentLog, metrics: new MetricsTable() });
  const deed = DEEDS[name]?.(store);
  if (deed === undefined) throw new Error(`no load is called ${name}`);
  await repeat(deed, Number(perCommit), Number(messages) / 2);
  const before = deviceBytes(directory, statFile);
  const counted = store.status().wear?.days.at(-1)?.bytes.log ?? 0;
  await repeat(deed, Number(perCommit), Number(messages));
  const logBytes = (store.status().wear?.days.at(-1)?.bytes.log ?? 0) - counted;
  await store.close();
  const device = deviceBytes(directory, statFile) - before;
  process.stdout.write(`${JSON.stringify({ deviceBytes: device / Number(messages), logBytes: logBytes / Number(messages) })}\n`);
}
