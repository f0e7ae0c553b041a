// What Node.js does not tell of a revocation list: how long it holds (RFC 5280 §5.1.2.5).
import type { EpochMs } from '../model/clock.ts';

const INTEGER = 0x02;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;

interface Element {
  readonly tag: number;
  readonly content: Buffer;
  readonly rest: Buffer;
}

/**
 * @param der - a CertificateList that OpenSSL took.
 * @returns when the next one is due; undefined when the list does not say.
 */
export function nextUpdateMs(der: Buffer): EpochMs | undefined {
  const list = element(der);
  let at = element(element(list.content).content);
  if (at.tag === INTEGER) at = element(at.rest); // version
  const signature = at;
  const issuer = element(signature.rest);
  const thisUpdate = element(issuer.rest);
  const nextUpdate = element(thisUpdate.rest);
  return timeMs(nextUpdate);
}

/** X.690 §8.1: tag, length in one byte or, with the high bit, in as many as it says, content. Nothing is left of an empty buffer. */
function element(der: Buffer): Element {
  const tag = der[0] ?? 0;
  const first = der[1] ?? 0;
  const sizeBytes = first < 0x80 ? 0 : first & 0x7f;
  const size = sizeBytes === 0 ? first : der.readUIntBE(2, sizeBytes);
  const start = 2 + sizeBytes;
  return { tag, content: der.subarray(start, start + size), rest: der.subarray(start + size) };
}

/** RFC 5280 §4.1.2.5.1: two digits from 50 on are of the last century. */
function timeMs({ tag, content }: Element): EpochMs | undefined {
  if (tag !== UTC_TIME && tag !== GENERALIZED_TIME) return undefined;
  const text = content.toString('latin1');
  const full = tag === GENERALIZED_TIME ? text : `${Number(text.slice(0, 2)) >= 50 ? '19' : '20'}${text}`;
  return Date.parse(full.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
}
