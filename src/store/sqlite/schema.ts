// The tables. The log is `segment`; everything else is a snapshot of memory, written behind it. A row's values are what a record of the log says,
// in the same encoding, so that there is one codec to test.
import { ORDINARY } from '../../model/priority.ts';

/** "PSTN": files of anybody else are not touched. */
export const APPLICATION_ID = 0x5053_544e;
/** "PSTB": a backup, which is restored and never opened in place. */
export const ARCHIVE_ID = 0x5053_5442;
/** `user_version`. A change of the tables adds one, and a migration from the version before. */
export const SCHEMA_VERSION = 3;

const QUEUE_CHUNK = `CREATE TABLE queue_chunk(session INTEGER, lane INTEGER, first_sequence INTEGER, live BLOB NOT NULL, PRIMARY KEY(session, lane, first_sequence)) WITHOUT ROWID;`;

/** The same rows once more, after all other tables so that they lie on pages far from the first ones (docs/decisions/0038-a-store-that-heals.md). */
const COPIES = `
  CREATE TABLE queue_chunk_copy(session INTEGER, lane INTEGER, first_sequence INTEGER, live BLOB NOT NULL, PRIMARY KEY(session, lane, first_sequence)) WITHOUT ROWID;
  CREATE TABLE subscription_copy(session INTEGER, filter TEXT, options BLOB NOT NULL, PRIMARY KEY(session, filter)) WITHOUT ROWID;
  CREATE TABLE sending_copy(session INTEGER, packet_id INTEGER, exchange BLOB NOT NULL, PRIMARY KEY(session, packet_id)) WITHOUT ROWID;
  CREATE TABLE receiving_copy(session INTEGER, packet_id INTEGER, exchange BLOB NOT NULL, PRIMARY KEY(session, packet_id)) WITHOUT ROWID;
  CREATE TABLE state_copy(gateway TEXT, session INTEGER, key TEXT, value BLOB NOT NULL, PRIMARY KEY(gateway, session, key)) WITHOUT ROWID;
  CREATE TABLE retained_copy(topic TEXT PRIMARY KEY, sequence INTEGER NOT NULL, message BLOB NOT NULL) WITHOUT ROWID;
  CREATE TABLE session_copy(id INTEGER PRIMARY KEY, realm TEXT NOT NULL, client_id TEXT NOT NULL, facts BLOB NOT NULL);
  CREATE TABLE meta_copy(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
  INSERT INTO meta_copy(key, value) VALUES ('schema', sealed('meta', 'schema', ${SCHEMA_VERSION}));
`;

/** SQL that turns a database of version n into one of version n + 1, at index n − 1. `sealed` is the function of sealed-row.ts. */
export const MIGRATIONS: readonly string[] = [
  `
  ALTER TABLE queue_chunk RENAME TO queue_chunk_before;
  ${QUEUE_CHUNK}
  INSERT INTO queue_chunk(session, lane, first_sequence, live) SELECT session, ${ORDINARY}, first_sequence, live FROM queue_chunk_before;
  DROP TABLE queue_chunk_before;
`,
  `
  ${COPIES}
  UPDATE session SET facts = sealed('session', id, realm, client_id, facts);
  UPDATE subscription SET options = sealed('subscription', session, filter, options);
  UPDATE queue_chunk SET live = sealed('queue_chunk', session, lane, first_sequence, live);
  UPDATE sending SET exchange = sealed('sending', session, packet_id, exchange);
  UPDATE receiving SET exchange = sealed('receiving', session, packet_id, exchange);
  UPDATE state SET value = sealed('state', gateway, session, key, value);
  UPDATE retained SET message = sealed('retained', topic, sequence, message);
  INSERT INTO session_copy SELECT * FROM session;
  INSERT INTO subscription_copy SELECT * FROM subscription;
  INSERT INTO queue_chunk_copy SELECT * FROM queue_chunk;
  INSERT INTO sending_copy SELECT * FROM sending;
  INSERT INTO receiving_copy SELECT * FROM receiving;
  INSERT INTO state_copy SELECT * FROM state;
  INSERT INTO retained_copy SELECT * FROM retained;
  INSERT INTO meta_copy SELECT key, sealed('meta', key, value) FROM meta;
`,
];

