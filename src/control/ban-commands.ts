// Bans over the control socket. A ban without an end has `seconds` null, as JSON has no Infinity.
import { GatewayError } from '../model/errors.ts';
import type { CommandTable } from './protocol.ts';
import { BANNED_KINDS, type Ban, type BanBook, type BannedKind } from './running-gateway.ts';

const VALUE_BYTES_MAX = 1_024;
const REASON_BYTES_MAX = 1_024;
const SECONDS_MAX = 10 * 365 * 86_400;

type Parameters = Readonly<Record<string, unknown>>;

/** @param book - asked for at each command; throws while there is none. */
export function banCommands(book: () => BanBook): CommandTable {
  return {
    'ban.list': { about: 'The bans in force.', run: () => book().list().map(written) },
    'ban.add': { about: 'Lets a client id, a user or an address in no more, and ends their links.', run: (given) => ({ ended: book().add(banOf(given)) }) },
    'ban.remove': { about: 'Lets them in again.', run: (given) => ({ removed: book().remove(kindOf(given), bannedOf(given)) }) },
  };
}

function written({ seconds, ...ban }: Ban): Readonly<Record<string, unknown>> {
  return { ...ban, seconds: Number.isFinite(seconds) ? seconds : null };
}

function banOf(given: Parameters): Ban {
  const { seconds = null, reason = '' } = given;
  if (seconds !== null && !(typeof seconds === 'number' && Number.isInteger(seconds) && seconds >= 1 && seconds <= SECONDS_MAX))
    throw wrong(`"seconds" must be a whole number from 1 to ${SECONDS_MAX}, or null`);
  if (typeof reason !== 'string' || Buffer.byteLength(reason) > REASON_BYTES_MAX) throw wrong(`"reason" must be a text of at most ${REASON_BYTES_MAX} bytes`);
  return { kind: kindOf(given), value: bannedOf(given), seconds: seconds ?? Number.POSITIVE_INFINITY, reason };
}

function kindOf({ kind }: Parameters): BannedKind {
  const known = BANNED_KINDS.find((each) => each === kind);
  if (known === undefined) throw wrong(`"kind" must be one of ${BANNED_KINDS.join(', ')}`);
  return known;
}

function bannedOf({ value }: Parameters): string {
  if (typeof value !== 'string' || value === '' || Buffer.byteLength(value) > VALUE_BYTES_MAX)
    throw wrong(`"value" must be a text of 1 to ${VALUE_BYTES_MAX} bytes`);
  return value;
}

function wrong(message: string): GatewayError {
  return new GatewayError('PROTOCOL_VIOLATION', message);
}
