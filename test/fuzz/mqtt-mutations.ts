// Damage that knows the structure of MQTT: to one field, to what is said about its length, to properties, and to the order of a conversation.

import type { Chance } from './fuzzer.ts';
import { type Anatomy, assemble, dissect, type Field, uint16, varint } from './mqtt-anatomy.ts';

/** What one client sent, packet by packet. */
export interface Recording {
  readonly client: string;
  readonly version: number;
  readonly packets: readonly Buffer[];
}

const BYTES = [0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x18, 0x2c, 0x3f, 0x7f, 0x80, 0x83, 0x84, 0xc2, 0xff] as const;
const UINT16S = [0, 1, 2, 0x7fff, 0x8000, 0xfffe, 0xffff] as const;
const LIES = [1, -1, 2, -2, 127, -128, 0xffff, 268_435_455] as const;
const TEXTS: readonly [Buffer, ...Buffer[]] = [
  Buffer.alloc(0),
  ...[
    '#',
    '+',
    '/',
    '//',
    '+/+',
    'a/#/b',
    'a+',
    '$SYS/#',
    '$share',
    '$share/',
    '$share/g',
    '$share/g/#',
    '$share/+/a',
    '$queue/a',
    '$delayed/1/a',
    'plant/#',
    'MQTT',
    'MQIsdp',
  ].map((text) => Buffer.from(text)),
  Buffer.from('a/'.repeat(200)),
  Buffer.alloc(4_000, 'x'),
  ...['00', '61006200', 'c080', 'eda080', 'f4908080', 'efbfbf', 'efbbbf61', '80', 'e282'].map((hex) => Buffer.from(hex, 'hex')), // MQTT 5 §1.5.4
];
const PROPERTIES: readonly [Buffer, ...Buffer[]] = [
  Buffer.from([0]),
  ...[
    '0100',
    '0102',
    '0200000000',
    '02ffffffff',
    '0b00',
    '0bffffff7f',
    '0b8000',
    '1100000000',
    '11ffffffff',
    '210000',
    '21ffff',
    '230000',
    '23ffff',
    '2400',
    '2700000000',
    '270000000a',
    '7f',
    'ff7f',
  ].map((hex) => Buffer.from(hex, 'hex')),
  ...['0800', '080001 23', '0300', '150005 504c41494e', '150000', '160000', '1f0000', '26 0000 0000', '26 0001 61 ffff', '120001 61', '1a0000', '1c0000'].map(
    (hex) => Buffer.from(hex.replaceAll(' ', ''), 'hex'),
  ),
];

type Mutation = (anatomy: Anatomy, chance: Chance) => Anatomy;

const MUTATIONS: readonly [Mutation, ...Mutation[]] = [
  (anatomy, chance) => ({ ...anatomy, first: anatomy.first ^ (1 << chance.below(4)) }), // flags
  (anatomy, chance) => ({ ...anatomy, first: (anatomy.first & 0x0f) | (chance.below(16) << 4) }), // type
  (anatomy, chance) => ({ ...anatomy, lengthLie: chance.of(LIES) }),
  (anatomy, chance) => changed(anatomy, chance, (field) => ({ ...field, lengthLie: chance.of(LIES) })),
  (anatomy, chance) => changed(anatomy, chance, (field) => ({ ...field, parts: otherParts(field, chance) })),
  (anatomy, chance) => changed(anatomy, chance, (field) => ({ ...field, parts: otherParts(field, chance) })),
  (anatomy, chance) => changed(anatomy, chance, (field) => ({ ...field, kind: 'payload' })), // its length is left out
  (anatomy, chance) => ({ ...anatomy, fields: reordered(anatomy.fields, chance) }),
  (anatomy, chance) => ({ ...anatomy, fields: [...anatomy.fields, ...anatomy.fields.slice(chance.below(anatomy.fields.length + 1))] }),
];

function changed(anatomy: Anatomy, chance: Chance, change: (field: Field) => Field): Anatomy {
  const at = chance.below(anatomy.fields.length);
  return { ...anatomy, fields: anatomy.fields.map((field, index) => (index === at ? change(field) : field)) };
}

function otherParts({ kind, parts }: Field, chance: Chance): readonly Buffer[] {
  switch (kind) {
    case 'byte':
      return [Buffer.from([chance.of(BYTES)])];
    case 'uint16':
      return [uint16(chance.of(UINT16S))];
    case 'text':
      return [chance.of(TEXTS)];
    case 'properties':
      return chance.below(2) === 0 ? reordered(parts, chance) : [...parts, chance.of(PROPERTIES)];
    default:
      return [Buffer.alloc(chance.below(3_000), chance.below(256))];
  }
}

/** One left out, one twice, or two in each other's place. */
function reordered<Item>(items: readonly Item[], chance: Chance): readonly Item[] {
  const at = chance.below(items.length);
  const other = chance.below(items.length);
  switch (chance.below(3)) {
    case 0:
      return items.filter((_, index) => index !== at);
    case 1:
      return items.flatMap((item, index) => (index === at ? [item, item] : [item]));
    default:
      return items.map((item, index) => (index === at ? items[other] : index === other ? items[at] : item) ?? item);
  }
}

/** The packet with up to two faults; sometimes cut off, sometimes with a Remaining Length that takes more octets than it needs. */
function mutated(packet: Buffer, version: number, chance: Chance): Buffer {
  let anatomy = dissect(packet, version);
  for (let faults = 1 + chance.below(2); faults > 0; faults -= 1) anatomy = chance.of(MUTATIONS)(anatomy, chance);
  const bytes = assemble(anatomy);
  const fate = chance.below(20);
  if (fate === 0) return bytes.subarray(0, chance.below(bytes.length));
  if (fate > 1 || bytes.length > 127) return bytes;
  return Buffer.concat([bytes.subarray(0, 1), Buffer.from([bytes.length | 0x80]), varint(0), bytes.subarray(2)]);
}

/** A conversation made of recorded ones: packets repeated, left out, in another order or of another client, and about one in three damaged. */
export function mutatedConversation(recordings: readonly Recording[], chance: Chance): { readonly version: number; readonly bytes: Buffer } {
  const recording = pick(recordings, chance);
  let packets = recording.packets;
  for (let changes = chance.below(3); changes > 0; changes -= 1) packets = reordered(packets, chance);
  if (chance.below(3) === 0) packets = [...packets, ...pick(recordings, chance).packets.slice(1)];
  const isFirstSound = chance.below(4) > 0; // otherwise few conversations would get beyond their CONNECT
  const bytes = packets.map((packet, index) =>
    chance.below(3) > 0 || (index === 0 && isFirstSound) ? packet : mutated(packet, versionOf(recordings, packet), chance),
  );
  return { version: recording.version, bytes: Buffer.concat(bytes) };
}

function versionOf(recordings: readonly Recording[], packet: Buffer): number {
  return recordings.find(({ packets }) => packets.includes(packet))?.version ?? 4;
}

function pick(recordings: readonly Recording[], chance: Chance): Recording {
  const recording = recordings[chance.below(recordings.length)];
  if (recording === undefined) throw new RangeError('nothing was recorded');
  return recording;
}
