// The MQTT Control Packets of 3.1, 3.1.1 and 5.0 as types, and what the codec tells about them. Names are the specification's; where 5.0 has
// added something, older versions leave it out.
import { MalformedPacketError } from '../model/errors.ts';
import type { Message, MessageProperties, QoS, UserProperties } from '../model/message.ts';
import type { TopicFilter, TopicName } from '../model/topic.ts';

export type { UserProperties } from '../model/message.ts';

/** Protocol Level on the wire: 3 is MQTT 3.1 ("MQIsdp"), 4 is 3.1.1, 5 is 5.0. */
export type ProtocolVersion = 3 | 4 | 5;

/** Reason Codes (MQTT 5 §2.4). SUBACK shares 0x00 to 0x02 with the granted QoS. */
export const REASON = {
  success: 0x00, // also: normal disconnection, granted QoS 0
  grantedQoS1: 0x01,
  grantedQoS2: 0x02,
  disconnectWithWill: 0x04,
  noMatchingSubscribers: 0x10,
  noSubscriptionExisted: 0x11,
  continueAuthentication: 0x18,
  reAuthenticate: 0x19,
  unspecifiedError: 0x80,
  malformedPacket: 0x81,
  protocolError: 0x82,
  implementationSpecificError: 0x83,
  unsupportedProtocolVersion: 0x84,
  clientIdentifierNotValid: 0x85,
  badUserNameOrPassword: 0x86,
  notAuthorized: 0x87,
  serverUnavailable: 0x88,
  serverBusy: 0x89,
  banned: 0x8a,
  serverShuttingDown: 0x8b,
  badAuthenticationMethod: 0x8c,
  keepAliveTimeout: 0x8d,
  sessionTakenOver: 0x8e,
  topicFilterInvalid: 0x8f,
  topicNameInvalid: 0x90,
  packetIdentifierInUse: 0x91,
  packetIdentifierNotFound: 0x92,
  receiveMaximumExceeded: 0x93,
  topicAliasInvalid: 0x94,
  packetTooLarge: 0x95,
  messageRateTooHigh: 0x96,
  quotaExceeded: 0x97,
  administrativeAction: 0x98,
  payloadFormatInvalid: 0x99,
  retainNotSupported: 0x9a,
  qosNotSupported: 0x9b,
  useAnotherServer: 0x9c,
  serverMoved: 0x9d,
  sharedSubscriptionsNotSupported: 0x9e,
  connectionRateExceeded: 0x9f,
  maximumConnectTime: 0xa0,
  subscriptionIdentifiersNotSupported: 0xa1,
  wildcardSubscriptionsNotSupported: 0xa2,
} as const;

/** The only error the codec throws; the decoder is closed after it. */
export class MqttCodecError extends MalformedPacketError {
  /** What a 5.0 peer is told in DISCONNECT, or in CONNACK while none was sent; 0x84 and 0x85 have an older twin each. */
  readonly reasonCode: number;
  /**
   * Close without a word: the peer frames packets otherwise than we do, or what is wrong concerns its credentials. Mosquitto's choices, which
   * interoperability suites compare with.
   */
  readonly closesSilently: boolean;

  constructor(reasonCode: number, clause: string, message: string, options: { readonly closesSilently: boolean } = { closesSilently: false }) {
    super(clause, message);
    this.reasonCode = reasonCode;
    this.closesSilently = options.closesSilently;
  }
}

export interface ConnectProperties {
  /** Absent: 0. 0xFFFFFFFF: the session never expires. */
  readonly sessionExpirySeconds?: number | undefined;
  /** 1..65535; absent: 65535. */
  readonly receiveMaximum?: number | undefined;
  /** 1..4294967295 bytes; absent: no limit. */
  readonly maximumPacketSize?: number | undefined;
  /** Absent: 0, no aliases. */
  readonly topicAliasMaximum?: number | undefined;
  /** Absent: false. */
  readonly requestResponseInformation?: boolean | undefined;
  /** Absent: true. */
  readonly requestProblemInformation?: boolean | undefined;
  readonly authenticationMethod?: string | undefined;
  readonly authenticationData?: Uint8Array | undefined;
  readonly userProperties?: UserProperties | undefined;
}

