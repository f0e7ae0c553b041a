// MQTT-SN packets as a test writes them: what matters is given, the rest has the plainest value.
import type {
  Connack,
  Connect,
  Disconnect,
  Pingreq,
  Pingresp,
  Puback,
  Publish,
  PublishStep,
  Regack,
  Register,
  Suback,
  Subscribe,
  TopicField,
  Unsuback,
  Unsubscribe,
  WillMsg,
  WillMsgReq,
  WillResp,
  WillTopic,
  WillTopicFields,
  WillTopicReq,
} from '../../gateways/mqtt-sn/packets.ts';

export const connect = (over: Partial<Connect> = {}): Connect => ({
  type: 'CONNECT',
  hasWill: false,
  isCleanSession: false,
  protocolId: 1,
  durationSeconds: 60,
  clientId: 'sensor',
  ...over,
});
export const connack = (returnCode = 0): Connack => ({ type: 'CONNACK', returnCode });
export const willTopicReq: WillTopicReq = { type: 'WILLTOPICREQ' };
export const willMsgReq: WillMsgReq = { type: 'WILLMSGREQ' };
export const willTopic = (topicName: string, over: Partial<WillTopicFields> = {}): WillTopic => ({
  type: 'WILLTOPIC',
  will: { qos: 1, isRetain: false, topicName, ...over },
});
export const emptyWillTopic: WillTopic = { type: 'WILLTOPIC', will: undefined };
export const willMsg = (text: string): WillMsg => ({ type: 'WILLMSG', message: Buffer.from(text) });
export const willTopicUpd = (topicName: string, over: Partial<WillTopicFields> = {}): WillTopic => ({ ...willTopic(topicName, over), type: 'WILLTOPICUPD' });
export const emptyWillTopicUpd: WillTopic = { type: 'WILLTOPICUPD', will: undefined };
export const willMsgUpd = (text: string): WillMsg => ({ type: 'WILLMSGUPD', message: Buffer.from(text) });
export const willTopicResp = (returnCode = 0): WillResp => ({ type: 'WILLTOPICRESP', returnCode });
export const willMsgResp = (returnCode = 0): WillResp => ({ type: 'WILLMSGRESP', returnCode });

export const register = (topicName: string, over: Partial<Register> = {}): Register => ({ type: 'REGISTER', topicId: 0, msgId: 1, topicName, ...over });
export const regack = (topicId: number, over: Partial<Regack> = {}): Regack => ({ type: 'REGACK', topicId, msgId: 1, returnCode: 0, ...over });

/** QoS 0 on normal topic id 1 unless said otherwise. */
export const publish = (data: string, over: Partial<Publish> = {}): Publish => ({
  type: 'PUBLISH',
  isDuplicate: false,
  qos: 0,
  isRetain: false,
  topicIdType: 'normal',
  topicId: 1,
  msgId: 0,
  data: Buffer.from(data),
  ...over,
});
export const puback = (msgId: number, over: Partial<Puback> = {}): Puback => ({ type: 'PUBACK', topicId: 1, msgId, returnCode: 0, ...over });
export const pubrec = (msgId: number): PublishStep => ({ type: 'PUBREC', msgId });
export const pubrel = (msgId: number): PublishStep => ({ type: 'PUBREL', msgId });
export const pubcomp = (msgId: number): PublishStep => ({ type: 'PUBCOMP', msgId });

export const named = (topicName: string): TopicField => ({ kind: 'name', topicName });
export const predefined = (topicId: number): TopicField => ({ kind: 'predefined', topicId });
export const short = (name: string): TopicField => ({ kind: 'short', topicId: shortId(name) });
/** The TopicId field that spells a short topic name. */
export const shortId = (name: string): number => Buffer.from(name).readUInt16BE(0);
export const subscribe = (topic: string | TopicField, over: Partial<Subscribe> = {}): Subscribe => ({
  type: 'SUBSCRIBE',
  isDuplicate: false,
  qos: 1,
  msgId: 1,
  topic: typeof topic === 'string' ? named(topic) : topic,
  ...over,
});
export const suback = (topicId: number, over: Partial<Suback> = {}): Suback => ({ type: 'SUBACK', qos: 1, topicId, msgId: 1, returnCode: 0, ...over });
export const unsubscribe = (topic: string | TopicField, msgId = 1): Unsubscribe => ({
  type: 'UNSUBSCRIBE',
  msgId,
  topic: typeof topic === 'string' ? named(topic) : topic,
});
export const unsuback = (msgId = 1): Unsuback => ({ type: 'UNSUBACK', msgId });

export const pingreq = (clientId?: string): Pingreq => ({ type: 'PINGREQ', clientId });
export const pingresp: Pingresp = { type: 'PINGRESP' };
export const disconnect = (durationSeconds?: number): Disconnect => ({ type: 'DISCONNECT', durationSeconds });
