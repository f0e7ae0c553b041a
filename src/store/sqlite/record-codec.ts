// Records as bytes. A record is its kind (u8), the length of its body (u32) and the body; a reader steps over kinds it does not know.
import type { Subscription } from '../../bus/subscription.ts';
import { clientId, realm } from '../../model/client.ts';
import type { QoS } from '../../model/message.ts';
import type { TopicFilter } from '../../model/topic.ts';
import type { StateOwner, StateRecord } from '../../session/records.ts';
import type { ReceivingExchange, SendingExchange, SessionFacts, SettleCause } from '../../session/session-store.ts';
import type { ByteReader } from '../../wire/byte-reader.ts';
import type { ByteWriter } from '../../wire/byte-writer.ts';
import { readPacked, writePacked } from './message-codec.ts';

/** Never renumbered: they are on disk. */
export const KIND = {
  message: 1,
  done: 2,
  origin: 3,
  session: 4,
  'session-removed': 5,
  subscription: 6,
  'subscription-removed': 7,
  sending: 8,
  'sending-ended': 9,
  receiving: 10,
  'receiving-forgotten': 11,
  state: 12,
  'done-in-lane': 13,
} as const satisfies Record<StateRecord['kind'] | 'message' | 'done' | 'done-in-lane' | 'origin', number>;

/** Never renumbered: they are on disk. */
export const CAUSE_CODE: Record<SettleCause, number> = {
  delivered: 0,
  'refused-by-peer': 1,
  expired: 2,
  'queue-full': 3,
  'session-ended': 4,
  unreadable: 5,
  moved: 6,
  superseded: 7,
  'queue-full-newest': 8,
  'disk-full': 9,
  purged: 11,
  'quota-messages': 12,
  'quota-bytes': 13,
  'disk-share': 14,
  age: 15,
};

/** Kind and length. */
export const RECORD_HEADER_BYTES = 5;

/** @returns where the body starts, for `endRecord`. */
export function beginRecord(writer: ByteWriter, kind: number): number {
  writer.u8(kind);
  writer.u32(0);
  return writer.length;
}

export function endRecord(writer: ByteWriter, start: number): void {
  writer.setU32(start - 4, writer.length - start);
}

export function writeRecord(writer: ByteWriter, record: StateRecord): void {
  const start = beginRecord(writer, KIND[record.kind]);
  writeBody(writer, record);
  endRecord(writer, start);
}

function writeBody(writer: ByteWriter, record: StateRecord): void {
  switch (record.kind) {
    case 'session':
      writer.varint(record.id);
      writer.text(record.realm);
      writer.text(record.clientId);
      writeFacts(writer, record.facts);
      break;
    case 'session-removed':
      writer.varint(record.id);
      break;
    case 'subscription':
      writer.varint(record.session);
      writer.text(record.subscription.filter);
      writeSubscriptionOptions(writer, record.subscription);
      break;
    case 'subscription-removed':
      writer.varint(record.session);
      writer.text(record.filter);
      break;
    case 'state':
      writeState(writer, record);
      break;
    default:
      writeExchange(writer, record);
  }
}

type ExchangeRecord = Extract<StateRecord, { packetId: number }>;

function writeExchange(writer: ByteWriter, record: ExchangeRecord): void {
  writer.varint(record.session);
  writer.u16(record.packetId);
  switch (record.kind) {
    case 'sending':
      writeSending(writer, record.exchange);
      break;
    case 'sending-ended':
      writer.varint(record.sequence);
      writer.u8(CAUSE_CODE[record.cause]);
      break;
    case 'receiving':
      writeReceiving(writer, record.exchange);
      break;
    case 'receiving-forgotten':
      break;
  }
}

/** The record of that kind; undefined for a kind that is not a state record. */
export function readRecord(reader: ByteReader, kind: number): StateRecord | undefined {
  switch (kind) {
    case KIND.session:
      return { kind: 'session', id: reader.varint(), realm: realm(reader.text()), clientId: clientId(reader.text()), facts: readFacts(reader) };
    case KIND['session-removed']:
      return { kind: 'session-removed', id: reader.varint() };
    case KIND.subscription:
      return { kind: 'subscription', session: reader.varint(), subscription: readSubscription(reader.text() as TopicFilter, reader) };
    case KIND['subscription-removed']:
      return { kind: 'subscription-removed', session: reader.varint(), filter: reader.text() as TopicFilter };
    case KIND.sending:
      return { kind: 'sending', session: reader.varint(), packetId: reader.u16(), exchange: readSending(reader) };
    case KIND['sending-ended']:
      return { kind: 'sending-ended', session: reader.varint(), packetId: reader.u16(), sequence: reader.varint(), cause: causeOf(reader.u8()) };
    case KIND.receiving:
      return { kind: 'receiving', session: reader.varint(), packetId: reader.u16(), exchange: readReceiving(reader) };
    case KIND['receiving-forgotten']:
      return { kind: 'receiving-forgotten', session: reader.varint(), packetId: reader.u16() };
    case KIND.state:
      return readState(reader);
    default:
      return undefined;
  }
}

