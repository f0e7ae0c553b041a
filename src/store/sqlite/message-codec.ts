// A message as bytes, in the log and in the rows of retained messages and wills.
//
//   content   flags u8 · topic length u16 · published f64 (gateway ms) · topic · [expires f64] · [length u32, properties] · payload to the end
//   packed    length u32 · content · origin's gateway · origin's client id
import { clientId } from '../../model/client.ts';
import { Message, type MessageProperties, type Origin, type QoS, type QueueNumber } from '../../model/message.ts';
import type { Topic, TopicName } from '../../model/topic.ts';
import { putTopic, utf8Length } from '../../model/topic-utf8.ts';
import type { ByteReader } from '../../wire/byte-reader.ts';
import { ByteWriter } from '../../wire/byte-writer.ts';

/** Without `gatewayStamp` a message was written before its stamp was gateway time: what it has is the wall clock of then, whatever that was worth. */
const FLAG = { qos: 0b11, retain: 0b100, expires: 0b1000, properties: 0b1_0000, gatewayStamp: 0b10_0000 } as const;
const PROPERTY = { utf8: 1, contentType: 2, responseTopic: 3, correlationData: 4, user: 5, number: 6 } as const;

/** What lies between topic and payload. */
interface Block {
  readonly properties: MessageProperties | undefined;
  readonly numbers: readonly QueueNumber[] | undefined;
}

const NOTHING: Block = { properties: undefined, numbers: undefined };
const NO_PROPERTIES: MessageProperties = {};
const NO_NUMBERS: readonly QueueNumber[] = [];

export function writeContent(writer: ByteWriter, message: Message): void {
  const { topic, payload, properties, numbers, expiresAtMs } = message;
  const hasBlock = properties !== undefined || numbers !== undefined;
  const expires = expiresAtMs === Number.POSITIVE_INFINITY ? 0 : FLAG.expires;
  writer.u8(message.qos | FLAG.gatewayStamp | (message.isRetain ? FLAG.retain : 0) | expires | (hasBlock ? FLAG.properties : 0));
  const nameBytes = utf8Length(topic);
  writer.u16(nameBytes);
  writer.f64(message.publishedAtMs);
  writer.reserve(nameBytes);
  writer.length = putTopic(writer.bytes, writer.length, topic);
  if (expires !== 0) writer.f64(expiresAtMs);
  if (hasBlock) writeProperties(writer, properties ?? NO_PROPERTIES, numbers ?? NO_NUMBERS);
  writer.raw(payload);
}

/** Reads up to the reader's `end`. The payload is a view of its bytes; nothing else of the message is. */
export function readContent(reader: ByteReader, origin: Origin): Message {
  const flags = reader.u8();
  const topicLength = reader.u16();
  const stamp = reader.f64();
  const publishedAtMs = (flags & FLAG.gatewayStamp) === 0 ? Number.NEGATIVE_INFINITY : stamp;
  const topic = storedTopic(reader.raw(topicLength));
  const expiresAtMs = (flags & FLAG.expires) === 0 ? Number.POSITIVE_INFINITY : reader.f64();
  const { properties, numbers } = (flags & FLAG.properties) === 0 ? NOTHING : readProperties(reader);
  const payload = reader.raw(reader.left);
  const qos = (flags & FLAG.qos) as QoS;
  return new Message({ topic, payload, qos, isRetain: (flags & FLAG.retain) !== 0, properties }, origin, { publishedAtMs, expiresAtMs, numbers });
}

export function packMessage(message: Message): Buffer {
  const writer = new ByteWriter(Buffer.allocUnsafeSlow(64 + utf8Length(message.topic) + message.payload.length));
  writePacked(writer, message);
  return writer.written;
}

export function writePacked(writer: ByteWriter, message: Message): void {
  writer.u32(0);
  const start = writer.length;
  writeContent(writer, message);
  writer.setU32(start - 4, writer.length - start);
  writer.text(message.origin.gateway);
  writer.text(message.origin.clientId);
}

/** The message owns its payload. */
export function readPacked(reader: ByteReader): Message {
  const { end } = reader;
  const length = reader.u32();
  const start = reader.at;
  reader.raw(length);
  const origin = readOrigin(reader);
  const next = reader.at;
  reader.at = start;
  reader.end = start + length;
  const message = readContent(reader, origin).keep();
  reader.at = next;
  reader.end = end;
  return message;
}

export function readOrigin(reader: ByteReader): Origin {
  return { gateway: reader.text(), clientId: clientId(reader.text()) };
}

function storedTopic(utf8: Buffer): Topic {
  const name = utf8.toString('utf8') as TopicName; // checked by `topicName` before it was written
  return { name, utf8: name.length === utf8.length ? undefined : Uint8Array.prototype.slice.call(utf8) };
}

/** Numbers behind all else: a version that does not know them leaves out the rest. */
function writeProperties(writer: ByteWriter, properties: MessageProperties, numbers: readonly QueueNumber[]): void {
  writer.u32(0);
  const start = writer.length;
  if (properties.isUtf8 !== undefined) {
    writer.u8(PROPERTY.utf8);
    writer.u8(properties.isUtf8 ? 1 : 0);
  }
  writeText(writer, PROPERTY.contentType, properties.contentType);
  writeText(writer, PROPERTY.responseTopic, properties.responseTopic);
  if (properties.correlationData !== undefined) {
    writer.u8(PROPERTY.correlationData);
    writer.blob(properties.correlationData);
  }
  for (const [name, value] of properties.userProperties ?? []) {
    writer.u8(PROPERTY.user);
    writer.text(name);
    writer.text(value);
  }
  for (const number of numbers) writeNumber(writer, number);
  writer.setU32(start - 4, writer.length - start);
}

function writeText(writer: ByteWriter, property: number, text: string | undefined): void {
  if (text === undefined) return;
  writer.u8(property);
  writer.text(text);
}

function writeNumber(writer: ByteWriter, { queue, boot, number, deviceNumber, after }: QueueNumber): void {
  writer.u8(PROPERTY.number);
  writer.text(queue);
  writer.varint(boot);
  writer.varint(number);
  writer.varint(deviceNumber);
  if (number === 1) writer.varint(after ?? 0);
}

function readNumber(reader: ByteReader): QueueNumber {
  const number = { queue: reader.text(), boot: reader.varint(), number: reader.varint(), deviceNumber: reader.varint() };
  return number.number === 1 ? { ...number, after: reader.varint() } : number;
}

function readProperties(reader: ByteReader): Block {
  const end = reader.u32() + reader.at;
  const userProperties: [string, string][] = [];
  const numbers: QueueNumber[] = [];
  const properties: { -readonly [Key in keyof MessageProperties]: MessageProperties[Key] } = {};
  while (reader.at < end) {
    switch (reader.u8()) {
      case PROPERTY.utf8:
        properties.isUtf8 = reader.u8() === 1;
        break;
      case PROPERTY.contentType:
        properties.contentType = reader.text();
        break;
      case PROPERTY.responseTopic:
        properties.responseTopic = reader.text();
        break;
      case PROPERTY.correlationData:
        properties.correlationData = Uint8Array.prototype.slice.call(reader.blob());
        break;
      case PROPERTY.user:
        userProperties.push([reader.text(), reader.text()]);
        break;
      case PROPERTY.number:
        numbers.push(readNumber(reader));
        break;
      default:
        reader.at = end; // written by a later version
    }
  }
  if (userProperties.length > 0) properties.userProperties = userProperties;
  if (numbers.length === 0) return { properties, numbers: undefined };
  return { properties: Object.keys(properties).length === 0 ? undefined : properties, numbers };
}
