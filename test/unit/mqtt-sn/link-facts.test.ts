import { describe, expect, test } from 'vitest';
import { endOf } from '../../../gateways/mqtt-sn/ends.ts';
import { decodeLinkFacts, encodeLinkFacts, type LinkFacts } from '../../../gateways/mqtt-sn/link-facts.ts';
import { peerAddress } from '../../../src/model/client.ts';
import { MemoryDatagramTransport } from '../../support/memory-datagram.ts';

const FIRST = new MemoryDatagramTransport({ name: 'mqttSn.udp' });
const SECOND = new MemoryDatagramTransport({ name: 'mqttSn.other' });
const TRANSPORTS = [FIRST, SECOND];
const V4 = { address: peerAddress('192.0.2.7:49152'), host: '192.0.2.7', port: 49_152 };
const V6 = { address: peerAddress('[2001:db8::1]:1'), host: '2001:db8::1', port: 1 };

describe('what the session remembers of its link', () => {
  test.each<[string, LinkFacts]>([
    ['active, over IPv4', { end: endOf(FIRST, V4), keepAliveSeconds: 60, isCleanSession: false, sleepSeconds: 0 }],
    ['asleep, over IPv6', { end: endOf(SECOND, V6), keepAliveSeconds: 0, isCleanSession: true, sleepSeconds: 65_535 }],
    [
      'behind two forwarders',
      { end: endOf(FIRST, V4, [Buffer.from('0a31', 'hex'), Buffer.alloc(0)]), keepAliveSeconds: 1, isCleanSession: false, sleepSeconds: 0 },
    ],
  ])('is read back as it was written: %s', (_, facts) => {
    expect(decodeLinkFacts(encodeLinkFacts(facts), TRANSPORTS)).toEqual(facts);
  });

  test('of the first version, too, which had one transport', () => {
    const record = Buffer.concat([Buffer.from('0101003c0258c00009', 'hex'), Buffer.from('192.0.2.7192.0.2.7:49152')]);
    expect(decodeLinkFacts(record, TRANSPORTS)).toEqual({ end: endOf(FIRST, V4), keepAliveSeconds: 60, isCleanSession: true, sleepSeconds: 600 });
  });

  test.each([
    ['of another version', Buffer.from('03000000000000000000', 'hex')],
    ['cut off', Buffer.from('0200', 'hex')],
    ['of a transport that is gone', Buffer.from(encodeLinkFacts({ end: endOf(SECOND, V4), keepAliveSeconds: 0, isCleanSession: false, sleepSeconds: 0 }))],
  ])('a record %s is nothing we know', (_, bytes) => {
    expect(decodeLinkFacts(bytes, [FIRST])).toBeUndefined();
  });
});
