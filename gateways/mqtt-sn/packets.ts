// MQTT-SN 1.2 messages as values. Names and order of fields are the specification's (§5.3, §5.4).
import type { QoS } from '../../src/model/message.ts';

/** §5.3.10. Values from 0x04 are reserved; a peer may still send them. */
export const RETURN_CODE = { accepted: 0x00, congestion: 0x01, invalidTopicId: 0x02, notSupported: 0x03 } as const;

/** In answers that give no topic id. */
export const NO_TOPIC_ID = 0x0000;

export type ReturnCode = (typeof RETURN_CODE)[keyof typeof RETURN_CODE];

/** QoS −1 is a PUBLISH without a connection (§6.8). */
export type PublishQoS = QoS | -1;

/** §5.3.4. For `short`, the TopicId field holds the two octets of the name. */
export type TopicIdType = 'normal' | 'predefined' | 'short';

/** What SUBSCRIBE and UNSUBSCRIBE are about: with TopicIdType 00 a name follows, not an id (§5.4.15). */
export type TopicField =
  | { readonly kind: 'name'; readonly topicName: string }
  | { readonly kind: 'predefined'; readonly topicId: number }
  | { readonly kind: 'short'; readonly topicId: number };

export interface Advertise {
  readonly type: 'ADVERTISE';
  readonly gwId: number;
  readonly durationSeconds: number;
}

export interface SearchGw {
  readonly type: 'SEARCHGW';
  readonly radius: number;
}

export interface GwInfo {
  readonly type: 'GWINFO';
  readonly gwId: number;
  /** Empty when the gateway itself answers. */
  readonly gwAdd: Uint8Array;
}

export interface Connect {
  readonly type: 'CONNECT';
  readonly hasWill: boolean;
  readonly isCleanSession: boolean;
  readonly protocolId: number;
  /** Keep-alive, seconds. */
  readonly durationSeconds: number;
  readonly clientId: string;
}

export interface Connack {
  readonly type: 'CONNACK';
  readonly returnCode: number;
}

export interface WillTopicReq {
  readonly type: 'WILLTOPICREQ';
}

export interface WillMsgReq {
  readonly type: 'WILLMSGREQ';
}

/** `will` is absent in the two-octet form that deletes the stored will (§5.4.7, §5.4.22). */
export interface WillTopic {
  readonly type: 'WILLTOPIC' | 'WILLTOPICUPD';
  readonly will: WillTopicFields | undefined;
}

export interface WillTopicFields {
  readonly qos: PublishQoS;
  readonly isRetain: boolean;
  readonly topicName: string;
}

/** `message` is borrowed from the datagram. */
export interface WillMsg {
  readonly type: 'WILLMSG' | 'WILLMSGUPD';
  readonly message: Uint8Array;
}

export interface Register {
  readonly type: 'REGISTER';
  /** 0x0000 when a client asks. */
  readonly topicId: number;
  readonly msgId: number;
  readonly topicName: string;
}

export interface Regack {
  readonly type: 'REGACK';
  readonly topicId: number;
  readonly msgId: number;
  readonly returnCode: number;
}

export interface Publish {
  readonly type: 'PUBLISH';
  readonly isDuplicate: boolean;
  readonly qos: PublishQoS;
  readonly isRetain: boolean;
  readonly topicIdType: TopicIdType;
  readonly topicId: number;
  /** 0x0000 at QoS 0 and −1. */
  readonly msgId: number;
  /** Borrowed from the datagram. */
  readonly data: Uint8Array;
}

export interface Puback {
  readonly type: 'PUBACK';
  readonly topicId: number;
  readonly msgId: number;
  readonly returnCode: number;
}

export interface PublishStep {
  readonly type: 'PUBREC' | 'PUBREL' | 'PUBCOMP';
  readonly msgId: number;
}

export interface Subscribe {
  readonly type: 'SUBSCRIBE';
  readonly isDuplicate: boolean;
  readonly qos: PublishQoS;
  readonly msgId: number;
  readonly topic: TopicField;
}

export interface Suback {
  readonly type: 'SUBACK';
  /** Granted. */
  readonly qos: QoS;
  readonly topicId: number;
  readonly msgId: number;
  readonly returnCode: number;
}

export interface Unsubscribe {
  readonly type: 'UNSUBSCRIBE';
  readonly msgId: number;
  readonly topic: TopicField;
}

export interface Unsuback {
  readonly type: 'UNSUBACK';
  readonly msgId: number;
}

/** `clientId` is present when a sleeping client asks for its messages (§6.14). */
export interface Pingreq {
  readonly type: 'PINGREQ';
  readonly clientId: string | undefined;
}

export interface Pingresp {
  readonly type: 'PINGRESP';
}

/** `durationSeconds` is present when the client goes to sleep (§6.14). */
export interface Disconnect {
  readonly type: 'DISCONNECT';
  readonly durationSeconds: number | undefined;
}

export interface WillResp {
  readonly type: 'WILLTOPICRESP' | 'WILLMSGRESP';
  readonly returnCode: number;
}

export type Packet =
  | Advertise
  | SearchGw
  | GwInfo
  | Connect
  | Connack
  | WillTopicReq
  | WillTopic
  | WillMsgReq
  | WillMsg
  | Register
  | Regack
  | Publish
  | Puback
  | PublishStep
  | Subscribe
  | Suback
  | Unsubscribe
  | Unsuback
  | Pingreq
  | Pingresp
  | Disconnect
  | WillResp;

export type PacketType = Packet['type'];
