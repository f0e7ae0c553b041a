import { lstatSync, unlinkSync } from 'node:fs';
import { createConnection } from 'node:net';
import { GatewayError } from '../model/errors.ts';

/** sun_path of Linux without its terminating zero. */
const PATH_BYTES_MAX = 107;

/**
 * Makes room for a Unix socket: removes one that nobody listens on any more, as a killed process leaves it.
 *
 * @param setting - the configuration key that says where, e.g. `mqtt.listeners[0].path`.
 * @throws GatewayError ADDRESS_UNAVAILABLE - somebody answers there, or it is not a socket.
 */
export async function makeWay(path: string, setting: string): Promise<void> {
  if (Buffer.byteLength(path) > PATH_BYTES_MAX) throw unavailable(`${path} has more than ${PATH_BYTES_MAX} bytes: set ${setting} to a shorter path`);
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return;
  if (!stats.isSocket()) throw unavailable(`${path} is in the way and not a socket: remove it or set ${setting}`);
  if (await answers(path)) throw unavailable(`${path} is in use by another program: stop it or set ${setting}`);
  unlinkSync(path);
}

/** Anything but a refusal counts as an answer: a socket that may be somebody's is not removed. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'));
  });
}

function unavailable(message: string): GatewayError {
  return new GatewayError('ADDRESS_UNAVAILABLE', message);
}
