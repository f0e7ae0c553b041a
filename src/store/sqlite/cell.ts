import { GatewayError } from '../../model/errors.ts';
import { PRIORITIES, type Priority } from '../../model/priority.ts';

/** What SQLite gives for a column. Its type is as true as the bytes of the file: one flipped bit makes a blob a number. */
export type Cell = string | number | Buffer | null;

/** @throws GatewayError STORE_CORRUPT - when it is no blob. */
export function bytesOf(cell: Cell | undefined): Buffer {
  if (Buffer.isBuffer(cell)) return cell;
  throw new GatewayError('STORE_CORRUPT', `${cell === null ? 'NULL' : typeof cell} where bytes should be`);
}

/** @throws GatewayError STORE_CORRUPT - when it is no number. */
export function numberOf(cell: Cell | undefined): number {
  if (typeof cell === 'number' && !Number.isNaN(cell)) return cell;
  throw new GatewayError('STORE_CORRUPT', `${cell === null ? 'NULL' : typeof cell} where a number should be`);
}

/** @throws GatewayError STORE_CORRUPT - when it is no class. */
export function priorityOf(cell: Cell | undefined): Priority {
  const priority = PRIORITIES.find((each) => each === cell);
  if (priority === undefined) throw new GatewayError('STORE_CORRUPT', `${typeof cell === 'number' ? cell : typeof cell} where a priority should be`);
  return priority;
}
