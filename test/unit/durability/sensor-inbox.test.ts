import { describe, expect, test } from 'vitest';
import { type Packet, RETURN_CODE } from '../../../gateways/mqtt-sn/packets.ts';
import { Arrivals, Ledger } from '../../durability/e2e/ledger.ts';
import { SensorInbox } from '../../durability/e2e/sensor-inbox.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { puback, pubcomp, publish, pubrec, pubrel, regack, register } from '../../support/mqtt-sn-packets.ts';

const TOPIC = 'commands/s01';

function inbox() {
  const clock = new FakeClock();
  const ledger = new Ledger();
  for (const number of [1, 2]) ledger.published({ source: 'app', qos: 2, number }, TOPIC);
  const arrivals = new Arrivals(ledger);
  const answers: Packet[] = [];
  const box = new SensorInbox({ arrivals, clock, answer: (packet) => answers.push(packet) });
  return { box, clock, answers, arrivals };
}

describe('what a simulated sensor takes from the gateway', () => {
  test('REGISTER gives the name PUBLISH is counted under (§6.10)', () => {
    const { box, answers, arrivals } = inbox();
    box.receive(register(TOPIC, { topicId: 4, msgId: 9 }));
    box.receive(publish('app,2,1', { topicId: 4, qos: 1, msgId: 10 }));
    expect(answers).toEqual([regack(4, { msgId: 9 }), puback(10, { topicId: 4 })]);
    expect(arrivals.has('app,2,1')).toBe(true);
  });

  test('an unknown topic id is refused', () => {
    const { box, answers } = inbox();
    box.receive(publish('app,2,1', { topicId: 5, qos: 1, msgId: 10 }));
    expect(answers).toEqual([puback(10, { topicId: 5, returnCode: RETURN_CODE.invalidTopicId })]);
  });

  test('QoS 2 is counted once, late copies included', async () => {
    const { box, answers, arrivals, clock } = inbox();
    const message = publish('app,2,1', { topicId: 4, qos: 2, msgId: 10 });
    box.learn(4, TOPIC);
    for (const packet of [message, message, pubrel(10), message, pubrel(10)]) box.receive(packet);
    expect(answers).toEqual([pubrec(10), pubrec(10), pubcomp(10), pubrec(10), pubcomp(10)]);
    expect(arrivals.findings().duplicates).toEqual({ 1: 0, 2: 0 });
    await clock.advanceMs(5_000);
    box.receive(publish('app,2,2', { topicId: 4, qos: 2, msgId: 10 }));
    expect(arrivals.count).toBe(2);
  });

  test('an id that a restarted gateway gives to another message brings that message', () => {
    const { box, answers, arrivals } = inbox();
    box.learn(4, TOPIC);
    for (const packet of [publish('app,2,1', { topicId: 4, qos: 2, msgId: 10 }), pubrel(10), publish('app,2,2', { topicId: 4, qos: 2, msgId: 10 })])
      box.receive(packet);
    expect(answers).toEqual([pubrec(10), pubcomp(10), pubrec(10)]);
    expect(arrivals.count).toBe(2);
  });
});
