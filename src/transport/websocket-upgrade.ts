// The opening handshake of RFC 6455 §4.1, as a client: one request, and an answer that is held to it.
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { WEBSOCKET_REQUEST_BYTES_MAX } from '../model/limits.ts';
import type { Counter } from '../model/metrics.ts';
import type { Upgrade } from './dialing.ts';
import { acceptFor } from './websocket-accept.ts';
import { WebSocketFraming } from './websocket-framing.ts';
import { ClientFrames } from './websocket-masking.ts';

export interface WebSocketTarget {
  /** As the Host header has it, with the port unless it is that of the scheme. */
  readonly host: string;
  /** Path and query. */
  readonly path: string;
}

const SUBPROTOCOL = 'mqtt'; // MQTT-6.0.0-3
const HEAD_END = '\r\n\r\n';

export function upgradeRequest({ host, path }: WebSocketTarget, key: string): string {
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: ${host}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${key}`,
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Protocol: ${SUBPROTOCOL}`,
  ];
  return lines.join('\r\n') + HEAD_END;
}

/** @param head - of the answer, without the empty line. @returns what is wrong with it; undefined: it is a WebSocket with MQTT on it now. */
export function upgradeProblem(head: string, key: string): string | undefined {
  const [status = '', ...lines] = head.split('\r\n');
  const [, code, words = ''] = /^HTTP\/1\.1 (\d{3}) ?(.*)$/.exec(status) ?? [];
  if (code === undefined) return 'it does not answer with HTTP/1.1';
  if (code !== '101') return `it answers ${code} ${words}`.trimEnd();
  const fields = new Map(lines.map(field));
  const accept = acceptFor(key);
  if (fields.get('upgrade')?.toLowerCase() !== 'websocket') return 'it upgrades to something else than WebSocket';
  if (fields.get('sec-websocket-accept') !== accept) return 'it answers to another request than ours';
  if (fields.has('sec-websocket-extensions')) return 'it wants an extension of WebSocket that was not offered';
  return fields.get('sec-websocket-protocol') === SUBPROTOCOL ? undefined : 'it does not choose the subprotocol mqtt'; // MQTT-6.0.0-4
}

function field(line: string): [name: string, value: string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
}

/** @param payloadBytesMax - of one frame. */
export function webSocketUpgrade(target: WebSocketTarget, parts: { readonly payloadBytesMax: number; readonly violations: Counter }): Upgrade {
  return (socket, { agreed, refused }) => {
    const key = randomBytes(16).toString('base64');
    let answer = Buffer.alloc(0);
    const onClose = (): void => finish(() => refused('it closed the connection without an answer'));
    const onData = (bytes: Buffer): void => {
      answer = Buffer.concat([answer, bytes]);
      const end = answer.indexOf(HEAD_END);
      if (end < 0 && answer.length <= WEBSOCKET_REQUEST_BYTES_MAX) return;
      const problem = end < 0 ? 'its answer is too long' : upgradeProblem(answer.toString('latin1', 0, end), key);
      const first = answer.subarray(end + HEAD_END.length);
      finish(() => (problem === undefined ? agreed(new WebSocketFraming(socket, { ...parts, frames: new ClientFrames() }), first) : refused(problem)));
    };
    const finish = (then: () => void): void => {
      socket.off('data', onData);
      socket.off('close', onClose);
      then();
    };
    listen(socket, onData, onClose);
    socket.write(upgradeRequest(target, key));
  };
}

function listen(socket: Socket, onData: (bytes: Buffer) => void, onClose: () => void): void {
  socket.on('data', onData);
  socket.on('close', onClose);
}
