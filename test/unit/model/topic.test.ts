import { describe, expect, test } from 'vitest';
import { TOPIC_LEVELS_MAX } from '../../../src/model/limits.ts';
import { filterCovers, hasWildcard, topicFilter, topicMatches, topicName } from '../../../src/model/topic.ts';

const LONGEST = 'a'.repeat(65_535);
const DEEPEST = '/'.repeat(TOPIC_LEVELS_MAX - 1);

describe('MQTT 5 §4.7 what a topic name and a topic filter select', () => {
  test.each([
    ['sport/tennis/player1/#', 'sport/tennis/player1', true, '§4.7.1.2 "#" includes the parent level'],
    ['sport/tennis/player1/#', 'sport/tennis/player1/ranking', true, '§4.7.1.2'],
    ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon', true, '§4.7.1.2 any number of levels'],
    ['sport/tennis/player1/#', 'sport/tennis/player2', false, '§4.7.1.2'],
    ['sport/#', 'sport', true, '§4.7.1.2'],
    ['sport/#', 'sports', false, '§4.7.1.2 a level is matched whole'],
    ['#', 'sport/tennis', true, '§4.7.1.2 everything'],
    ['sport/tennis/+', 'sport/tennis/player1', true, '§4.7.1.3'],
    ['sport/tennis/+', 'sport/tennis/player1/ranking', false, '§4.7.1.3 exactly one level'],
    ['sport/+', 'sport', false, '§4.7.1.3 "+" needs a level'],
    ['sport/+', 'sport/', true, '§4.7.1.3 which may be empty'],
    ['+', 'finance', true, '§4.7.1.3'],
    ['+', '/finance', false, '§4.7.1.3'],
    ['+/+', '/finance', true, '§4.7.1.3'],
    ['/+', '/finance', true, '§4.7.1.3'],
    ['+/tennis/#', 'sport/tennis', true, '§4.7.1.3 with "#"'],
    ['sport/+/player1', 'sport/tennis/player1', true, '§4.7.1.3 in the middle'],
    ['#', '$SYS/uptime', false, 'MQTT-4.7.2-1'],
    ['+/monitor/Clients', '$SYS/monitor/Clients', false, 'MQTT-4.7.2-1'],
    ['$SYS/#', '$SYS/monitor', true, '§4.7.2'],
    ['$SYS/monitor/+', '$SYS/monitor/Clients', true, '§4.7.2'],
    ['+/$x', 'a/$x', true, '§4.7.2 concerns the first character of the topic only'],
    ['ACCOUNTS', 'Accounts', false, '§4.7.3 case sensitive'],
    ['Accounts payable', 'Accounts payable', true, '§4.7.3 spaces are characters'],
    ['/finance', 'finance', false, '§4.7.3 a leading "/" is a level'],
    ['a//b', 'a/b', false, '§4.7.3 levels may be empty'],
    ['a/\u00c5', 'a/A\u030a', false, 'MQTT-4.7.3-4 no normalization'],
  ])('%s selects %s: %s (%s)', (filter, topic, selects) => {
    expect(topicMatches(topicFilter(filter), topicName(topic))).toBe(selects);
  });
});

describe('MQTT 5 §4.7.1 topic filters', () => {
  test.each([
    ['#', true, '#'],
    ['sport/tennis/#', true, 'sport/tennis/#'],
    ['+/tennis/#', true, '+/tennis/#'],
    ['+', true, '+'],
    ['/', false, '/'],
    ['sport', false, 'sport'],
    ['65,535 bytes', false, LONGEST],
    ['the most levels', false, DEEPEST],
  ])('%s: a filter; has wildcards: %s', (_, isWild, text) => {
    expect(hasWildcard(topicFilter(text))).toBe(isWild);
  });

  test.each([
    ['sport/tennis#', 'MQTT-4.7.1-1'],
    ['sport/tennis/#/ranking', 'MQTT-4.7.1-1'],
    ['##', 'MQTT-4.7.1-1'],
    ['sport+', 'MQTT-4.7.1-2'],
    ['sport/+tennis', 'MQTT-4.7.1-2'],
    ['', 'MQTT-4.7.3-1'],
    ['a/\0', 'MQTT-4.7.3-2'],
    ['a/\ud800', 'MQTT-1.5.4-1'],
  ])('%j is refused by %s', (text, clause) => {
    expect(() => topicFilter(text)).toThrowError(clause);
  });
});

describe('MQTT 5 §4.7.3 topic names', () => {
  test.each([['/'], ['a b/c'], ['\ufeffbom']])('%j is a name', (text) => {
    expect(topicName(text)).toBe(text);
  });

  test.each([
    ['', 'MQTT-4.7.3-1'],
    ['a\0b', 'MQTT-4.7.3-2'],
    ['a/+', 'MQTT-4.7.1-1'],
    ['#', 'MQTT-4.7.1-1'],
    ['\udc00', 'MQTT-1.5.4-1'],
  ])('%j is refused by %s', (text, clause) => {
    expect(() => topicName(text)).toThrowError(clause);
  });
});

describe('a filter covers another when it selects all the other selects', () => {
  const LEVELS = ['a', 'b', '', '$x', 'other'];
  const FILTERS = texts(['a', '', '$x', '+', '#'], 3).filter((text) => text !== '' && !text.includes('#/'));
  const TOPICS = texts(LEVELS, 4).filter((text) => text !== '');

  function texts(levels: readonly string[], depth: number): string[] {
    if (depth === 1) return [...levels];
    const shorter = texts(levels, depth - 1);
    return [...new Set([...shorter, ...levels.flatMap((level) => shorter.map((text) => `${level}/${text}`))])];
  }

  test.each(['constructor', '__proto__', 'a'])('%s covers itself', (text) => {
    expect(filterCovers(topicFilter(text), topicFilter(text))).toBe(true);
  });

  test.each(FILTERS)('%s', (text) => {
    const filter = topicFilter(text);
    const unselected = TOPICS.map(topicName).filter((topic) => !topicMatches(filter, topic));
    for (const other of FILTERS.map(topicFilter)) {
      const isCovered = !unselected.some((topic) => topicMatches(other, topic));
      expect([other, filterCovers(filter, other)]).toEqual([other, isCovered]);
    }
  });
});

describe('bounds of names and filters', () => {
  test.each([
    ['65,535 bytes', LONGEST, undefined],
    ['one byte more', `${LONGEST}a`, 'MQTT-4.7.3-3'],
    ['65,536 bytes in 32,768 characters', '\u00e5'.repeat(32_768), 'MQTT-4.7.3-3'],
    ['TOPIC_LEVELS_MAX levels', DEEPEST, undefined],
    ['one level more', `${DEEPEST}/`, 'levels'],
  ])('%s', (_, text, refusal) => {
    for (const check of [topicName, topicFilter]) {
      if (refusal === undefined) expect(check(text)).toBe(text);
      else expect(() => check(text)).toThrowError(refusal);
    }
  });
});
