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

  test.each([
    ['levels change places', { filter: 'readings/+/t/+', rename: 'site/{2}/{1}' }, 'readings/boiler/t/north', 'site/north/boiler'],
    ['a level may come twice', { filter: 'readings/+', rename: '{1}/{1}' }, 'readings/a', 'a/a'],
    ['an empty level is one', { filter: 'readings/+/x', rename: 'a/{1}/b' }, 'readings//x', 'a//b'],
    ['{#} is the rest', { filter: 'readings/#', rename: 'site/{#}/raw' }, 'readings/a/b', 'site/a/b/raw'],
    ['of the parent level there is no rest', { filter: 'readings/#', rename: 'site/{#}' }, 'readings', 'site'],
    ['with its prefix', { filter: '+/t', localPrefix: 'plant/', remotePrefix: 'unused/', rename: 'site/{1}' }, 'plant/a/t', 'site/a'],
    ['without a placeholder all become one', { filter: 'readings/#', rename: 'site/all' }, 'readings/a', 'site/all'],
    ['MQTT-4.7.2-1: what a wildcard matched makes no $ topic', { filter: 'a/#', rename: '{#}' }, 'a/$SYS/uptime', undefined],
    ['MQTT-4.7.2-1: a template that says so does', { filter: 'a/#', rename: '$mine/{#}' }, 'a/b', '$mine/b'],
    ['no name at all stays here', { filter: '#', rename: '{1}' }, 'a', undefined],
  ])('rename: %s', (_, rule, name, other) => {
    expect(crossed('out', rule, name)).toBe(other);
  });

  test('rename, in: the template gives the local name', () => {
    expect(crossed('in', { filter: 'cmd/+/set', remotePrefix: 'site1/', rename: 'actuators/{1}' }, 'site1/cmd/valve/set')).toBe('actuators/valve');
  });
});
