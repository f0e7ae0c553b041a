import { describe, expect, test } from 'vitest';
import { TopicClasses } from '../../../src/broker/topic-classes.ts';
import { QUEUE_TOPICS_REMEMBERED } from '../../../src/model/limits.ts';
import { ORDINARY } from '../../../src/model/priority.ts';
import { topicFilter } from '../../../src/model/topic.ts';
import { topicOf } from '../../support/store-samples.ts';

const classes = new TopicClasses({
  keepLatest: [topicFilter('state/+'), topicFilter('alarm/#')],
  priorities: [
    { filter: topicFilter('alarm/test'), priority: 0 },
    { filter: topicFilter('alarm/#'), priority: 7 },
    { filter: topicFilter('$SYS/#'), priority: 1 },
  ],
});

describe('what a policy says about a topic', () => {
  test.each([
    ['alarm/fire', 7, true],
    ['alarm', 7, true],
    ['alarm/test', 0, true],
    ['state/door', ORDINARY, true],
    ['state/door/lock', ORDINARY, false],
    ['$SYS/uptime', 1, false],
    ['else', ORDINARY, false],
  ])('%s has class %i; only the newest is kept: %s', (name, priority, isLatest) => {
    expect([classes.priorityOf(topicOf(name)), classes.keepsLatest(topicOf(name))]).toEqual([priority, isLatest]);
  });

  test('stays the same for more topics than are remembered', () => {
    for (let index = 0; index < 2 * QUEUE_TOPICS_REMEMBERED; index += 1) {
      expect(classes.priorityOf(topicOf(`alarm/${index}`))).toBe(7);
      expect(classes.keepsLatest(topicOf(`data/${index}`))).toBe(false);
    }
    expect(classes.priorityOf(topicOf('alarm/test'))).toBe(0);
  });

  test('that says nothing is nothing', () => {
    const plain = new TopicClasses({ keepLatest: [], priorities: [] });
    expect([plain.priorityOf(topicOf('a')), plain.keepsLatest(topicOf('a'))]).toEqual([ORDINARY, false]);
  });
});
