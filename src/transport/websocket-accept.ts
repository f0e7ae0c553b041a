import { createHash } from 'node:crypto';

const KEY_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'; // RFC 6455 §1.3

/** What a server says to the key of a client, so that each knows the other speaks WebSocket (§4.2.2). */
export function acceptFor(key: string): string {
  return createHash('sha1').update(key).update(KEY_SUFFIX).digest('base64');
}
