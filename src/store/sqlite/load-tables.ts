import type { Database } from 'better-sqlite3';
import { clientId, realm } from '../../model/client.ts';
import { GatewayError } from '../../model/errors.ts';
import type { Log } from '../../model/log.ts';
import type { TopicFilter } from '../../model/topic.ts';
import type { Image } from '../../session/image.ts';
import { ByteReader } from '../../wire/byte-reader.ts';
import { bytesOf, type Cell, numberOf, priorityOf } from './cell.ts';
import { readPacked } from './message-codec.ts';
import { readFacts, readReceiving, readSending, readSubscription } from './record-codec.ts';
import { type RowTable, unsealed } from './sealed-row.ts';

type Take = (row: readonly Cell[]) => void;

/**
 * Reads the snapshot. A row that is whole and cannot be understood is left out and said so; rows of sessions that are gone are no rows.
 *
 * @throws GatewayError STORE_CORRUPT - when a row is not as it was written, or a table does not have as many as its copy.
 */
export function loadTables(database: Database, image: Image, log: Log): void {
  const read = (table: RowTable, columns: string, take: Take): void => {
    let count = 0;
    for (const stored of database.prepare(`SELECT ${columns} FROM ${table}`).raw().iterate()) {
      const row = stored as Cell[];
      row[row.length - 1] = unsealed(table, row);
      count += 1;
      try {
        take(row);
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        log.error('row of the store is damaged', { table, key: String(row[0]), reason: error.message });
      }
    }
    sameCount(database, table, count);
  };
  read('session', 'id, realm, client_id, facts', ([id, name, client, facts]) => {
    image.apply({ kind: 'session', id: numberOf(id), realm: realm(String(name)), clientId: clientId(String(client)), facts: readFacts(readerOf(facts)) });
  });
  read('subscription', 'session, filter, options', ([session, filter, options]) => {
    image.apply({ kind: 'subscription', session: numberOf(session), subscription: readSubscription(String(filter) as TopicFilter, readerOf(options)) });
  });
  read('sending', 'session, packet_id, exchange', ([session, packetId, exchange]) => {
    image.apply({ kind: 'sending', session: numberOf(session), packetId: numberOf(packetId), exchange: readSending(readerOf(exchange)) });
  });
  read('receiving', 'session, packet_id, exchange', ([session, packetId, exchange]) => {
    image.apply({ kind: 'receiving', session: numberOf(session), packetId: numberOf(packetId), exchange: readReceiving(readerOf(exchange)) });
  });
  read('state', 'gateway, session, key, value', ([gateway, session, key, value]) => {
    const owner = session === 0 ? { gateway: String(gateway) } : { session: numberOf(session) };
    image.apply({ kind: 'state', owner, key: String(key), value: Uint8Array.from(bytesOf(value)) });
  });
  read('queue_chunk', 'session, lane, first_sequence, live', ([session, lane, key, live]) => {
    image.restoreChunk(numberOf(session), { priority: priorityOf(lane), key: numberOf(key) }, bytesOf(live));
  });
  read('retained', 'topic, sequence, message', ([, sequence, message]) => {
    image.retain(numberOf(sequence), readPacked(readerOf(message)));
  });
  image.markStored();
}

function sameCount(database: Database, table: RowTable, count: number): void {
  const copies = database.prepare(`SELECT count(*) FROM ${table}_copy`).pluck().get();
  if (copies !== count) throw new GatewayError('STORE_CORRUPT', `${table} has ${count} rows, its copy ${copies}`);
}

function readerOf(cell: Cell | undefined): ByteReader {
  return new ByteReader(bytesOf(cell));
}
