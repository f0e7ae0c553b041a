// §6.6, §6.10 and §6.13 together: the guarantees of the QoS levels over a path that loses, doubles and reorders, with the gateway killed on the way.
import { describe, expect, test } from 'vitest';
import { MqttSnBench, quiet } from '../../support/mqtt-sn.ts';
import { Device } from '../../support/mqtt-sn-device.ts';

const MESSAGES = 40;
const STEPS_MAX = 20_000;

describe('MQTT-SN 1.2 over a bad path', () => {
  test.each([1, 2, 3, 4, 5])('seed %i: nothing acknowledged is lost, QoS 2 comes exactly once, both ways', async (seed) => {
    const loss = { drop: 0.1, duplicate: 0.05, reorder: 0.05, reorderDelayMs: 700, seed };
    const bench = await MqttSnBench.start({ loss, settings: { retrySeconds: 2, retries: 50 } });
    const up = new Device(bench.network.peer('192.0.2.7', 1), 'up');
    const down = new Device(bench.network.peer('192.0.2.8', 2), 'down');
    const run = async (until: () => boolean, killEverySteps = Number.POSITIVE_INFINITY): Promise<void> => {
      for (let step = 1; !until(); step += 1) {
        expect(step, 'the devices do not come to an end').toBeLessThan(STEPS_MAX);
        up.step();
        down.step();
        await bench.clock.advanceMs(200);
        if (step % killEverySteps === 0) await bench.kill();
      }
    };
    down.subscribes('t/#');
    up.registers('t/once', 1);
    up.registers('t/least', 2);
    await run(() => up.isDone && down.isDone);
    const once = Array.from({ length: MESSAGES }, (_, index) => `once-${index}`);
    const least = Array.from({ length: MESSAGES }, (_, index) => `least-${index}`);
    for (let index = 0; index < MESSAGES; index += 1) {
      up.publishes(`once-${index}`, 1, 2);
      up.publishes(`least-${index}`, 2, 1);
    }
    await run(() => up.isDone, 97);
    down.sleeps(60);
    await run(() => down.isDone);
    down.wakes();
    await run(() => down.isDone, 151);
    await run(() => new Set(down.received).size === 2 * MESSAGES); // a late copy of DISCONNECT makes it connect, and then PINGRESP promises nothing
    expect(up.acknowledged.toSorted()).toEqual([...once, ...least].toSorted());
    expect(down.received.filter((message) => message.startsWith('t/once'))).toEqual(once.map((payload) => `t/once ${payload}`));
    expect(firsts(down.received.filter((message) => message.startsWith('t/least')))).toEqual(least.map((payload) => `t/least ${payload}`));
  });
});

/** First arrivals, in order. */
function firsts(messages: readonly string[]): string[] {
  return [...new Set(messages)];
}
