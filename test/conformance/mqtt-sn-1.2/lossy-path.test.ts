// §6.6, §6.10 and §6.13 together: the guarantees of the QoS levels over a path that loses, doubles and reorders, with the gateway killed on the way.
import { describe, expect, test } from 'vitest';
import { MqttSnBench } from '../../support/mqtt-sn.ts';
import { Device } from '../../support/mqtt-sn-device.ts';

const MESSAGES = 40;
const STEPS_MAX = 20_000;
const ONCE = Array.from({ length: MESSAGES }, (_, index) => `once-${index}`);
const LEAST = Array.from({ length: MESSAGES }, (_, index) => `least-${index}`);

describe.each([1, 7, 193, 201, 482])('MQTT-SN 1.2 over a bad path, seed %i', (seed) => {
  test('nothing acknowledged is lost, QoS 2 comes exactly once, to a client that is awake and then sleeps', async () => {
    const { bench, up, down, run } = await devices(seed);
    publishAll(up);
    await run(() => up.isDone, 37);
    down.sleeps(60);
    await run(() => down.isDone);
    down.wakes();
    await run(() => down.isDone, 37);
    await run(() => new Set(down.received).size === 2 * MESSAGES); // a late copy of DISCONNECT makes it connect, and then PINGRESP promises nothing
    expectAll(up, down);
    expect(bench.core.store.boot.boot).toBeGreaterThan(3); // it was killed, and more than once
  });

  test('nor to a client that sleeps all the time', async () => {
    const { bench, up, down, run } = await devices(seed);
    publishAll(up);
    for (let naps = 0; !up.isDone || new Set(down.received).size < 2 * MESSAGES; naps += 1) {
      expect(naps).toBeLessThan(1_000);
      down.sleeps(60);
      down.wakes();
      await run(() => down.isDone, 37);
    }
    expectAll(up, down);
    expect(bench.core.store.boot.boot).toBeGreaterThan(3); // it was killed, and more than once
  });
});

interface Devices {
  readonly bench: MqttSnBench;
  readonly up: Device;
  readonly down: Device;
  readonly run: (until: () => boolean, killEverySteps?: number) => Promise<void>;
}

/** One device that publishes, one that has subscribed to it, and the path between them and the gateway. */
async function devices(seed: number): Promise<Devices> {
  const loss = { drop: 0.1, duplicate: 0.05, reorder: 0.05, reorderDelayMs: 700, seed };
  const bench = await MqttSnBench.start({ loss, settings: { retrySeconds: 2, retries: 50 } });
  const up = new Device(bench.network.peer('192.0.2.7', 1), 'up');
  const down = new Device(bench.network.peer('192.0.2.8', 2), 'down');
  let steps = 0;
  const run = async (until: () => boolean, killEverySteps = Number.POSITIVE_INFINITY): Promise<void> => {
    while (!until()) {
      steps += 1;
      expect(steps, 'the devices do not come to an end').toBeLessThan(STEPS_MAX);
      up.step();
      down.step();
      await bench.clock.advanceMs(200);
      if (steps % killEverySteps === 0) await bench.kill();
    }
  };
  down.subscribes('t/#');
  up.registers('t/once', 1);
  up.registers('t/least', 2);
  await run(() => up.isDone && down.isDone);
  return { bench, up, down, run };
}

function publishAll(up: Device): void {
  for (const [index, payload] of ONCE.entries()) {
    up.publishes(payload, 1, 2);
    up.publishes(`least-${index}`, 2, 1);
  }
}

function expectAll(up: Device, down: Device): void {
  expect(up.acknowledged.toSorted()).toEqual([...ONCE, ...LEAST].toSorted());
  expect(down.received.filter((message) => message.startsWith('t/once'))).toEqual(ONCE.map((payload) => `t/once ${payload}`));
  expect(firsts(down.received.filter((message) => message.startsWith('t/least')))).toEqual(LEAST.map((payload) => `t/least ${payload}`));
}

/** First arrivals, in order. */
function firsts(messages: readonly string[]): string[] {
  return [...new Set(messages)];
}
