// What `postern bridge test` does: dials a remote and shakes hands, apart from the bridge, and says how far that came.
import type { Clock } from '../../model/clock.ts';
import { GatewayError } from '../../model/errors.ts';
import { BRIDGE_TEST_TIMEOUT_MS } from '../../model/limits.ts';
import type { ConnackPacket } from '../../mqtt/packets.ts';
import type { DialStage, Link, LinkHandlers } from '../../transport/transport.ts';
import type { LinkFailure, TrialReport, TrialStep } from '../link-state.ts';
import { dialFailure, FAILURE_OF } from './dial-failure.ts';
import type { ConnectionOwner, MqttConnection } from './mqtt-connection.ts';
import { connectPacket, type MqttUplinkSettings } from './mqtt-packets.ts';
import { refusalText } from './reason-words.ts';
import type { Remote } from './remote-ring.ts';

const STEP_OF: Readonly<Record<DialStage, TrialStep>> = { resolve: 'resolve', connect: 'tcp', secure: 'tls', upgrade: 'websocket' };
const NO_ANSWER = `no answer within ${BRIDGE_TEST_TIMEOUT_MS / 1000} s`;

/** Settings of a client that leaves no trace: under an id of its own, with a session that ends at once, so that nothing of the bridge is touched. */
export function trialSettings(settings: MqttUplinkSettings): MqttUplinkSettings {
  return { ...settings, clientId: `${settings.clientId}-test`, statusTopic: undefined, sessionExpirySeconds: 0 };
}

export class Trial implements ConnectionOwner {
  readonly #settings: MqttUplinkSettings;
  readonly #clock: Clock;
  readonly #passed: TrialStep[] = [];
  readonly #timeUp = new AbortController();
  #step: DialStage | undefined;
  #finish: (failure: LinkFailure | undefined) => void = () => {};
  #leave: () => void = () => {};

  /** @param settings - as `trialSettings` made them. */
  constructor(settings: MqttUplinkSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  /** Resolves within BRIDGE_TEST_TIMEOUT_MS, whatever the remote does. @param connection - new, and owned by this. */
  async run({ address, dialer }: Remote, connection: MqttConnection): Promise<TrialReport> {
    const outcome = new Promise<LinkFailure | undefined>((resolve) => {
      this.#finish = resolve;
    });
    const cancel = this.#clock.after(BRIDGE_TEST_TIMEOUT_MS, () => this.#endInTime());
    this.#leave = () => void connection.leave(this.#timeUp.signal);
    await this.#dial((link) => connection.adopt(link), dialer, connection);
    const failure = await outcome;
    cancel();
    this.#leave();
    return { address, passed: this.#passed, ...(failure === undefined ? {} : { failure: failure.kind, reason: failure.reason }) };
  }

  onAccepted(): boolean {
    this.#passed.push('mqtt');
    this.#leave(); // before what may come behind the CONNACK
    this.#finish(undefined);
    return false;
  }

  onRefused({ reasonCode, properties }: ConnackPacket): void {
    const said = refusalText(reasonCode, properties?.reasonString);
    this.#finish({ kind: 'refused', reason: `it refuses the client id ${this.#settings.clientId} of this test with ${said}` });
  }

  onEnd(failure: LinkFailure): void {
    this.#finish(failure);
  }

  onSubscribing(): void {}

  onFilterRefused(): void {}

  onServed(): void {}

  async #dial(adopt: (link: Link) => LinkHandlers, dialer: Remote['dialer'], connection: MqttConnection): Promise<void> {
    try {
      await dialer.dial(adopt, this.#timeUp.signal, (stage) => this.#entered(stage));
      this.#stepPassed();
      connection.open(connectPacket(this.#settings, { isBridge: false, cleanStart: true }));
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.#finish(dialFailure(error));
    }
  }

  #entered(stage: DialStage): void {
    this.#stepPassed();
    this.#step = stage;
  }

  #stepPassed(): void {
    if (this.#step !== undefined) this.#passed.push(STEP_OF[this.#step]);
    this.#step = undefined;
  }

  #endInTime(): void {
    this.#finish({ kind: this.#step === undefined ? 'unanswered' : FAILURE_OF[this.#step], reason: NO_ANSWER });
    this.#timeUp.abort();
  }
}