export interface ConnackProperties {
  /** Absent: as the client asked. */
  readonly sessionExpirySeconds?: number | undefined;
  readonly receiveMaximum?: number | undefined;
  /** Absent: 2. */
  readonly maximumQoS?: 0 | 1 | undefined;
  /** Absent: true, like the other three. */
  readonly retainAvailable?: boolean | undefined;
  readonly wildcardSubscriptionAvailable?: boolean | undefined;
  readonly subscriptionIdentifierAvailable?: boolean | undefined;
  readonly sharedSubscriptionAvailable?: boolean | undefined;
  readonly maximumPacketSize?: number | undefined;
  readonly assignedClientIdentifier?: string | undefined;
  readonly topicAliasMaximum?: number | undefined;
  readonly serverKeepAliveSeconds?: number | undefined;
  readonly responseInformation?: string | undefined;
  readonly serverReference?: string | undefined;
  readonly authenticationMethod?: string | undefined;
  readonly authenticationData?: Uint8Array | undefined;
  readonly reasonString?: string | undefined;
  readonly userProperties?: UserProperties | undefined;
}

/** Properties of PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK and UNSUBACK. */
export interface ReasonProperties {
  readonly reasonString?: string | undefined;
  readonly userProperties?: UserProperties | undefined;
}

export interface SubscribeProperties {
  /** 1..268435455. */
  readonly subscriptionIdentifier?: number | undefined;
  readonly userProperties?: UserProperties | undefined;
}

export interface UnsubscribeProperties {
  readonly userProperties?: UserProperties | undefined;
}

export interface DisconnectProperties extends ReasonProperties {
  /** From clients only (MQTT-3.14.2-2). */
  readonly sessionExpirySeconds?: number | undefined;
  readonly serverReference?: string | undefined;
}

export interface AuthProperties extends ReasonProperties {
  readonly authenticationMethod?: string | undefined;
  readonly authenticationData?: Uint8Array | undefined;
}

/** The Will Message as the client states it. */
export interface WillMessage {
  readonly topic: TopicName;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  readonly isRetain: boolean;
  readonly properties?: MessageProperties | undefined;
  /** Message Expiry Interval; absent: never. */
  readonly expirySeconds?: number | undefined;
  /** Will Delay Interval; absent: 0. */
  readonly delaySeconds?: number | undefined;
}

export interface ConnectPacket {
  readonly type: 'connect';
  readonly version: ProtocolVersion;
  /** Top bit of the version byte: the peer is a bridge (a convention of 3.1 and 3.1.1, never 5.0). */
  readonly isBridge: boolean;
  /** May be empty; see MQTT-3.1.3-6. Bounds beyond 65535 bytes are the server's. */
  readonly clientId: string;
  /** Clean Session in 3.x. */
  readonly cleanStart: boolean;
  /** 0: off. */
  readonly keepAliveSeconds: number;
  readonly will?: WillMessage | undefined;
  readonly username?: string | undefined;
  readonly password?: Uint8Array | undefined;
  readonly properties?: ConnectProperties | undefined;
}

export interface ConnackPacket {
  readonly type: 'connack';
  readonly isSessionPresent: boolean;
  /** Reason Code in 5.0, return code 0..5 in 3.x. */
  readonly reasonCode: number;
  readonly properties?: ConnackProperties | undefined;
}

export type AckType = 'puback' | 'pubrec' | 'pubrel' | 'pubcomp';

/** Written by `encodePacket`; decoded ones go to `MqttVisitor.onAck`. */
export interface AckPacket {
  readonly type: AckType;
  readonly packetId: number;
  readonly reasonCode: number;
  readonly properties?: ReasonProperties | undefined;
}

/** One Topic Filter with its Subscription Options (MQTT 5 §3.8.3.1); 3.x has the QoS only. */
export interface SubscriptionRequest {
  /** Wildcards stand where they may, and a `$share/` filter of 5.0 has its two parts. Of any depth: who takes it asks `isTooDeep`. */
  readonly filter: TopicFilter;
  readonly qosMax: QoS;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly retainHandling: 0 | 1 | 2;
}

export interface SubscribePacket {
  readonly type: 'subscribe';
  readonly packetId: number;
  /** At least one, in the order of the packet. */
  readonly subscriptions: readonly SubscriptionRequest[];
  readonly properties?: SubscribeProperties | undefined;
}

