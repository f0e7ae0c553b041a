// Clients that come for a moment: they connect under one of a few ids, so that some take over others, subscribe, unsubscribe, publish, and
// go, with a goodbye or with a will.
import { setTimeout as delay } from 'node:timers/promises';
import { connect, type MqttClient } from 'mqtt';
import { atMost } from '../../test/durability/e2e/waiting.ts';
import { type Actor, count, Loop, type Stage } from './actor.ts';

const IDS = 40;
const LANES = 8;
const PAUSE_MS_MAX = 150;
const STAY_MS_MAX = 400;
const PATIENCE_MS = 5_000;
const FILTERS = ['visit/#', 'visit/+/a', 'visit/1/a', '+/2/#', 'retained/1/#'] as const;
const VERSIONS = [3, 4, 5] as const;
const QOS = [0, 1, 2] as const;

export class Visitors implements Actor {
  readonly accounts = [];
  readonly #stage: Stage;
  readonly #lanes: readonly Loop[];

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#lanes = Array.from({ length: LANES }, () => new Loop(stage, PAUSE_MS_MAX, () => this.#visit()));
  }

  async run(): Promise<void> {
    for (const lane of this.#lanes) lane.start();
  }

  async rest(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.stop()));
  }

  async complaints(): Promise<string[]> {
    return [];
  }

  async close(): Promise<void> {}

  async #visit(): Promise<void> {
    const { random } = this.#stage;
    const client = this.#enter();
    client.on('error', () => undefined);
    await atMost(PATIENCE_MS, answered(client));
    if (client.connected) {
      count(this.#stage, 'visits');
      await atMost(PATIENCE_MS, this.#act(client));
      await delay(random.between(0, STAY_MS_MAX));
    }
    const isRude = random.chance(0.5);
    if (isRude) client.stream.destroy();
    await atMost(PATIENCE_MS, client.endAsync(isRude)); // MQTT.js may never call back when the connection is gone already
  }

  #enter(): MqttClient {
    const { port, random } = this.#stage;
    const version = random.pick(VERSIONS);
    return connect({
      host: '127.0.0.1',
      port,
      clientId: `visitor-${random.between(1, IDS)}`,
      protocolVersion: version,
      protocolId: version === 3 ? ('MQIsdp' as const) : ('MQTT' as const),
      clean: random.chance(0.5),
      reconnectPeriod: 0,
      keepalive: random.between(1, 60),
      will: { topic: 'visit/will', payload: Buffer.from('gone'), qos: random.pick(QOS), retain: random.chance(0.1) },
      ...(version === 5 ? { properties: { sessionExpiryInterval: random.between(0, 120), receiveMaximum: random.between(1, 50) } } : {}),
    });
  }

  /** Another may take the id over meanwhile: then the rest comes to nothing. */
  async #act(client: MqttClient): Promise<void> {
    const { random } = this.#stage;
    const filter = random.pick(FILTERS);
    try {
      await client.subscribeAsync(filter, { qos: random.pick(QOS) });
      count(this.#stage, 'subscriptions');
      for (let left = random.between(0, 5); left > 0; left -= 1) {
        await client.publishAsync(`visit/${random.between(0, 9)}/a`, 'x'.repeat(random.between(0, 2_000)), { qos: random.pick(QOS) });
      }
      if (random.chance(0.5)) await client.unsubscribeAsync(filter);
    } catch {
      count(this.#stage, 'visits cut short');
    }
  }
}

/** Until it is let in or closed. */
function answered(client: MqttClient): Promise<void> {
  return new Promise((resolve) => {
    client.once('connect', () => resolve());
    client.once('close', () => resolve());
  });
}
