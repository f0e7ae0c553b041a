// A day without the centre, on the store the gateway ships with and a clock moved by hand: 200 devices go on, and once the centre is back everything
// arrives at the pace that was set, each device in its order, while alarms pass. Whatever is kept of the wait is kept on disk.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LinkMeter } from '../../../src/bridge/budget/link-meter.ts';
import { Broker, DEFAULT_BROKER_SETTINGS } from '../../../src/broker/broker.ts';
import { gatewayClock } from '../../../src/model/clock.ts';
import { silentLog } from '../../../src/model/log.ts';
import { MetricsTable } from '../../../src/model/metrics.ts';
import { topicFilter } from '../../../src/model/topic.ts';
import { bridgeTo, OUT, TRANSIENT } from '../../support/bridged.ts';
import { OpenAccess, turnsOf } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { ScriptedRemote } from '../../support/scripted-remote.ts';
import { SqliteBench } from '../../support/store-bench.ts';
import { requestOf, TestClient } from '../../support/test-client.ts';

const DEVICES = 200;
const READINGS_PER_SECOND = 5;
const RESTORED_PER_SECOND = 50;
const OUTAGE_SECONDS = 24 * 3_600;
/** Of the outage, between one look at the clock and the next. */
const STEP_SECONDS = 60;
const ALARM_EVERY_SECONDS = 100;
const ALARM_MS_MAX = 1_000;
const HEAP_GROWTH_MAX = 8 * 1024 * 1024;

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

