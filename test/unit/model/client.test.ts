import { describe, expect, test } from 'vitest';
import { hostOf, isLoopback } from '../../../src/model/client.ts';

describe('the host of a peer', () => {
  test.each([
    ['192.0.2.7:49152', '192.0.2.7'],
    ['[2001:db8::1]:1883', '2001:db8::1'],
    ['[fe80::1%eth0]:1883', 'fe80::1%eth0'],
    ['[::ffff:192.0.2.7]:1', '::ffff:192.0.2.7'],
    ['gateway.example:1883', 'gateway.example'],
    ['/dev/ttyUSB0#0x12', '/dev/ttyUSB0#0x12'],
    ['/dev/serial/by-path/usb-0:1:1', '/dev/serial/by-path/usb-0:1:1'],
    ['bridge:cloud', 'bridge:cloud'],
    ['', ''],
  ])('%j: %j', (peer, host) => {
    expect(hostOf(peer)).toBe(host);
  });
});

describe('RFC 1122 §3.2.1.3, RFC 4291 §2.5.3 loopback', () => {
  test.each([
    ['127.0.0.1', true],
    ['127.8.9.1', true],
    ['::1', true],
    ['::ffff:127.0.0.1', true],
    ['localhost', true],
    ['', true],
    ['128.0.0.1', false],
    ['192.0.2.127', false],
    ['::', false],
    ['2001:db8::1', false],
  ])('%j: %s', (host, isLocal) => {
    expect(isLoopback(host)).toBe(isLocal);
  });
});
