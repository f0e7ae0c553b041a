// What a remote's codes mean, for people.
import { REASON } from '../../mqtt/packets.ts';

/** Return codes of 3.x (MQTT 3.1.1 §3.2.2.3). */
const RETURN_CODES: ReadonlyMap<number, string> = new Map([
  [1, 'unacceptable protocol version'],
  [2, 'client id not taken'],
  [3, 'server unavailable'],
  [4, 'bad user name or password'],
  [5, 'not authorized'],
]);

const WORDS: ReadonlyMap<number, string> = new Map(
  Object.entries(REASON).map(([name, code]) => [code, name.replaceAll(/(?<![A-Z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)]),
);

/** Of SUBACK, PUBACK, PUBREC and DISCONNECT. @returns `0x87 (not authorized)`; what the remote says besides goes behind it. */
export function reasonText(code: number, said?: string): string {
  return text(code, code >= 0x80 ? WORDS.get(code) : undefined, said);
}

/** Of a CONNACK that refuses. */
export function refusalText(code: number, said?: string): string {
  return text(code, RETURN_CODES.get(code) ?? WORDS.get(code), said);
}

function text(code: number, words: string | undefined, said = ''): string {
  const name = `0x${code.toString(16).padStart(2, '0')}${words === undefined ? '' : ` (${words})`}`;
  return said === '' ? name : `${name}: ${said}`;
}
