/** One topic both ends know without REGISTER (§6.7). */
export interface PredefinedTopic {
  /** 1..65534; its own number space beside registered ids. */
  readonly id: number;
  readonly topic: string;
  /** `*`: known to every client. An entry for one client goes before `*`. */
  readonly clientId: string;
}

export interface MqttSnSettings {
  /** GwId in GWINFO, 0..255; differs between gateways of one network (§5.3.6). */
  readonly gatewayId: number;
  /** Whether PUBLISH at QoS −1 is taken from senders that never connected (§6.8). */
  readonly qosMinusOne: boolean;
  /** Whether forwarders may speak for wireless nodes (§5.5). */
  readonly forwarders: boolean;
  readonly predefinedTopics: readonly PredefinedTopic[];
  /** T_RETRY: wait for an answer to a request of ours before it is sent again; 10..15 s in §7.2. */
  readonly retrySeconds: number;
  /** N_RETRY: repetitions before the client counts as lost; 3..5 in §7.2. */
  readonly retries: number;
  /** PUBLISH at QoS 1 and 2 a client gets before it has answered; the protocol asks for 1 (§6.10). */
  readonly inflightMax: number;
  /** Topic ids one client may have registered, 1..65534. */
  readonly topicIdsMax: number;
  /** Clients connected or asleep at once; one more is refused with "congestion". */
  readonly clientsMax: number;
  /** Whether a sleeping client may wake up at another address, by the client id in its PINGREQ. It is authenticated anew there. */
  readonly followsAddress: boolean;
  /** Time the session of a client that connected with CleanSession 0 outlives its connection; `Infinity`: for ever. */
  readonly sessionExpirySeconds: number;
}

export const MQTT_SN_DEFAULTS: MqttSnSettings = {
  gatewayId: 1,
  qosMinusOne: true,
  forwarders: true,
  predefinedTopics: [],
  retrySeconds: 10,
  retries: 3,
  inflightMax: 1,
  topicIdsMax: 1_024,
  clientsMax: 10_000,
  followsAddress: true,
  sessionExpirySeconds: Number.POSITIVE_INFINITY,
};
