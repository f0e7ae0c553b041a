import { describe, expect, test } from 'vitest';
import type { Packet } from '../../../gateways/mqtt-sn/packets.ts';
import { seeded } from '../../durability/e2e/random.ts';
import { LinkLost, type RequestLink, Requests } from '../../durability/e2e/requests.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { connack, connect, publish } from '../../support/mqtt-sn-packets.ts';

class RecordedLink implements RequestLink {
  readonly sent: Packet[] = [];
  requestArrivedAt: number | undefined;

  request(packet: Packet): void {
    this.sent.push(packet);
  }

  repeat(packet: Packet): void {
    this.sent.push(packet);
  }
}

function requests(retries = 2) {
  const clock = new FakeClock();
  const link = new RecordedLink();
  return { clock, link, asking: new Requests(link, { clock, random: seeded(1), retryMs: 100, retries }) };
}

const isConnack = ({ type }: Packet): boolean => type === 'CONNACK';

describe('MQTT-SN 1.2 §6.13: a request of a sensor', () => {
  test('is repeated after T_retry, a PUBLISH with DUP', async () => {
    const { clock, link, asking } = requests();
    void asking.ask(publish('1', { qos: 1, msgId: 7 }), isConnack).catch(() => undefined);
    await clock.advanceMs(200);
    expect(link.sent).toEqual([publish('1', { qos: 1, msgId: 7 }), publish('1', { qos: 1, msgId: 7, isDuplicate: true })]);
  });

  test('is answered once, by its answer only', async () => {
    const { clock, link, asking } = requests();
    const answer = asking.ask(connect(), isConnack);
    expect(asking.receive({ type: 'PINGRESP' })).toBe(false);
    expect(asking.receive(connack())).toBe(true);
    expect(asking.receive(connack())).toBe(false);
    await expect(answer).resolves.toEqual(connack());
    await clock.advanceMs(10_000);
    expect(link.sent).toHaveLength(1);
  });

  test('is given up after N_retry repetitions', async () => {
    const { clock, link, asking } = requests(2);
    const refused = expect(asking.ask(connect(), isConnack)).rejects.toThrow(LinkLost);
    await clock.advanceMs(600);
    await refused;
    expect(link.sent).toHaveLength(3);
  });

  test('tells where it reached the gateway, until it is answered', () => {
    const { link, asking } = requests();
    expect(asking.unansweredAt).toBeUndefined();
    void asking.ask(connect(), isConnack);
    expect(asking.unansweredAt).toBeUndefined();
    link.requestArrivedAt = 41;
    expect(asking.unansweredAt).toBe(41);
    asking.receive(connack());
    expect(asking.unansweredAt).toBeUndefined();
  });
});
