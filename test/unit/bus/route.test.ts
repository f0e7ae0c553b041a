import assert from 'node:assert/strict';
import { describe, expect, test } from 'vitest';
import { Bus } from '../../../src/bus/bus.ts';
import { type Topic, topicFilter, topicName } from '../../../src/model/topic.ts';
import { putTopic, utf8Length } from '../../../src/model/topic-utf8.ts';

const SUBSCRIBER = {};

function busOf(routeCacheBytesMax: number): Bus<object> {
  const bus = new Bus<object>({ routeCacheBytesMax });
  bus.subscribe(SUBSCRIBER, { filter: topicFilter('#'), qosMax: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 });
  return bus;
}

function internHex(bus: Bus<object>, hex: string) {
  const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  const padded = Buffer.concat([Buffer.of(0xff), bytes, Buffer.of(0xff)]);
  return bus.topics.internUtf8(padded, 1, padded.length - 1);
}

function written(topic: Topic): Buffer {
  const bytes = Buffer.alloc(utf8Length(topic) + 2);
  expect(putTopic(bytes, 1, topic)).toBe(bytes.length - 1);
  return bytes.subarray(1, -1);
}

describe('MQTT 5 §1.5.4, §4.7.3 a topic is read from its bytes', () => {
  test.each([
    ['ASCII', '61 2f 62', 'a/b'],
    ['two bytes', 'c3 a5', 'å'],
    ['four bytes', 'f0 aa 9b 94', '\u{2a6d4}'],
    ['MQTT-1.5.4-3: U+FEFF is kept', 'ef bb bf 61', '\ufeffa'],
    ['the replacement character is a character', 'ef bf bd', '\ufffd'],
    ['a long one', '61'.repeat(300), 'a'.repeat(300)],
  ])('%s', (_, hex, text) => {
    const bus = busOf(1024 * 1024);
    const topic = internHex(bus, hex);
    expect(topic.name).toBe(text);
    expect(written(topic).toString('hex')).toBe(hex.replaceAll(' ', ''));
    expect(internHex(bus, hex)).toBe(topic);
    expect(bus.topics.intern(topicName(text))).toBe(topic);
  });

  test.each([
    ['', 'MQTT-4.7.3-1 empty'],
    ['61 00', 'MQTT-4.7.3-2 NUL'],
    ['61 2f 2b', 'MQTT-4.7.1-1 wildcard +'],
    ['23', 'MQTT-4.7.1-1 wildcard #'],
    ['ff', 'MQTT-1.5.4-1 not UTF-8'],
    ['c3', 'MQTT-1.5.4-1 cut off'],
    ['ed a0 80', 'MQTT-1.5.4-1 surrogate'],
    ['c0 80', 'MQTT-1.5.4-1 overlong NUL'],
    ['f5 80 80 80', 'MQTT-1.5.4-1 beyond U+10FFFF'],
  ])('%s is refused: %s', (hex, clause) => {
    expect(() => internHex(busOf(1024 * 1024), hex)).toThrowError(clause.split(' ')[0]);
  });

  test.each([['ff'], ['ed a0 80'], ['ef bf'], ['f0 9f 98']])('%s never reaches the topic U+FFFD it would decode to', (hex) => {
    const bus = busOf(1024 * 1024);
    for (let count = 1; count <= 3; count += 1) bus.topics.intern(topicName('\ufffd'.repeat(count)));
    internHex(bus, 'ef bf bd');
    expect(() => internHex(bus, hex)).toThrowError('MQTT-1.5.4-1');
    expect(() => internHex(bus, hex)).toThrowError('MQTT-1.5.4-1');
  });

  test('topics of one slot are kept apart', () => {
    const bus = busOf(64 * 1024 * 1024);
    const topics = Array.from({ length: 20_000 }, (_, index) => internHex(bus, Buffer.from(`t/${index}`).toString('hex')));
    for (const [index, topic] of topics.entries()) {
      assert.equal(topic.name, `t/${index}`);
      assert.equal(bus.topics.internUtf8(Buffer.from(`t/${index}`), 0, topic.name.length), topic);
    }
  });

  test('the bytes of a topic are its own', () => {
    const bus = busOf(1024 * 1024);
    const bytes = Buffer.from('a/b');
    const topic = bus.topics.internUtf8(bytes, 0, 3);
    bytes.fill(0x7a);
    expect(written(topic).toString()).toBe('a/b');
  });
});

