// Rows of what changed since the last checkpoint, one after the other, each as it is when it is asked for.
import type { TopicName } from '../../model/topic.ts';
import type { Image, ImageDirt } from '../../session/image.ts';
import type { SessionDirt, SessionImage } from '../../session/session-image.ts';
import { ByteWriter } from '../../wire/byte-writer.ts';
import { packMessage } from './message-codec.ts';
import { writeFacts, writeReceiving, writeSending, writeSubscriptionOptions } from './record-codec.ts';
import type { SqlValue, StatementName, TableWrite } from './schema.ts';

const CHUNKS_AT_ONCE = 64;

/** A session's own row comes before the rows that belong to it; theirs go before its own. */
export function* snapshotRows(image: Image, dirt: ImageDirt): Generator<TableWrite> {
  for (const id of dirt.removedSessions) yield* removedSessionRows(id);
  for (const session of dirt.sessions) {
    session.isListed = false;
    if (image.session(session.id) === session) yield* sessionRows(image, session);
  }
  for (const [gateway, keys] of dirt.gatewayState) {
    for (const key of keys) yield stateRow(gateway, 0, { key, value: image.gatewayState(gateway).get(key) });
  }
  for (const topic of dirt.retained) yield retainedRow(image, topic);
}

function* removedSessionRows(id: number): Generator<TableWrite> {
  const statements: readonly StatementName[] = ['dropSubscriptions', 'dropChunks', 'dropAllSending', 'dropAllReceiving', 'dropStates', 'dropSession'];
  for (const statement of statements) yield write(statement, id);
}

function* sessionRows(image: Image, session: SessionImage): Generator<TableWrite> {
  const dirt = session.dirt;
  session.dirt = undefined;
  if (dirt?.isFacts === true) {
    session.isStored = true;
    const facts = encoded((writer) => writeFacts(writer, session.facts));
    yield write('putSession', session.id, session.realm, session.clientId, facts);
  }
  if (dirt !== undefined) yield* factRows(session, dirt);
  let chunks: TableWrite[];
  do {
    chunks = [];
    if (image.session(session.id) === session) session.queue.takeDirty(CHUNKS_AT_ONCE, (key, live) => chunks.push(chunkRow(session.id, key, live)));
    yield* chunks;
  } while (chunks.length > 0);
}

function* factRows(session: SessionImage, dirt: SessionDirt): Generator<TableWrite> {
  const { id } = session;
  for (const filter of dirt.subscriptions) {
    const subscription = session.subscriptions.get(filter);
    if (subscription === undefined) yield write('dropSubscription', id, filter);
    else
      yield write(
        'putSubscription',
        id,
        filter,
        encoded((writer) => writeSubscriptionOptions(writer, subscription)),
      );
  }
  for (const packetId of dirt.sending) {
    const exchange = session.sending.get(packetId);
    if (exchange === undefined) yield write('dropSending', id, packetId);
    else
      yield write(
        'putSending',
        id,
        packetId,
        encoded((writer) => writeSending(writer, exchange)),
      );
  }
  for (const packetId of dirt.receiving) {
    const exchange = session.receiving.get(packetId);
    if (exchange === undefined) yield write('dropReceiving', id, packetId);
    else
      yield write(
        'putReceiving',
        id,
        packetId,
        encoded((writer) => writeReceiving(writer, exchange)),
      );
  }
  for (const key of dirt.state) yield stateRow('', id, { key, value: session.state.get(key) });
}

function stateRow(gateway: string, session: number, { key, value }: { readonly key: string; readonly value: Uint8Array | undefined }): TableWrite {
  return value === undefined ? write('dropState', gateway, session, key) : write('putState', gateway, session, key, value);
}

function chunkRow(session: number, key: number, live: Uint8Array | undefined): TableWrite {
  return live === undefined ? write('dropChunk', session, key) : write('putChunk', session, key, live);
}

function retainedRow(image: Image, topic: TopicName): TableWrite {
  const message = image.retained.get(topic);
  return message === undefined ? write('dropRetained', topic) : write('putRetained', topic, image.retainedAt(topic) ?? 0, packMessage(message));
}

function write(statement: StatementName, ...values: SqlValue[]): TableWrite {
  return { statement, values };
}

function encoded(fill: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter(Buffer.allocUnsafe(64));
  fill(writer);
  return writer.written;
}
