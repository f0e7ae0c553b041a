// What a row of the tables says cannot be told from what a flipped bit made of it, unless it says so itself: its last column ends with a checksum over
// its table, its key and its value. And it lies in the file twice, in a table and in its copy, on pages of their own.
import { crc32 } from 'node:zlib';
import { GatewayError } from '../../model/errors.ts';
import { bytesOf, type Cell } from './cell.ts';
import { type SqlValue, STATEMENTS, type StatementName } from './schema.ts';

const CHECK_BYTES = 4;
const NUMBER_BYTES = 8;

/** The statement that puts a row, by table. */
export const PUT_STATEMENT = {
  meta: 'putMeta',
  session: 'putSession',
  subscription: 'putSubscription',
  queue_chunk: 'putChunk',
  sending: 'putSending',
  receiving: 'putReceiving',
  state: 'putState',
  retained: 'putRetained',
} as const satisfies Record<string, StatementName>;

export type RowTable = keyof typeof PUT_STATEMENT;

/** One statement of a write, and whether the last of its values is sealed. */
export interface RowStatement {
  readonly sql: string;
  readonly table: string;
  readonly isSealed: boolean;
}

/** What the write of that name runs: on the table and, unless it is the log, on its copy. */
export function rowStatements(name: StatementName): readonly RowStatement[] {
  const sql = STATEMENTS[name];
  const table = /(?:INTO|FROM) (\w+)/.exec(sql)?.[1] ?? '';
  const isPut = Object.values<StatementName>(PUT_STATEMENT).includes(name);
  const own = { sql, table, isSealed: isPut && table !== 'meta' }; // numbers that people look at
  if (!(table in PUT_STATEMENT)) return [own];
  return [own, { sql: sql.replace(new RegExp(`\\b${table}\\b`), `${table}_copy`), table, isSealed: isPut }];
}

/** The values of a row as they are stored. */
export function sealed(table: string, values: readonly SqlValue[]): SqlValue[] {
  const keys = values.slice(0, -1);
  const value = contentOf(values.at(-1) ?? 0);
  const bytes = Buffer.allocUnsafe(value.length + CHECK_BYTES);
  bytes.set(value);
  bytes.writeUInt32LE(checkOf(table, keys, value), value.length);
  return [...keys, bytes];
}

/**
 * The last value of a stored row as it was before it was sealed.
 *
 * @throws GatewayError STORE_CORRUPT - when any of the row's values is not what was stored.
 */
export function unsealed(table: string, row: readonly Cell[]): Buffer {
  const bytes = bytesOf(row.at(-1));
  const content = bytes.subarray(0, -CHECK_BYTES);
  const isWhole = bytes.length >= CHECK_BYTES && checkOf(table, row.slice(0, -1), content) === bytes.readUInt32LE(content.length);
  if (!isWhole) throw new GatewayError('STORE_CORRUPT', `checksum of a row of ${table} is wrong`);
  return content;
}

/** Whether the row is one of `table`, as it was written. */
export function isSealed(table: string, row: readonly Cell[]): boolean {
  try {
    unsealed(table, row);
    return true;
  } catch (error) {
    if (error instanceof GatewayError) return false;
    throw error;
  }
}

/** A number whose row was sealed. */
export function unsealedNumber(table: string, row: readonly Cell[]): number {
  const content = unsealed(table, row);
  if (content.length !== NUMBER_BYTES) throw new GatewayError('STORE_CORRUPT', `${content.length} bytes where a number should be`);
  return content.readDoubleLE();
}

function contentOf(value: SqlValue): Uint8Array {
  if (typeof value === 'object') return value;
  if (typeof value === 'string') return Buffer.from(value);
  const bytes = Buffer.allocUnsafe(NUMBER_BYTES);
  bytes.writeDoubleLE(value);
  return bytes;
}

function checkOf(table: string, keys: readonly (SqlValue | Cell)[], value: Uint8Array): number {
  return crc32(value, crc32(`${table}\0${keys.map(String).join('\0')}\0`));
}
