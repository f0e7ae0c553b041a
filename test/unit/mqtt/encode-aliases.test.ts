import { describe, expect, test } from 'vitest';
import { type Topic, topicName } from '../../../src/model/topic.ts';
import { OutboundAliases } from '../../../src/mqtt/encode-aliases.ts';

/** As a table of topics makes one that it did not keep: equal, and another object each time. */
const topic = (text: string): Topic => ({ name: topicName([...text].join('')), utf8: undefined });

/** What goes out for each topic in turn: the name with its alias, the alias alone, or the name alone. */
function spoken(aliases: OutboundAliases, ...topics: readonly Topic[]): string[] {
  return topics.map((each) => {
    const wire = aliases.of(each);
    if (wire === undefined) return each.name;
    aliases.sent(each, wire);
    return wire.topic === undefined ? `${wire.alias}` : `${wire.topic.name}=${wire.alias}`;
  });
}

describe('MQTT 5 §3.3.2.3.4 Topic Alias towards the client: a topic that is no longer in the table of topics', () => {
  test('keeps the alias it has', () => {
    const aliases = new OutboundAliases(2);
    expect(spoken(aliases, topic('plant/temp'), topic('plant/temp'), topic('plant/hum'), topic('plant/temp'))).toEqual([
      'plant/temp=1',
      '1',
      'plant/hum=2',
      '1',
    ]);
  });

  test('insists as any other does, and takes over the alias unused longest', () => {
    const aliases = new OutboundAliases(1);
    expect(spoken(aliases, topic('plant/temp'), topic('plant/hum'), topic('plant/hum'), topic('plant/hum'), topic('plant/temp'))).toEqual([
      'plant/temp=1',
      'plant/hum',
      'plant/hum=1',
      '1',
      'plant/temp',
    ]);
  });

  test('takes no more aliases than the client allows, however often it comes', () => {
    const aliases = new OutboundAliases(3);
    const names = ['plant/1', 'plant/2', 'plant/3', 'plant/4'];
    const said = Array.from({ length: 100 }, (_, index) => spoken(aliases, topic(names[index % 4] as string))[0]);
    expect(said.filter((each) => !/^(?:plant\/\d(?:=[123])?|[123])$/.test(each ?? ''))).toEqual([]);
  });
});
