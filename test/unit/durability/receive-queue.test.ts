import { describe, expect, test } from 'vitest';
import { unreadDatagramsMax } from '../../durability/e2e/receive-queue.ts';

const TABLE = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  512: 0100007F:075C 00000000:0000 07 00000000:00000C00 00:00000000 00000000     0        0 48211 2 0000000000000000 0
  777: 0100007F:075D 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 48212 2 0000000000000000 0
`;

describe('datagrams the kernel still holds (proc(5), /proc/net/udp)', () => {
  test.each([
    [1884, 6, '0xC00 bytes of buffers'],
    [1885, 0, 'an empty queue'],
    [1886, 0, 'no such socket'],
  ])('port %d: at most %d (%s)', (port, unread) => {
    expect(unreadDatagramsMax(port, TABLE)).toBe(unread);
  });
});
