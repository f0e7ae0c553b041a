import { describe, expect, test } from 'vitest';
import { decodeLinkFacts, encodeLinkFacts, type LinkFacts } from '../../../gateways/mqtt-sn/link-facts.ts';
import { peerAddress } from '../../../src/model/client.ts';

describe('what the session remembers of its link', () => {
  test.each<[string, LinkFacts]>([
    [
      'active, over IPv4',
      { peer: { address: peerAddress('192.0.2.7:49152'), host: '192.0.2.7', port: 49_152 }, keepAliveSeconds: 60, isCleanSession: false, sleepSeconds: 0 },
    ],
    [
      'asleep, over IPv6',
      { peer: { address: peerAddress('[2001:db8::1]:1'), host: '2001:db8::1', port: 1 }, keepAliveSeconds: 0, isCleanSession: true, sleepSeconds: 65_535 },
    ],
  ])('is read back as it was written: %s', (_, facts) => {
    expect(decodeLinkFacts(encodeLinkFacts(facts))).toEqual(facts);
  });

  test.each([
    ['of another version', Buffer.from('02000000000000000000', 'hex')],
    ['cut off', Buffer.from('0100', 'hex')],
  ])('a record %s is nothing we know', (_, bytes) => {
    expect(decodeLinkFacts(bytes)).toBeUndefined();
  });
});
