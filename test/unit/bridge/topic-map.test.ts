import { describe, expect, test } from 'vitest';
import { crossings, type TopicRule } from '../../../src/bridge/topic-map.ts';
import { Bus } from '../../../src/bus/bus.ts';
import { TOPIC_LEVELS_MAX } from '../../../src/model/limits.ts';
import { topicName } from '../../../src/model/topic.ts';

const { topics } = new Bus({ routeCacheBytesMax: 1_000_000 });

function crossed(direction: 'out' | 'in', rule: Partial<TopicRule>, name: string): string | undefined {
  const maps = crossings([{ filter: '#', direction: 'both', qos: 1, localPrefix: '', remotePrefix: '', ...rule }], topics);
  return maps[direction].map(topics.intern(topicName(name)))?.name;
}

describe('topic maps', () => {
  test.each([
    ['the rest stays, the prefix changes', { localPrefix: 'plant/', remotePrefix: 'site1/' }, 'plant/a/b', 'site1/a/b'],
    ['§4.7.1.2: "#" includes the parent level, which has no text after the prefix', { localPrefix: 'plant/', remotePrefix: 'site1/' }, 'plant', 'site1'],
    ['a parent level that has no name on the other side stays here', { localPrefix: 'plant/' }, 'plant', undefined],
    ['MQTT-4.7.2-1: a rule for everything carries no $ topic', {}, '$SYS/uptime', undefined],
    ['MQTT-4.7.2-1: nor makes one', { localPrefix: 'plant/' }, 'plant/$SYS/uptime', undefined],
    ['a $ topic that is named is carried', { filter: '$SYS/#', remotePrefix: 'site1/' }, '$SYS/uptime', 'site1/$SYS/uptime'],
    ['MQTT-4.7.3-3: a name that grows too long stays here', { remotePrefix: 'site1/' }, `a/${'x'.repeat(65_531)}`, undefined],
    ['a name that grows too deep stays here', { remotePrefix: 'site1/' }, Array(TOPIC_LEVELS_MAX).fill('x').join('/'), undefined],
  ])('out: %s', (_, rule, name, other) => {
    expect(crossed('out', rule, name)).toBe(other);
  });

  test('in: a remote cannot publish what the gateway says about itself', () => {
    expect(crossed('in', { remotePrefix: 'site1/' }, 'site1/$SYS/broker/connection/gw/state')).toBeUndefined();
    expect(crossed('in', { remotePrefix: 'site1/', localPrefix: 'plant/' }, 'site1')).toBe('plant');
  });
});
