// Rows of what changed since the last checkpoint, one after the other, each as it is when it is asked for.
import type { Subscription } from '../../bus/subscription.ts';
import type { Priority } from '../../model/priority.ts';
import type { TopicName } from '../../model/topic.ts';
import type { Image, ImageDirt } from '../../session/image.ts';
import type { SessionDirt, SessionImage } from '../../session/session-image.ts';
import type { ReceivingExchange, SendingExchange, Sequence, SessionFacts } from '../../session/session-store.ts';
import { ByteWriter } from '../../wire/byte-writer.ts';
import { packMessage } from './message-codec.ts';
import { writeFacts, writeReceiving, writeSending, writeSubscriptionOptions } from './record-codec.ts';
import type { SqlValue, StatementName, TableWrite } from './schema.ts';

const ROW_BYTES = 64;
const CHUNKS_AT_ONCE = 64;

/** How a value becomes the last column of its row. */
interface RowKind<Value> {
  readonly put: StatementName;
  readonly drop: StatementName;
  encode(writer: ByteWriter, value: Value): void;
}

const SESSION: RowKind<SessionFacts> = { put: 'putSession', drop: 'dropSession', encode: writeFacts };
const SUBSCRIPTION: RowKind<Subscription> = { put: 'putSubscription', drop: 'dropSubscription', encode: writeSubscriptionOptions };
const SENDING: RowKind<SendingExchange> = { put: 'putSending', drop: 'dropSending', encode: writeSending };
const RECEIVING: RowKind<ReceivingExchange> = { put: 'putReceiving', drop: 'dropReceiving', encode: writeReceiving };
const STATE: RowKind<Uint8Array> = { put: 'putState', drop: 'dropState', encode: (writer, value) => writer.raw(value) };

const SESSION_TABLES: readonly StatementName[] = ['dropSubscriptions', 'dropChunks', 'dropAllSending', 'dropAllReceiving', 'dropStates', 'dropSession'];

/** A session's own row comes before the rows that belong to it, and goes after them. */
export function* snapshotRows(image: Image, dirt: ImageDirt): Generator<TableWrite> {
  for (const id of dirt.removedSessions) {
    for (const statement of SESSION_TABLES) yield { statement, values: [id] };
  }
  for (const id of dirt.sessions) {
    const session = image.session(id);
    if (session === undefined) continue;
    session.isListed = false;
    yield* sessionRows(image, session);
  }
  for (const [gateway, keys] of dirt.gatewayState) {
    for (const key of keys) yield row(STATE, [gateway, 0, key], image.gatewayState(gateway).get(key));
  }
  for (const topic of dirt.retained) yield retainedRow(image, topic);
}

/** Every row there should be, for a file that has none. Sessions and queues know afterwards that they have rows to delete. */
export function* allRows(image: Image): Generator<TableWrite> {
  for (const session of image.sessions.values()) {
    const { id } = session;
    session.isStored = true;
    yield row(SESSION, [id, session.realm, session.clientId], session.facts);
    for (const [filter, subscription] of session.subscriptions) yield row(SUBSCRIPTION, [id, filter], subscription);
    for (const [packetId, exchange] of session.sending) yield row(SENDING, [id, packetId], exchange);
    for (const [packetId, exchange] of session.receiving) yield row(RECEIVING, [id, packetId], exchange);
    for (const [key, value] of session.state) yield row(STATE, ['', id, key], value);
    const chunks: TableWrite[] = [];
    session.queue.storeRows((lane, key, live) => chunks.push(chunkRow([id, lane, key], live)), leftOutOf(image));
    yield* chunks;
  }
  for (const gateway of image.gateways) for (const [key, value] of image.gatewayState(gateway)) yield row(STATE, [gateway, 0, key], value);
  for (const topic of image.retained.keys()) yield retainedRow(image, topic);
}

/** What no row may know: it ends with the process. */
function leftOutOf({ volatile }: Image): ((sequence: Sequence) => boolean) | undefined {
  return volatile.count === 0 ? undefined : (sequence) => volatile.has(sequence);
}

function* sessionRows(image: Image, session: SessionImage): Generator<TableWrite> {
  const { id, realm, clientId, dirt } = session;
  session.dirt = undefined;
  if (dirt?.isFacts === true) {
    session.isStored = true;
    yield row(SESSION, [id, realm, clientId], session.facts);
  }
  if (dirt !== undefined) yield* dependentRows(session, dirt);
  let chunks: TableWrite[];
  do {
    chunks = [];
    const take = (lane: Priority, key: Sequence, live: Uint8Array | undefined): unknown => chunks.push(chunkRow([id, lane, key], live));
    if (image.session(id) === session) session.queue.takeDirty(CHUNKS_AT_ONCE, take, leftOutOf(image));
    yield* chunks;
  } while (chunks.length > 0);
}

function* dependentRows(session: SessionImage, dirt: SessionDirt): Generator<TableWrite> {
  const { id } = session;
  for (const filter of dirt.subscriptions) yield row(SUBSCRIPTION, [id, filter], session.subscriptions.get(filter));
  for (const packetId of dirt.sending) yield row(SENDING, [id, packetId], session.sending.get(packetId));
  for (const packetId of dirt.receiving) yield row(RECEIVING, [id, packetId], session.receiving.get(packetId));
  for (const key of dirt.state) yield row(STATE, ['', id, key], session.state.get(key));
}

function chunkRow(key: readonly [session: number, lane: Priority, first: Sequence], live: Uint8Array | undefined): TableWrite {
  if (live === undefined) return { statement: 'dropChunk', values: key };
  return { statement: 'putChunk', values: [...key, live] };
}

function retainedRow(image: Image, topic: TopicName): TableWrite {
  const message = image.retained.get(topic);
  if (message === undefined) return { statement: 'dropRetained', values: [topic] };
  return { statement: 'putRetained', values: [topic, image.retainedAt(topic) ?? 0, packMessage(message)] };
}

function row<Value>(kind: RowKind<Value>, key: readonly SqlValue[], value: Value | undefined): TableWrite {
  if (value === undefined) return { statement: kind.drop, values: key };
  const writer = new ByteWriter(Buffer.allocUnsafe(ROW_BYTES));
  kind.encode(writer, value);
  return { statement: kind.put, values: [...key, writer.written] };
}
