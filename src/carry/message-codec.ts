// A carried message as the body of a frame, in the order of docs/reference/queue-export.md.

import type { CarriedMessage } from '../model/carried-message.ts';
import { clientId } from '../model/client.ts';
import { GatewayError } from '../model/errors.ts';
import type { MessageProperties, QoS } from '../model/message.ts';
import { topicName } from '../model/topic.ts';
import { ByteReader } from '../wire/byte-reader.ts';
import { ByteWriter } from '../wire/byte-writer.ts';

const ERA_BYTES = 8;
const FLAG = { publishedQoS: 0b11, qos: 0b1100, wasRetained: 0b1_0000, isRetain: 0b10_0000, isSynchronized: 0b100_0000, properties: 0b1000_0000 } as const;
const QOS_SHIFT = 2;
const PROPERTY = { utf8: 1, contentType: 2, responseTopic: 3, correlationData: 4, user: 5 } as const;

export function packCarried(message: CarriedMessage): Buffer {
  const writer = new ByteWriter(Buffer.allocUnsafeSlow(256 + message.payload.length));
  writer.raw(Buffer.from(message.era, 'hex'));
  writer.varint(message.sequence);
  writer.u8(flagsOf(message));
  writer.f64(message.exportedAtMs);
  writer.f64(message.ageMs);
  writer.f64(message.leftMs);
  writer.text(message.topic);
  writer.text(message.origin.gateway);
  writer.text(message.origin.clientId);
  if (message.properties !== undefined) writer.blob(packProperties(message.properties));
  writer.raw(message.payload);
  return writer.written;
}

/**
 * The payload is a view of `body`.
 *
 * @throws GatewayError - it is not what `packCarried` writes.
 */
export function unpackCarried(body: Buffer): CarriedMessage {
  const reader = new ByteReader(body);
  const era = reader.raw(ERA_BYTES).toString('hex');
  const sequence = reader.varint();
  const flags = reader.u8();
  const [exportedAtMs, ageMs, leftMs] = [reader.f64(), reader.f64(), reader.f64()];
  const topic = topicName(reader.text());
  const origin = { gateway: reader.text(), clientId: clientId(reader.text()) };
  const properties = (flags & FLAG.properties) === 0 ? undefined : unpackProperties(new ByteReader(reader.blob()));
  if (!Number.isSafeInteger(sequence) || sequence < 1) throw wrong('sequence number');
  if (!Number.isFinite(exportedAtMs) || !(ageMs >= 0) || !(leftMs > 0)) throw wrong('time');
  return {
    era,
    sequence,
    exportedAtMs,
    ageMs,
    leftMs,
    isSynchronized: (flags & FLAG.isSynchronized) !== 0,
    topic,
    origin,
    properties,
    publishedQoS: qosOf(flags & FLAG.publishedQoS),
    qos: qosOf((flags & FLAG.qos) >> QOS_SHIFT),
    wasRetained: (flags & FLAG.wasRetained) !== 0,
    isRetain: (flags & FLAG.isRetain) !== 0,
    payload: reader.raw(reader.left),
  };
}

/** What says which message it is, of one that may be read no further. */
export function identityOf(body: Buffer): Pick<CarriedMessage, 'era' | 'sequence'> {
  const reader = new ByteReader(body);
  return { era: reader.raw(ERA_BYTES).toString('hex'), sequence: reader.varint() };
}

function flagsOf({ publishedQoS, qos, wasRetained, isRetain, isSynchronized, properties }: CarriedMessage): number {
  const booleans = (wasRetained ? FLAG.wasRetained : 0) | (isRetain ? FLAG.isRetain : 0) | (isSynchronized ? FLAG.isSynchronized : 0);
  return publishedQoS | (qos << QOS_SHIFT) | booleans | (properties === undefined ? 0 : FLAG.properties);
}

function qosOf(value: number): QoS {
  if (value === 0 || value === 1 || value === 2) return value;
  throw wrong('QoS');
}

function packProperties({ isUtf8, contentType, responseTopic, correlationData, userProperties = [] }: MessageProperties): Buffer {
  const writer = new ByteWriter(Buffer.allocUnsafeSlow(128));
  if (isUtf8 !== undefined) {
    writer.u8(PROPERTY.utf8);
    writer.u8(isUtf8 ? 1 : 0);
  }
  for (const [property, text] of [
    [PROPERTY.contentType, contentType],
    [PROPERTY.responseTopic, responseTopic],
  ] as const) {
    if (text === undefined) continue;
    writer.u8(property);
    writer.text(text);
  }
  if (correlationData !== undefined) {
    writer.u8(PROPERTY.correlationData);
    writer.blob(correlationData);
  }
  for (const [name, value] of userProperties) {
    writer.u8(PROPERTY.user);
    writer.text(name);
    writer.text(value);
  }
  return writer.written;
}

function unpackProperties(reader: ByteReader): MessageProperties {
  const userProperties: [string, string][] = [];
  const properties: { -readonly [Key in keyof MessageProperties]: MessageProperties[Key] } = {};
  while (reader.left > 0) {
    const property = reader.u8();
    if (property === PROPERTY.utf8) properties.isUtf8 = reader.u8() === 1;
    else if (property === PROPERTY.contentType) properties.contentType = reader.text();
    else if (property === PROPERTY.responseTopic) properties.responseTopic = topicName(reader.text());
    else if (property === PROPERTY.correlationData) properties.correlationData = Uint8Array.from(reader.blob());
    else if (property === PROPERTY.user) userProperties.push([reader.text(), reader.text()]);
    else throw wrong('property');
  }
  if (userProperties.length > 0) properties.userProperties = userProperties;
  return properties;
}

function wrong(what: string): GatewayError {
  return new GatewayError('STORE_CORRUPT', `no exported message: its ${what} cannot be`);
}
