// What the kernel holds for a process that has not read it yet.
import { readFileSync } from 'node:fs';

/** Least memory the kernel counts for a datagram in a queue; there cannot be more unread ones than the queue's bytes allow. */
const SOCKET_BUFFER_BYTES_MIN = 512;
const LOCAL_ADDRESS = 1;
const QUEUES = 4;

/** At most this many datagrams wait unread in the IPv4 socket bound to `port`. */
export function unreadDatagramsMax(port: number, table = readFileSync('/proc/net/udp', 'latin1')): number {
  return Math.floor(queuedBytes(port, table) / SOCKET_BUFFER_BYTES_MIN);
}

/** The rx_queue column of proc(5), /proc/net/udp. */
function queuedBytes(port: number, table: string): number {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  let bytes = 0;
  for (const line of table.split('\n').slice(1)) {
    const columns = line.trim().split(/\s+/);
    if (columns[LOCAL_ADDRESS]?.endsWith(suffix)) bytes += Number.parseInt(columns[QUEUES]?.split(':')[1] ?? '0', 16);
  }
  return bytes;
}
