// Everyone who publishes: sensors on a bad network, MQTT.js, mosquitto_pub.
import type { Clock } from '../../../src/model/clock.ts';
import { Arrivals, Ledger } from './ledger.ts';
import { LOSSY } from './lossy-path.ts';
import { MosquittoPublisher, MqttPublisher } from './publisher.ts';
import type { Random } from './random.ts';
import { Sensor } from './sensor.ts';
import { Uplinked } from './sensor-link.ts';

export interface FleetOptions {
  readonly sensors: number;
  readonly sensorPort: number;
  readonly mqttPort: number;
  readonly mosquittoPub: string;
  readonly random: Random;
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly complain: (what: string) => void;
}

/** Every so many sensors one has a will, and one takes commands. */
const WILL_EVERY = 4;
const COMMANDS_EVERY = 7;
const KEEP_ALIVE_SECONDS = 120;
const RETRY_MS = 100;
/** Patient sensors never notice that the gateway was away; the others connect anew. */
const RETRIES = { patient: 200, impatient: 3 };
const IMPATIENT_EVERY = 5;
const MQTT_PUBLISHERS = 2;
const WINDOW = 4;
const PAUSE_MS = 25;
const COMMAND_PAUSE_MS = 250;
/** Sensors take commands one by one, and the gateway waits a second before it repeats a lost one: more would only pile up. */
const COMMANDS_WAITING_MAX = 3;

/** Commands to one sensor: acknowledged by the gateway, they must reach it. */
export interface CommandLine {
  readonly name: string;
  readonly ledger: Ledger;
  readonly arrivals: Arrivals;
}

export class Fleet {
  readonly uplinked = new Uplinked();
  readonly commandLines: readonly CommandLine[];
  readonly #sensors: readonly Sensor[];
  readonly #publishers: readonly MqttPublisher[];
  readonly #mosquitto: MosquittoPublisher;
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: FleetOptions) {
    const indices = Array.from({ length: options.sensors }, (_, index) => index);
    this.commandLines = indices.filter((index) => index % COMMANDS_EVERY === 1).map((index) => commandLine(sensorName(index)));
    this.#sensors = indices.map((index) => this.#sensor(index, options));
    const { mqttPort: port, ledger, random, complain, mosquittoPub: program } = options;
    const readers = Array.from({ length: MQTT_PUBLISHERS }, (_, index) => {
      const clientId = `app${index}`;
      return new MqttPublisher({ clientId, port, ledger, complain, topicOf: () => `readings/${clientId}`, window: WINDOW, pauseMs: PAUSE_MS });
    });
    const commanders = this.commandLines.map(({ name, ledger: commands, arrivals }) => {
      const isHeldBack = (): boolean => commands.publishedCount - arrivals.count >= COMMANDS_WAITING_MAX;
      const how = { topicOf: () => `commands/${name}`, window: 2, pauseMs: COMMAND_PAUSE_MS, isHeldBack };
      return new MqttPublisher({ clientId: `commander-${name}`, port, ledger: commands, complain, ...how });
    });
    this.#publishers = [...readers, ...commanders];
    this.#mosquitto = new MosquittoPublisher({
      clientId: 'batch',
      port,
      ledger,
      complain,
      program,
      topicOf: ({ source, qos }) => `readings/${source}/${qos}`,
      random: random.fork('mosquitto_pub'),
    });
  }

  /** Resolves once everyone is at work. */
  async start(): Promise<void> {
    this.#running = Promise.all([...this.#sensors.map((sensor) => sensor.run()), this.#mosquitto.run()]);
    await Promise.all(this.#sensors.map(({ ready }) => ready)); // before the first command
    for (const publisher of this.#publishers) publisher.run();
  }

  pause(): void {
    for (const publisher of [...this.#sensors, ...this.#publishers, this.#mosquitto]) publisher.pause();
  }

  /** Paused, and everything answered. */
  get isIdle(): boolean {
    return [...this.#sensors, ...this.#publishers, this.#mosquitto].every((publisher) => publisher.isIdle);
  }

  /** Whether a request of a sensor is unanswered that is not among the last `unread` datagrams that reached the gateway. */
  hasUnansweredBefore(unread: number): boolean {
    const lastRead = this.uplinked.count - unread;
    return this.#sensors.some(({ unansweredAt }) => unansweredAt !== undefined && unansweredAt <= lastRead);
  }

  get reconnects(): number {
    return this.#sensors.reduce((sum, sensor) => sum + sensor.reconnects, 0);
  }

  get batches(): MosquittoPublisher['batches'] {
    return this.#mosquitto.batches;
  }

  async stop(): Promise<void> {
    for (const sensor of this.#sensors) sensor.stop();
    this.pause();
    await Promise.all([...this.#publishers.map((publisher) => publisher.stop()), this.#running]);
  }

  #sensor(index: number, { random, clock, sensorPort, ledger, complain }: FleetOptions): Sensor {
    const clientId = sensorName(index);
    const line = this.commandLines.find(({ name }) => name === clientId);
    return new Sensor({
      clientId,
      port: sensorPort,
      losses: LOSSY,
      random: random.fork(clientId),
      clock,
      ledger,
      uplinked: this.uplinked,
      keepAliveSeconds: KEEP_ALIVE_SECONDS,
      retryMs: RETRY_MS,
      retries: index % IMPATIENT_EVERY === 0 ? RETRIES.impatient : RETRIES.patient,
      ...(index % WILL_EVERY === 0 ? { will: { topicName: `wills/${clientId}`, message: clientId } } : {}),
      ...(line === undefined ? {} : { commands: { topic: `commands/${clientId}`, arrivals: line.arrivals } }),
      complain,
    });
  }
}

function commandLine(name: string): CommandLine {
  const ledger = new Ledger();
  return { name, ledger, arrivals: new Arrivals(ledger) };
}

function sensorName(index: number): string {
  return `s${`${index}`.padStart(2, '0')}`;
}
