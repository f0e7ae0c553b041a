import { describe, expect, test } from 'vitest';
import { DATAGRAM_PEERS_REMEMBERED } from '../../../src/model/limits.ts';
import { addressError } from '../../../src/transport/address-error.ts';
import { DatagramPeers } from '../../../src/transport/datagram-peers.ts';
import { dialError } from '../../../src/transport/dial-error.ts';
import { LinkBudget } from '../../../src/transport/link-budget.ts';

function systemError(code: string, message: string): NodeJS.ErrnoException {
  return Object.assign(new Error(message), { code });
}

const port1883 = { setting: 'mqtt.tcp.bind', host: '127.0.0.1', port: 1883 };

describe('an address that cannot be listened on is one sentence that says what to do', () => {
  test.each([
    ['EADDRINUSE', port1883, 'port 1883 on 127.0.0.1 is in use by another program: stop it or set mqtt.tcp.bind'],
    ['EACCES', { ...port1883, port: 80 }, 'port 80 on 127.0.0.1 is not ours to use: ports below 1024 need CAP_NET_BIND_SERVICE; allow it or set mqtt.tcp.bind'],
    [
      'EACCES',
      { ...port1883, path: '/nowhere/a.sock' },
      '/nowhere/a.sock cannot be made: see that its directory exists and is ours to write, or set mqtt.tcp.bind',
    ],
    ['EADDRNOTAVAIL', { ...port1883, host: '192.0.2.1' }, '192.0.2.1 is not an address of this machine: set mqtt.tcp.bind'],
    ['ENOTFOUND', { ...port1883, host: 'gateway.example' }, 'gateway.example is not a known host name: set mqtt.tcp.bind'],
    ['EAFNOSUPPORT', { ...port1883, host: '::1' }, 'this machine does not speak the address family of ::1: set mqtt.tcp.bind'],
    ['EMFILE', port1883, 'port 1883 on 127.0.0.1 cannot be listened on (listen EMFILE): set mqtt.tcp.bind'],
  ])('%s of %j', (code, binding, message) => {
    const cause = systemError(code, `listen ${code}`);
    expect(addressError(cause, binding)).toMatchObject({ code: 'ADDRESS_UNAVAILABLE', message, cause });
  });
});

describe('an end that cannot be reached is one sentence', () => {
  test.each([
    ['ECONNREFUSED', 'cannot connect to central:8883: nothing listens there (ECONNREFUSED)'],
    ['CERT_HAS_EXPIRED', 'cannot connect to central:8883: its certificate has expired (CERT_HAS_EXPIRED)'],
    ['ECONNRESET', 'cannot connect to central:8883: it closed the connection instead of a handshake, as a port without TLS does (ECONNRESET)'],
    [
      'ERR_SSL_TLSV1_ALERT_UNKNOWN_PSK_IDENTITY',
      'cannot connect to central:8883: it does not know the identity of our pre-shared key (ERR_SSL_TLSV1_ALERT_UNKNOWN_PSK_IDENTITY)',
    ],
    ['EPROTO', 'cannot connect to central:8883: what Node.js says (EPROTO)'],
  ])('%s', (code, message) => {
    expect(dialError('central:8883', 'secure', systemError(code, 'what Node.js says'))).toMatchObject({ code: 'LINK_CLOSED', message });
  });
});

describe('LinkBudget', () => {
  test('gives what it has, and again what came back', () => {
    const budget = new LinkBudget(2);
    expect([budget.take(), budget.take(), budget.take()]).toEqual([true, true, false]);
    budget.giveBack();
    expect([budget.take(), budget.take(), budget.open]).toEqual([true, false, 2]);
  });
});

describe('DatagramPeers', () => {
  test.each([
    ['192.0.2.7', 49_152, '192.0.2.7', '192.0.2.7:49152'],
    ['::ffff:192.0.2.7', 49_152, '192.0.2.7', '192.0.2.7:49152'],
    ['2001:db8::1', 1_884, '2001:db8::1', '[2001:db8::1]:1884'],
    ['fe80::1%eth0', 1_884, 'fe80::1%eth0', '[fe80::1%eth0]:1884'],
  ])('%s port %i is %s, as a key %s', (address, port, host, text) => {
    expect(new DatagramPeers().of(address, port)).toEqual({ host, port, address: text });
  });

  test('an end stays the same object while it is remembered; ends that differ in one part differ', () => {
    const peers = new DatagramPeers();
    const first = peers.of('192.0.2.7', 1);
    const others = [peers.of('192.0.2.7', 2), peers.of('192.0.2.8', 1)];
    expect(others).not.toContain(first);
    expect(peers.of('192.0.2.7', 1)).toBe(first);
  });

  test('one that is heard again and again is remembered among any number of others; one that is not is forgotten', () => {
    const peers = new DatagramPeers();
    const busy = peers.of('192.0.2.7', 1);
    const quiet = peers.of('192.0.2.7', 2);
    for (let n = 0; n < 3 * DATAGRAM_PEERS_REMEMBERED; n += 1) {
      peers.of(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`, 1_884);
      expect(peers.of('192.0.2.7', 1)).toBe(busy);
    }
    expect(peers.of('192.0.2.7', 2)).not.toBe(quiet);
    expect(peers.of('192.0.2.7', 2)).toEqual(quiet);
  });
});