export interface SubackPacket {
  readonly type: 'suback';
  readonly packetId: number;
  /** One per subscription, in its order (MQTT-3.9.3-1). */
  readonly reasonCodes: readonly number[];
  readonly properties?: ReasonProperties | undefined;
}

export interface UnsubscribePacket {
  readonly type: 'unsubscribe';
  readonly packetId: number;
  /** At least one, in the order of the packet, of any depth. */
  readonly filters: readonly TopicFilter[];
  readonly properties?: UnsubscribeProperties | undefined;
}

export interface UnsubackPacket {
  readonly type: 'unsuback';
  readonly packetId: number;
  /** One per filter; 3.x has none on the wire. */
  readonly reasonCodes: readonly number[];
  readonly properties?: ReasonProperties | undefined;
}

export interface PingPacket {
  readonly type: 'pingreq' | 'pingresp';
}

export interface DisconnectPacket {
  readonly type: 'disconnect';
  /** 0 in 3.x. */
  readonly reasonCode: number;
  readonly properties?: DisconnectProperties | undefined;
}

/** 5.0 only. */
export interface AuthPacket {
  readonly type: 'auth';
  readonly reasonCode: number;
  readonly properties?: AuthProperties | undefined;
}

/** What `MqttVisitor.onPacket` gets. The packet and its bytes are the receiver's to keep. */
export type DecodedPacket =
  | ConnectPacket
  | ConnackPacket
  | SubscribePacket
  | SubackPacket
  | UnsubscribePacket
  | UnsubackPacket
  | PingPacket
  | DisconnectPacket
  | AuthPacket;

/** Every packet but PUBLISH, which `PublishEncoder` writes. */
export type Packet = DecodedPacket | AckPacket;

/**
 * One received PUBLISH. The decoder fills the same object for each: all of it is borrowed until `onPublish` returns. Topic and payload lie in
 * `bytes`; `properties` is the receiver's to keep.
 */
export interface PublishView {
  readonly qos: QoS;
  /** DUP: the sender has tried before. */
  readonly isDuplicate: boolean;
  readonly isRetain: boolean;
  /** 1..65535; 0 at QoS 0. */
  readonly packetId: number;
  readonly bytes: Buffer;
  /** Topic Name: valid UTF-8 without wildcards in `bytes[topicStart, topicEnd)`; empty when only `topicAlias` says it. */
  readonly topicStart: number;
  readonly topicEnd: number;
  /** The Topic Name is the one of the last PUBLISH that carried one: its interned Topic can be used again. Never true for an empty one. */
  readonly isSameTopic: boolean;
  /** 1..65535; 0: none. Whether it is in range and known is the connection's to judge. */
  readonly topicAlias: number;
  /** Message Expiry Interval; undefined: never. */
  readonly expirySeconds: number | undefined;
  /** From servers only (MQTT-3.3.4-6); undefined: none. */
  readonly subscriptionIdentifiers: readonly number[] | undefined;
  readonly properties: MessageProperties | undefined;
  /** A view of `bytes`, made at each call. */
  payload(): Buffer;
}

/** Where the decoder puts what it found, in the order it came in. What a visitor throws rises through `push`. */
export interface MqttVisitor {
  onPublish(view: PublishView): void;
  /** @param reasonCode - 0 in 3.x. */
  onAck(type: AckType, packetId: number, reasonCode: number, properties: ReasonProperties | undefined): void;
  onPacket(packet: DecodedPacket): void;
}

/** A message on its way to one peer; `Delivery` of the gateway contract is one. */
export interface OutgoingPublish {
  readonly message: Message;
  readonly qos: QoS;
  readonly isRetain: boolean;
  readonly isDuplicate: boolean;
  /** 1..65535; 0 at QoS 0. */
  readonly packetId: number;
  /** Subscription Identifiers, in the order they are written. */
  readonly identifiers: readonly number[];
  /** What is left of the Message Expiry Interval; undefined: none. */
  readonly expirySeconds: number | undefined;
  /** The sender's own User Properties, behind those of the message; left out where they would make the packet too large. */
  readonly receipt?: UserProperties | undefined;
}