export function writeFacts(writer: ByteWriter, facts: SessionFacts): void {
  writer.text(facts.principal);
  writer.f64(facts.expirySeconds);
  writer.f64(facts.detachedAtMs ?? Number.NaN);
  writer.u8(facts.will === undefined ? 0 : 1);
  if (facts.will === undefined) return;
  writer.f64(facts.will.delaySeconds);
  writer.f64(facts.will.expirySeconds ?? Number.NaN);
  writePacked(writer, facts.will.message);
}

export function readFacts(reader: ByteReader): SessionFacts {
  const principal = reader.text();
  const expirySeconds = reader.f64();
  const detachedAtMs = orUndefined(reader.f64());
  if (reader.u8() === 0) return { principal, expirySeconds, detachedAtMs, will: undefined };
  const will = { delaySeconds: reader.f64(), expirySeconds: orUndefined(reader.f64()), message: readPacked(reader) };
  return { principal, expirySeconds, detachedAtMs, will };
}

const OPTION = { qos: 0b11, noLocal: 0b100, retainAsPublished: 0b1000 } as const;
const RETAIN_HANDLING_SHIFT = 4;

export function writeSubscriptionOptions(writer: ByteWriter, subscription: Subscription): void {
  const { qosMax, noLocal, retainAsPublished, retainHandling, identifier } = subscription;
  const flags = (noLocal ? OPTION.noLocal : 0) | (retainAsPublished ? OPTION.retainAsPublished : 0);
  writer.u8(qosMax | flags | (retainHandling << RETAIN_HANDLING_SHIFT));
  writer.varint(identifier ?? 0); // MQTT-3.3.4-3: an identifier is never 0
}

export function readSubscription(filter: TopicFilter, reader: ByteReader): Subscription {
  const options = reader.u8();
  const identifier = reader.varint();
  return {
    filter,
    qosMax: (options & OPTION.qos) as QoS,
    noLocal: (options & OPTION.noLocal) !== 0,
    retainAsPublished: (options & OPTION.retainAsPublished) !== 0,
    retainHandling: (options >> RETAIN_HANDLING_SHIFT) as Subscription['retainHandling'],
    identifier: identifier === 0 ? undefined : identifier,
  };
}

export function writeSending(writer: ByteWriter, { sequence, state }: SendingExchange): void {
  writer.varint(sequence);
  writer.u8(state === 'sent' ? 0 : 1);
}

export function readSending(reader: ByteReader): SendingExchange {
  return { sequence: reader.varint(), state: reader.u8() === 0 ? 'sent' : 'released' };
}

export function writeReceiving(writer: ByteWriter, { state, digest, untilMs }: ReceivingExchange): void {
  writer.u8(state === 'open' ? 0 : 1);
  writer.f64(digest);
  writer.f64(untilMs);
}

export function readReceiving(reader: ByteReader): ReceivingExchange {
  return { state: reader.u8() === 0 ? 'open' : 'quarantined', digest: reader.f64(), untilMs: reader.f64() };
}

function writeState(writer: ByteWriter, { owner, key, value }: Extract<StateRecord, { kind: 'state' }>): void {
  writer.varint('session' in owner ? owner.session : 0);
  writer.text('gateway' in owner ? owner.gateway : '');
  writer.text(key);
  writer.u8(value === undefined ? 0 : 1);
  if (value !== undefined) writer.blob(value);
}

function readState(reader: ByteReader): StateRecord {
  const session = reader.varint();
  const gateway = reader.text();
  const owner: StateOwner = session === 0 ? { gateway } : { session };
  return { kind: 'state', owner, key: reader.text(), value: reader.u8() === 0 ? undefined : Uint8Array.from(reader.blob()) };
}

function causeOf(code: number): SettleCause {
  const known = Object.entries(CAUSE_CODE).find(([, each]) => each === code)?.[0];
  return (known ?? 'delivered') as SettleCause; // a cause of a later version: the entry is settled all the same
}

function orUndefined(value: number): number | undefined {
  return Number.isNaN(value) ? undefined : value;
}
