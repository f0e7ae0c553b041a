// From the topic fields of a packet to the core's topics.
import type { ClientId } from '../../src/model/client.ts';
import { GatewayError } from '../../src/model/errors.ts';
import { type TopicFilter, type TopicName, topicFilter, topicName } from '../../src/model/topic.ts';
import { shortTopicName } from './codec.ts';
import { RETURN_CODE, type ReturnCode, type TopicField, type TopicIdType } from './packets.ts';
import type { PredefinedTopics } from './predefined-topics.ts';
import type { TopicIds } from './topic-ids.ts';

/** What the sender of a PUBLISH knows by number. A publisher without connection has neither client id nor registered ids. */
export interface KnownTopics {
  readonly predefined: PredefinedTopics;
  readonly clientId: ClientId | undefined;
  readonly topicIds: TopicIds | undefined;
}

/** @returns the return code of the refusal where the field names no topic. */
export function publishedTopic(known: KnownTopics, type: TopicIdType, topicId: number): TopicName | ReturnCode {
  switch (type) {
    case 'normal':
      return known.topicIds?.nameOf(topicId) ?? RETURN_CODE.invalidTopicId;
    case 'predefined':
      return known.predefined.nameOf(known.clientId, topicId) ?? RETURN_CODE.invalidTopicId;
    case 'short':
      return shortTopic(topicId) ?? RETURN_CODE.notSupported;
  }
}

/** @returns the return code of the refusal where the field names no topic filter. */
export function subscribedFilter(known: KnownTopics, field: TopicField): TopicFilter | ReturnCode {
  switch (field.kind) {
    case 'name':
      return parsed(field.topicName, topicFilter) ?? RETURN_CODE.notSupported;
    case 'predefined':
      return asFilter(known.predefined.nameOf(known.clientId, field.topicId)) ?? RETURN_CODE.invalidTopicId;
    case 'short':
      return asFilter(shortTopic(field.topicId)) ?? RETURN_CODE.notSupported;
  }
}

/** @returns undefined where the text is no topic name: empty, a wildcard, a NUL, too long or too deep. */
export function nameFrom(text: string): TopicName | undefined {
  return parsed(text, topicName);
}

/** A short topic name has no wildcards (§6.7). */
function shortTopic(topicId: number): TopicName | undefined {
  const name = shortTopicName(topicId);
  return name === undefined ? undefined : nameFrom(name);
}

function asFilter(name: TopicName | undefined): TopicFilter | undefined {
  return name === undefined ? undefined : topicFilter(name);
}

function parsed<Parsed>(text: string, parse: (text: string) => Parsed): Parsed | undefined {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return undefined;
  }
}
