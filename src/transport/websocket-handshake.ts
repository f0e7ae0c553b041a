// The opening handshake of RFC 6455 §4.2 as far as it is ours: what we ask of a request that wants to become a WebSocket with MQTT on it.
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import { isIP } from 'node:net';
import { acceptFor } from './websocket-accept.ts';

export interface WebSocketPolicy {
  /** Path of the URL, e.g. `/mqtt`. */
  readonly path: string;
  /** Origins let in besides that of the host itself, as browsers write them: `https://dashboard.example.org`; `*` is all of them. */
  readonly origins: readonly string[];
  readonly allowWithoutSubprotocol: boolean;
}

/** Why a request does not become a WebSocket; each is counted apart. */
type RejectionCause = 'request' | 'path' | 'origin' | 'subprotocol';

type Verdict =
  | { readonly kind: 'accepted'; readonly response: string }
  | { readonly kind: 'rejected'; readonly cause: RejectionCause; readonly response: string; readonly reason: string };

type Request = Pick<IncomingMessage, 'method' | 'url' | 'headers' | 'httpVersionMajor' | 'httpVersionMinor'>;

const VERSION = '13'; // RFC 6455 §4.1
const KEY = /^[+/0-9A-Za-z]{22}==$/; // §4.1: base64 of 16 bytes
/** In the order we prefer them. `mqttv3.1` is what clients of that version offer. */
const SUBPROTOCOLS = ['mqtt', 'mqttv3.1'];

export function judge(request: Request, policy: WebSocketPolicy): Verdict {
  const { headers } = request;
  if (pathOf(request) !== policy.path) return rejection('path', 404, 'no WebSocket at this path');
  const key = headers['sec-websocket-key'];
  const isOldHttp = request.httpVersionMajor === 1 && request.httpVersionMinor === 0;
  if (request.method !== 'GET') return rejection('request', 405, 'a WebSocket begins with GET', ['Allow: GET']);
  if (isOldHttp || headers.host === undefined || headers.upgrade?.toLowerCase() !== 'websocket') return rejection('request', 400, 'no upgrade to WebSocket');
  if (headers['sec-websocket-version'] !== VERSION) return rejection('request', 426, 'WebSocket version 13 only', [`Sec-WebSocket-Version: ${VERSION}`]);
  if (key === undefined || !KEY.test(key)) return rejection('request', 400, 'Sec-WebSocket-Key is not valid');
  if (!isOriginAllowed(headers, policy.origins)) return rejection('origin', 403, 'this origin is not among those allowed');
  const subprotocol = chosen(headers['sec-websocket-protocol']);
  if (subprotocol === undefined && !policy.allowWithoutSubprotocol) return rejection('subprotocol', 400, 'the subprotocol mqtt is not offered'); // MQTT-6.0.0-3
  const accept = acceptFor(key);
  const lines = ['Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${accept}`];
  if (subprotocol !== undefined) lines.push(`Sec-WebSocket-Protocol: ${subprotocol}`); // MQTT-6.0.0-4
  return { kind: 'accepted', response: head(101, lines) };
}

/** The answer to a request of which nothing can come; the connection ends with it. */
export function refusal(status: number, reason: string, lines: readonly string[] = []): string {
  const body = `${reason}\n`;
  return head(status, [...lines, 'Connection: close', 'Content-Type: text/plain', `Content-Length: ${Buffer.byteLength(body)}`]) + body;
}

function rejection(cause: RejectionCause, status: number, reason: string, lines: readonly string[] = []): Verdict {
  return { kind: 'rejected', cause, response: refusal(status, reason, lines), reason };
}

function head(status: number, lines: readonly string[]): string {
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;
}

function pathOf({ url = '' }: Request): string {
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}

function chosen(offered: string | undefined): string | undefined {
  const offers = offered?.split(',').map((offer) => offer.trim());
  return SUBPROTOCOLS.find((subprotocol) => offers?.includes(subprotocol));
}

/** Set by HTTP proxies, RFC 7239 and those of before it. */
const FORWARDED = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'];

/** Whether a proxy passed the request on: its address is then not that of the client. Who says so without one loses by it. */
export function isForwarded({ headers }: Pick<Request, 'headers'>): boolean {
  return FORWARDED.some((name) => headers[name] !== undefined);
}

/**
 * Browsers always say where a page comes from, nobody else does. A page of this very host and port is ours (RFC 6454 §4), unless it is there by a name
 * and without a certificate for it: whose name that is may have pointed it at our address after his page was loaded (DNS rebinding).
 */
function isOriginAllowed({ origin, host }: Request['headers'], allowed: readonly string[]): boolean {
  if (origin === undefined || allowed.includes('*')) return true;
  if (allowed.some((each) => normal(each) === normal(origin))) return true;
  const from = URL.parse(origin);
  if (host === undefined || from === null || !/^https?:$/.test(from.protocol)) return false; // "null", say: a page without an origin
  if (from.protocol === 'http:' && !isBound(from.hostname)) return false;
  return URL.parse(`${from.protocol}//${host}`)?.host === from.host; // a port that is that of the scheme is left out of both
}

/** Whether a host is where it says it is: an address, or the name browsers resolve themselves. */
function isBound(hostname: string): boolean {
  return hostname === 'localhost' || isIP(hostname.replace(/^\[|\]$/g, '')) !== 0;
}

/** Without a slash at the end, in lower case, without the port of the scheme; what has no origin in that sense as it is. */
function normal(origin: string): string {
  const url = URL.parse(origin);
  return url === null || url.origin === 'null' ? origin : url.origin;
}
