import { describe, expect, test } from 'vitest';
import { TopicIds } from '../../../gateways/mqtt-sn/topic-ids.ts';
import type { StateSpace } from '../../../src/gateway/gateway.ts';
import { topicName } from '../../../src/model/topic.ts';

class MapState implements StateSpace {
  readonly values = new Map<string, Uint8Array>();

  get(key: string): Uint8Array | undefined {
    return this.values.get(key);
  }

  entries(): Iterable<readonly [string, Uint8Array]> {
    return this.values.entries();
  }

  put(key: string, value: Uint8Array): void {
    this.values.set(key, value.slice());
  }

  delete(key: string): void {
    this.values.delete(key);
  }
}

const tableOver = (state: StateSpace, idsMax = 100): TopicIds => new TopicIds(state, idsMax, (name) => name);
const A = topicName('t/a');
const B = topicName('t/é');

describe('MQTT-SN 1.2 §5.3.11 TopicId', () => {
  test('ids begin at 1: 0x0000 is reserved', () => {
    expect(tableOver(new MapState()).assign(A)).toBe(1);
  });

  test('0xFFFF is reserved: the last id is 65534, whatever is allowed', () => {
    const table = tableOver(new MapState(), 1_000_000);
    for (let id = 1; id <= 65_534; id += 1) expect(table.assign(topicName(`t/${id}`))).toBe(id);
    expect(table.assign(topicName('one/more'))).toBeUndefined();
    expect(table.assign(topicName('t/7'))).toBe(7);
  });
});

describe('MQTT-SN 1.2 §6.5 Topic Name Registration, the table', () => {
  test('is in the state as topic/<id> with the name, and is read back', () => {
    const state = new MapState();
    const table = tableOver(state);
    table.assign(A);
    table.assign(B);
    expect([...state.values].map(([key, value]) => [key, Buffer.from(value).toString()])).toEqual([
      ['topic/1', 't/a'],
      ['topic/2', 't/é'],
    ]);
    state.put('link', Buffer.from('other things'));
    const again = tableOver(state);
    expect([again.nameOf(1), again.nameOf(2), again.nameOf(3)]).toEqual([A, B, undefined]);
    expect([again.assign(B), again.assign(topicName('t/c'))]).toEqual([2, 3]);
  });

  test('an id is for the client only once it is known to know it', () => {
    const table = tableOver(new MapState());
    table.assign(A);
    expect(table.confirmedIdOf(A)).toBeUndefined();
    table.confirm(1);
    expect(table.confirmedIdOf(A)).toBe(1);
    table.doubt(1);
    expect(table.confirmedIdOf(A)).toBeUndefined();
    table.confirmAll();
    expect(table.confirmedIdOf(A)).toBe(1);
    expect(table.confirmedIdOf(B)).toBeUndefined();
  });
});