function heapBytes(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

/** Remembers nothing of what it publishes. */
class Device extends TestClient {
  override published(): void {}
}

/** What went out and what has arrived: how far each device is, and when the last alarm was raised. */
class Ledger {
  readonly published = new Uint32Array(DEVICES);
  readonly arrived = new Uint32Array(DEVICES);
  readonly misplaced: string[] = [];
  readonly alarmsMs: number[] = [];
  raised = 0;
  count = 0;
  busiestSecond = 0;
  #second = 0;
  #inSecond = 0;

  arrives(topic: string, payload: string, nowMs: number): void {
    this.#pace(Math.floor(nowMs / 1_000));
    const [, , kind, device = '0'] = topic.split('/');
    if (kind === 'alarm') {
      this.alarmsMs.push(nowMs - Number(payload));
      return;
    }
    this.count += 1;
    const at = Number(device);
    const expected = (this.arrived[at] ?? 0) + 1;
    if (Number(payload) !== expected) this.misplaced.push(`${topic}: ${payload} instead of ${expected}`);
    this.arrived[at] = expected;
  }

  #pace(second: number): void {
    this.#inSecond = second === this.#second ? this.#inSecond + 1 : 1;
    this.#second = second;
    this.busiestSecond = Math.max(this.busiestSecond, this.#inSecond);
  }
}

/** Takes what it is sent without remembering it. */
class Centre extends ScriptedRemote {
  readonly #ledger: Ledger;
  readonly #clock: FakeClock;

  constructor(ledger: Ledger, clock: FakeClock) {
    super();
    this.#ledger = ledger;
    this.#clock = clock;
    this.isReachable = false;
    this.connack = { isSessionPresent: true, reasonCode: 0 };
  }

  override onPublish(view: Parameters<ScriptedRemote['onPublish']>[0]): void {
    this.#ledger.arrives(view.bytes.toString('utf8', view.topicStart, view.topicEnd), view.payload().toString(), this.#clock.nowMs());
    this.ack('puback', view.packetId);
  }
}

let bench: SqliteBench;

beforeEach(() => {
  bench = new SqliteBench();
});

afterEach(async () => {
  await bench.end();
});

async function site(clock: FakeClock, centre: Centre) {
  const store = bench.open({ clock });
  const metrics = new MetricsTable();
  const parts = { store, access: new OpenAccess(), log: silentLog, metrics, turns: turnsOf(clock), settings: DEFAULT_BROKER_SETTINGS };
  const broker = new Broker({ ...parts, clock: gatewayClock(clock, store.boot.gatewayTimeOffsetMs) });
  const bridge = bridgeTo(centre, {
    clock,
    core: { broker, metrics },
    bridge: {
      topics: [{ ...OUT, qos: 1 }],
      queueLimits: { messagesMax: 1_000_000, bytesMax: 1_000_000_000 },
      priorities: [{ filter: topicFilter('readings/alarm/#'), priority: 7 }],
      budget: {
        messagesPerSecond: RESTORED_PER_SECOND,
        bytesPerSecond: Number.POSITIVE_INFINITY,
        rampUpMs: 0,
        bytesPerDay: Number.POSITIVE_INFINITY,
        windows: [],
        urgentFrom: 7,
        meter: new LinkMeter(),
        localOffsetMs: () => 0,
      },
    },
  });
  const starting = bridge.start(broker.contextFor('bridge:centre', silentLog));
  await settled();
  await starting;
  const devices = Array.from({ length: DEVICES }, () => new Device(broker.contextFor('mqtt', silentLog)));
  for (const [index, device] of devices.entries()) await device.connect(requestOf(`device-${index}`, TRANSIENT));
  return { store, bridge, devices };
}

test('24 h of outage at 5 messages a second from 200 devices: restored at 50 a second in order, alarms passing, memory flat', {
  timeout: 600_000,
}, async () => {
  const clock = new FakeClock();
  const ledger = new Ledger();
  const centre = new Centre(ledger, clock);
  const { store, bridge, devices } = await site(clock, centre);
  let turn = 0;
  const readings = (count: number): void => {
    for (let reading = 0; reading < count; reading += 1) {
      const index = turn++ % DEVICES;
      const number = (ledger.published[index] ?? 0) + 1;
      ledger.published[index] = number;
      devices[index]?.publish(`readings/device/${index}`, String(number));
    }
  };

  let earlyBytes = 0;
  for (let second = 0; second < OUTAGE_SECONDS; second += STEP_SECONDS) {
    readings(STEP_SECONDS * READINGS_PER_SECOND);
    await clock.advanceSeconds(STEP_SECONDS);
    if (second === 3_600) earlyBytes = heapBytes();
  }
  expect(store.status().queuedMessages).toBe(OUTAGE_SECONDS * READINGS_PER_SECOND);
  expect(heapBytes() - earlyBytes).toBeLessThan(HEAP_GROWTH_MAX);

  centre.isReachable = true;
  const backlogSeconds = (OUTAGE_SECONDS * READINGS_PER_SECOND) / (RESTORED_PER_SECOND - READINGS_PER_SECOND);
  let seconds = 0;
  let peakBytes = 0;
  while (store.status().queuedMessages > 0 && seconds < backlogSeconds * 1.1) {
    readings(READINGS_PER_SECOND);
    if (seconds % ALARM_EVERY_SECONDS === 50) {
      devices[0]?.publish('readings/alarm/0', String(clock.nowMs()));
      ledger.raised += 1;
    }
    await clock.advanceSeconds(1);
    if (seconds % 1_000 === 0) peakBytes = Math.max(peakBytes, heapBytes());
    seconds += 1;
  }

  expect(store.status().queuedMessages).toBe(0);
  expect(ledger.misplaced).toEqual([]);
  expect(ledger.arrived).toEqual(ledger.published);
  expect(seconds).toBeLessThan(backlogSeconds * 1.05);
  expect(ledger.busiestSecond).toBeLessThanOrEqual(RESTORED_PER_SECOND * 1.1 + 1); // and a tenth of a second's credit
  expect(ledger.alarmsMs.length).toBe(ledger.raised);
  expect(Math.max(...ledger.alarmsMs)).toBeLessThanOrEqual(ALARM_MS_MAX);
  expect(peakBytes - earlyBytes).toBeLessThan(HEAP_GROWTH_MAX);
  await bridge.stop(AbortSignal.abort());
});
