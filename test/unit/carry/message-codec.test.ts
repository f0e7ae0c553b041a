import fc from 'fast-check';
import { expect, test } from 'vitest';
import { identityOf, packCarried, unpackCarried } from '../../../src/carry/message-codec.ts';
import type { CarriedMessage } from '../../../src/model/carried-message.ts';
import { clientId } from '../../../src/model/client.ts';
import type { QoS } from '../../../src/model/message.ts';

const READING: CarriedMessage = {
  era: '00112233445566ff',
  sequence: 300,
  exportedAtMs: 0,
  isSynchronized: true,
  ageMs: 0,
  leftMs: Number.POSITIVE_INFINITY,
  topic: 'a/b',
  payload: Buffer.from('61.5'),
  publishedQoS: 2,
  wasRetained: false,
  qos: 1,
  isRetain: false,
  properties: undefined,
  origin: { gateway: 'mqtt', clientId: clientId('c') },
};

test('a message is its era, sequence number, flags, times, topic, origin, properties and payload', () => {
  const hex = [
    '00112233445566ff', // era
    'ac02', // sequence
    '46', // QoS 2, in the queue 1, clock synchronized
    '0000000000000000 0000000000000000 000000000000f07f', // exported at, age, left
    '03 612f62', // topic
    '04 6d717474 01 63', // origin
    '36312e35', // payload
  ];
  expect(packCarried(READING).toString('hex')).toBe(hex.join('').replaceAll(' ', ''));
});

const qos = fc.constantFrom<QoS>(0, 1, 2);
const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const topics = fc.stringMatching(/^[a-z/ü]{1,20}$/);
const properties = fc.record(
  {
    isUtf8: fc.boolean(),
    contentType: text,
    responseTopic: topics,
    correlationData: fc.uint8Array({ maxLength: 20 }),
    userProperties: fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 3 }),
  },
  { requiredKeys: [] },
);
const messages: fc.Arbitrary<CarriedMessage> = fc.record({
  era: fc.stringMatching(/^[0-9a-f]{16}$/),
  sequence: fc.maxSafeNat().map((value) => Math.max(1, value)),
  exportedAtMs: fc.nat(),
  isSynchronized: fc.boolean(),
  ageMs: fc.oneof(fc.nat(), fc.constant(Number.POSITIVE_INFINITY)),
  leftMs: fc.oneof(fc.integer({ min: 1 }), fc.constant(Number.POSITIVE_INFINITY)),
  topic: topics,
  payload: fc.uint8Array({ maxLength: 40 }),
  publishedQoS: qos,
  wasRetained: fc.boolean(),
  qos,
  isRetain: fc.boolean(),
  properties: fc.option(properties, { nil: undefined }),
  origin: fc.record({ gateway: text, clientId: text.map(clientId) }),
});

test('what was packed is unpacked the same', () => {
  fc.assert(
    fc.property(messages, (message) => {
      const body = packCarried(message);
      const { payload, ...unpacked } = unpackCarried(body);
      expect({ ...unpacked, payload: Uint8Array.from(payload) }).toEqual({ ...message, payload: Uint8Array.from(message.payload) });
      expect(identityOf(body)).toEqual({ era: message.era, sequence: message.sequence });
    }),
  );
});

test('any other bytes are a message or an error that is named', () => {
  fc.assert(
    fc.property(messages, fc.nat(), fc.nat(255), (message, at, value) => {
      const body = packCarried(message);
      body[at % body.length] = value;
      try {
        unpackCarried(body);
      } catch (error) {
        expect(error).toMatchObject({ name: 'GatewayError', code: expect.stringMatching(/STORE_CORRUPT|INVALID_TOPIC/) });
      }
    }),
  );
});

test.each([
  ['a sequence number of 0', { sequence: 0 }],
  ['an age that is none', { ageMs: Number.NaN }],
  ['a life that is over', { leftMs: 0 }],
  ['a topic with a wildcard', { topic: 'a/#' }],
])('%s is refused', (_, wrong) => {
  expect(() => unpackCarried(packCarried({ ...READING, ...wrong }))).toThrow();
});
