import type { Message, MessageProperties } from '../model/message.ts';
import { utf8Length } from '../model/topic-utf8.ts';

/** What one queue entry counts against the byte bound of its queue: UTF-8 of the topic, payload and texts of the properties. */
export function messageSize(message: Message): number {
  const bytes = utf8Length(message.topic) + message.payload.length;
  return message.properties === undefined ? bytes : bytes + propertiesSize(message.properties);
}

function propertiesSize(properties: MessageProperties): number {
  let bytes = textSize(properties.contentType) + textSize(properties.responseTopic) + (properties.correlationData?.length ?? 0);
  for (const [name, value] of properties.userProperties ?? []) bytes += textSize(name) + textSize(value);
  return bytes;
}

function textSize(text: string | undefined): number {
  return text === undefined ? 0 : Buffer.byteLength(text);
}