describe('the route cache', () => {
  const CACHE_BYTES = 64 * 1024;

  function publish(bus: Bus<object>, text: string): Topic {
    const bytes = Buffer.from(text);
    const topic = bus.topics.internUtf8(bytes, 0, bytes.length);
    assert.equal(bus.matches(topic).length, 1);
    return topic;
  }

  test('stays within its bytes however many topics come by', () => {
    const bus = busOf(CACHE_BYTES);
    let peakBytes = 0;
    for (let index = 0; index < 5_000; index += 1) {
      publish(bus, `flood/${index}/${'x'.repeat(index % 200)}`);
      peakBytes = Math.max(peakBytes, bus.statistics.routeBytes);
    }
    expect(peakBytes).toBeLessThanOrEqual(CACHE_BYTES);
    expect(peakBytes).toBeGreaterThan(CACHE_BYTES / 2);
    expect(bus.statistics.routes).toBeLessThan(CACHE_BYTES / 232);
  });

  test('counts the matches of a route that grows', () => {
    const bus = busOf(CACHE_BYTES);
    publish(bus, 'a');
    const { routeBytes } = bus.statistics;
    for (let index = 0; index < 100; index += 1) {
      bus.subscribe({}, { filter: topicFilter('a'), qosMax: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 });
    }
    expect(bus.matches(bus.topics.intern(topicName('a')))).toHaveLength(101);
    expect(bus.statistics.routeBytes).toBe(routeBytes + 96 + 100 * 8); // lists of its own, and what they hold
  });

  test.each([
    ['that come once', 1, 2_002], // each topic once
    ['that come twice', 2, 4_002], // in passing, and when it is taken in
  ])('keeps topics in use through a flood of others %s: by name and as held by a connection', (_, times, resolutionsMax) => {
    const bus = busOf(CACHE_BYTES);
    const held = bus.topics.intern(topicName('hot/held'));
    const named = bus.topics.intern(topicName('hot/named'));
    for (let index = 0; index < 2_000; index += 1) {
      for (let time = 0; time < times; time += 1) publish(bus, `cold/${index}`);
      bus.matches(held);
      publish(bus, 'hot/named');
    }
    expect(bus.statistics.routeEvictions).toBeGreaterThan(times === 1 ? 5 : 1_500);
    expect(bus.topics.intern(topicName('hot/held'))).toBe(held);
    expect(bus.topics.intern(topicName('hot/named'))).toBe(named);
    expect(bus.statistics.resolutions).toBeLessThanOrEqual(resolutionsMax);
  });

  test('goes on finding what it has while more topics than it has room for come round and round', () => {
    const TOPICS = 20_000;
    const bus = busOf(256 * 1024);
    for (let index = 0; index < TOPICS; index += 1) publish(bus, `round/${index}`);
    const { routes, resolutions } = bus.statistics;
    for (let index = 0; index < TOPICS; index += 1) publish(bus, `round/${index}`);
    const found = TOPICS - (bus.statistics.resolutions - resolutions);
    expect(found).toBeGreaterThan(routes / 2);
  });

  test('takes in what comes back while it is full: looked up once in passing, once more to be kept, then found', () => {
    const bus = busOf(CACHE_BYTES);
    for (let index = 0; index < 1_000; index += 1) publish(bus, `cold/${index}`);
    const { resolutions } = bus.statistics;
    for (let time = 0; time < 10; time += 1) publish(bus, 'returning');
    expect(bus.statistics.resolutions - resolutions).toBeLessThanOrEqual(2);
  });

  test('takes in what a connection holds and uses again', () => {
    const bus = busOf(CACHE_BYTES);
    for (let index = 0; index < 1_000; index += 1) publish(bus, `cold/${index}`);
    const held = bus.topics.intern(topicName('held'));
    const { resolutions } = bus.statistics;
    for (let time = 0; time < 10; time += 1) expect(bus.matches(held)).toHaveLength(1);
    expect(bus.statistics.resolutions - resolutions).toBeLessThanOrEqual(2);
    expect(bus.topics.intern(topicName('held'))).toBe(held);
  });

  test('keeps topics that are only interned', () => {
    const bus = busOf(CACHE_BYTES);
    const topic = bus.topics.intern(topicName('hot'));
    for (let index = 0; index < 2_000; index += 1) {
      publish(bus, `cold/${index}`);
      assert.equal(bus.topics.intern(topicName('hot')), topic);
    }
  });

  test('holds one topic per name, whichever way it is asked for', () => {
    const bus = busOf(CACHE_BYTES);
    internHex(bus, '61 2f 62');
    for (let index = 0; index < 1_000; index += 1) bus.topics.intern(topicName(`cold/${index % 500}`));
    bus.topics.intern(topicName('a/b')); // comes back: is taken in
    expect(bus.topics.intern(topicName('a/b'))).toBe(internHex(bus, '61 2f 62'));
  });

  test.each([
    ['ASCII', 'rare'],
    ['not ASCII', 'r\u00e5re'],
    ['as long as the index takes', 'r'.repeat(128)],
    ['longer', 'r'.repeat(300)],
    ['longer and not ASCII', '\u00e5'.repeat(300)],
  ])('a route that was forgotten is not found by its bytes: %s', (_, text) => {
    const bus = busOf(CACHE_BYTES);
    const forgotten = publish(bus, text);
    expect(publish(bus, text)).toBe(forgotten);
    for (let index = 0; index < 2_000; index += 1) publish(bus, `cold/${index % 1_000}`); // all come back: four rounds of what there is room for
    publish(bus, text);
    const second = publish(bus, text);
    expect(second).not.toBe(forgotten);
    expect(publish(bus, text)).toBe(second);
    expect(bus.topics.intern(topicName(text))).toBe(second);
  });

  test('a route that was forgotten works on, beside the one that took its name', () => {
    const bus = busOf(CACHE_BYTES);
    const forgotten = bus.topics.intern(topicName('rare'));
    expect(bus.matches(forgotten)).toHaveLength(1);
    for (let index = 0; index < 1_000; index += 1) publish(bus, `cold/${index}`);
    bus.topics.intern(topicName('rare'));
    const second = bus.topics.intern(topicName('rare')); // comes back: is taken in
    expect(second).not.toBe(forgotten);
    expect(bus.matches(forgotten)).toHaveLength(1);
    bus.removeSubscriber(SUBSCRIBER);
    expect(bus.matches(forgotten)).toEqual([]);
    expect(bus.matches(second)).toEqual([]);
    expect(bus.topics.intern(topicName('rare'))).toBe(second);
  });

  test('one topic with more subscribers than the cache has room for is still cached', () => {
    const bus = busOf(CACHE_BYTES);
    for (let index = 0; index < 10_000; index += 1) {
      bus.subscribe({}, { filter: topicFilter('all'), qosMax: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 });
    }
    const topic = bus.topics.intern(topicName('all'));
    const matches = bus.matches(topic);
    expect(matches).toHaveLength(10_001);
    for (let index = 0; index < 10; index += 1) bus.matches(topic);
    expect(bus.statistics.routeEvictions).toBe(0);
    for (let index = 0; index < 10; index += 1) {
      publish(bus, `other/${index}`);
      expect(bus.matches(topic)).toBe(matches);
    }
  });
});
