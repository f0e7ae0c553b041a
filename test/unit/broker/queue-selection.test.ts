import { describe, expect, test } from 'vitest';
import { selects } from '../../../src/broker/queue-selection.ts';
import { clientId } from '../../../src/model/client.ts';
import { Message } from '../../../src/model/message.ts';
import type { Selection } from '../../../src/model/queue-selection.ts';
import { topicFilter, topicName } from '../../../src/model/topic.ts';

const NOW_MS = 1_000_000;
const AGE_MS = 60_000;

function delivery(payload: Uint8Array = Buffer.from('temp 61.5 \u00b0C')) {
  const topic = { name: topicName('plant/boiler/temp'), utf8: undefined };
  const stamps = { publishedAtMs: NOW_MS - AGE_MS, expiresAtMs: Number.POSITIVE_INFINITY };
  const message = new Message({ topic, payload, qos: 2, isRetain: false }, { gateway: 'mqtt-sn', clientId: clientId('boiler-3') }, stamps);
  return { message, qos: 1, isRetain: false, identifiers: [] } as const;
}

describe('an entry is selected', () => {
  test.each<[string, Selection, boolean]>([
    ['no condition', {}, true],
    ['topic filter', { topics: topicFilter('plant/+/temp') }, true],
    ['another topic filter', { topics: topicFilter('plant/+') }, false],
    ['text', { contains: '61.5 \u00b0C' }, true],
    ['text that is not there', { contains: '61.50' }, false],
    ['bytes', { containsBytes: Buffer.from('c2b043', 'hex') }, true],
    ['bytes that are not there', { containsBytes: Buffer.from('b0c2', 'hex') }, false],
    ['publisher by client id', { publisher: 'boiler-3' }, true],
    ['publisher with protocol', { publisher: 'mqtt-sn boiler-3' }, true],
    ['publisher of another protocol', { publisher: 'mqtt boiler-3' }, false],
    ['part of a publisher', { publisher: 'boiler' }, false],
    ['as old', { olderThanSeconds: 60 }, true],
    ['not so old', { olderThanSeconds: 61 }, false],
    ['as new', { newerThanSeconds: 60 }, true],
    ['not so new', { newerThanSeconds: 59 }, false],
    ['between two ages', { olderThanSeconds: 30, newerThanSeconds: 90 }, true],
    ['QoS as the queue has it', { qos: 1 }, true],
    ['QoS it was published at', { qos: 2 }, false],
    ['all of them', { topics: topicFilter('plant/#'), contains: 'temp', publisher: 'boiler-3', qos: 1, newerThanSeconds: 3_600 }, true],
    ['all but one', { topics: topicFilter('plant/#'), contains: 'temp', publisher: 'boiler-4', qos: 1 }, false],
  ])('by %s', (_, selection, isSelected) => {
    expect(selects(selection, delivery(), NOW_MS)).toBe(isSelected);
  });

  test('text in a view of a larger buffer is looked for in the view only', () => {
    const inside = Buffer.from('before|inside|behind').subarray(7, 13);
    expect(selects({ contains: 'inside' }, delivery(inside), NOW_MS)).toBe(true);
    expect(selects({ contains: 'before' }, delivery(inside), NOW_MS)).toBe(false);
  });

  test('a message of before stamps were kept is older than any age', () => {
    const { message, ...rest } = delivery();
    const { topic, payload, qos, isRetain, origin } = message;
    const stamps = { publishedAtMs: Number.NEGATIVE_INFINITY, expiresAtMs: Number.POSITIVE_INFINITY };
    const unstamped = { ...rest, message: new Message({ topic, payload, qos, isRetain }, origin, stamps) };
    expect(selects({ olderThanSeconds: 1_000_000 }, unstamped, NOW_MS)).toBe(true);
    expect(selects({ newerThanSeconds: 1_000_000 }, unstamped, NOW_MS)).toBe(false);
  });
});
