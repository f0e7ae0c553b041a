import { connect } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { TEST_AUTHORITY } from '../../support/certificates.ts';
import { SocketPeer } from './socket-peer.ts';

/** Rejects when the handshake fails on this side. In TLS 1.3 a server refuses a client only after it. */
export async function handshaken(port: number, options: ConnectionOptions = {}): Promise<SocketPeer> {
  const raw = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  raw.on('error', () => {});
  const socket = connectTls({ socket: raw, ca: TEST_AUTHORITY, servername: 'localhost', ...options });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      socket.off('error', reject);
      resolve();
    });
  });
  return new SocketPeer(socket, raw);
}