const FIRST_TABLES = ['meta', 'segment', 'session', 'subscription', 'queue_chunk', 'sending', 'receiving', 'state', 'retained'];
export const TABLES = [...FIRST_TABLES, ...[...COPIES.matchAll(/CREATE TABLE (\w+)/g)].map(([, name]) => name)];

export const CREATE_TABLES = `
  CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
  CREATE TABLE segment(number INTEGER PRIMARY KEY, first_sequence INTEGER NOT NULL, next_sequence INTEGER NOT NULL, bytes BLOB NOT NULL);
  CREATE TABLE session(id INTEGER PRIMARY KEY, realm TEXT NOT NULL, client_id TEXT NOT NULL, facts BLOB NOT NULL);
  CREATE TABLE subscription(session INTEGER, filter TEXT, options BLOB NOT NULL, PRIMARY KEY(session, filter)) WITHOUT ROWID;
  ${QUEUE_CHUNK}
  CREATE TABLE sending(session INTEGER, packet_id INTEGER, exchange BLOB NOT NULL, PRIMARY KEY(session, packet_id)) WITHOUT ROWID;
  CREATE TABLE receiving(session INTEGER, packet_id INTEGER, exchange BLOB NOT NULL, PRIMARY KEY(session, packet_id)) WITHOUT ROWID;
  CREATE TABLE state(gateway TEXT, session INTEGER, key TEXT, value BLOB NOT NULL, PRIMARY KEY(gateway, session, key)) WITHOUT ROWID;
  CREATE TABLE retained(topic TEXT PRIMARY KEY, sequence INTEGER NOT NULL, message BLOB NOT NULL) WITHOUT ROWID;
  ${COPIES}
`;

/** Every statement that writes, by name. All of them may be repeated: a commit whose outcome is unknown is tried again as it was. */
export const STATEMENTS = {
  putMeta: 'INSERT OR REPLACE INTO meta(key, value) VALUES (?, ?)',
  putSegment: 'INSERT OR REPLACE INTO segment(number, first_sequence, next_sequence, bytes) VALUES (?, ?, ?, ?)',
  dropSegments: 'DELETE FROM segment WHERE number BETWEEN ? AND ?',
  putSession: 'INSERT OR REPLACE INTO session(id, realm, client_id, facts) VALUES (?, ?, ?, ?)',
  dropSession: 'DELETE FROM session WHERE id = ?',
  putSubscription: 'INSERT OR REPLACE INTO subscription(session, filter, options) VALUES (?, ?, ?)',
  dropSubscription: 'DELETE FROM subscription WHERE session = ? AND filter = ?',
  dropSubscriptions: 'DELETE FROM subscription WHERE session = ?',
  putChunk: 'INSERT OR REPLACE INTO queue_chunk(session, lane, first_sequence, live) VALUES (?, ?, ?, ?)',
  dropChunk: 'DELETE FROM queue_chunk WHERE session = ? AND lane = ? AND first_sequence = ?',
  dropChunks: 'DELETE FROM queue_chunk WHERE session = ?',
  putSending: 'INSERT OR REPLACE INTO sending(session, packet_id, exchange) VALUES (?, ?, ?)',
  dropSending: 'DELETE FROM sending WHERE session = ? AND packet_id = ?',
  dropAllSending: 'DELETE FROM sending WHERE session = ?',
  putReceiving: 'INSERT OR REPLACE INTO receiving(session, packet_id, exchange) VALUES (?, ?, ?)',
  dropReceiving: 'DELETE FROM receiving WHERE session = ? AND packet_id = ?',
  dropAllReceiving: 'DELETE FROM receiving WHERE session = ?',
  putState: 'INSERT OR REPLACE INTO state(gateway, session, key, value) VALUES (?, ?, ?, ?)',
  dropState: 'DELETE FROM state WHERE gateway = ? AND session = ? AND key = ?',
  dropStates: "DELETE FROM state WHERE gateway = '' AND session = ?",
  putRetained: 'INSERT OR REPLACE INTO retained(topic, sequence, message) VALUES (?, ?, ?)',
  dropRetained: 'DELETE FROM retained WHERE topic = ?',
} as const;

export type StatementName = keyof typeof STATEMENTS;
export type SqlValue = string | number | Uint8Array;

/** One row to write or rows to delete: the name of a statement and its values. Plain data, so that it can cross to another thread. */
export interface TableWrite {
  readonly statement: StatementName;
  readonly values: readonly SqlValue[];
}
