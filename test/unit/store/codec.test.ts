import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Subscription } from '../../../src/bus/subscription.ts';
import { type ClientId, clientId, type Realm, realm } from '../../../src/model/client.ts';
import { GatewayError } from '../../../src/model/errors.ts';
import type { Message, QoS, QueueNumber } from '../../../src/model/message.ts';
import { ORDINARY, PRIORITIES } from '../../../src/model/priority.ts';
import { topicFilter } from '../../../src/model/topic.ts';
import type { StateRecord } from '../../../src/session/records.ts';
import type { SessionFacts, StoredWill } from '../../../src/session/session-store.ts';
import { Group, visitRecords } from '../../../src/store/sqlite/group.ts';
import { GROUP_HEADER_BYTES, readGroupHeader } from '../../../src/store/sqlite/group-format.ts';
import { packMessage, readPacked } from '../../../src/store/sqlite/message-codec.ts';
import { OpenGroup, References } from '../../../src/store/sqlite/open-group.ts';
import { CAUSE_CODE, readRecord } from '../../../src/store/sqlite/record-codec.ts';
import { ByteReader } from '../../../src/wire/byte-reader.ts';
import { messageOf, messageText } from '../../support/store-samples.ts';

const STAMPS = { boot: 3, gatewayMs: 1234.5, wallMs: 1_800_000_000_000, isSynchronized: true };
const text = fc.string({ unit: 'binary', maxLength: 30 }).filter((each) => each.isWellFormed());
const qos = fc.constantFrom<QoS>(0, 1, 2);
const sequence = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const packetId = fc.integer({ min: 1, max: 65_535 });
const id = fc.integer({ min: 1, max: 2 ** 32 - 1 });
const bytes = fc.uint8Array({ maxLength: 200 });

const queueNumber: fc.Arbitrary<QueueNumber> = fc
  .record({ queue: text, boot: fc.nat(), number: fc.oneof(fc.constant(1), fc.maxSafeNat()), deviceNumber: fc.maxSafeNat(), after: fc.nat() })
  .map(({ after, ...given }) => (given.number === 1 ? { ...given, after } : given));

const message: fc.Arbitrary<Message> = fc
  .record({
    topic: fc.string({ minLength: 1, maxLength: 40 }).filter((each) => !/[+#\0]/.test(each) && each.isWellFormed()),
    payload: bytes,
    qos,
    isRetain: fc.boolean(),
    expiresAtMs: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.double({ noNaN: true, min: 0, max: 1e15 })),
    properties: fc.option(
      fc.record(
        {
          isUtf8: fc.boolean(),
          contentType: text,
          responseTopic: text,
          correlationData: bytes,
          userProperties: fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 5 }),
        },
        { requiredKeys: [] },
      ),
      { nil: undefined },
    ),
    numbers: fc.option(fc.array(queueNumber, { minLength: 1, maxLength: 3 }), { nil: undefined }),
  })
  .map(({ topic, payload, ...rest }) => messageOf(topic, payload, rest));

const will: fc.Arbitrary<StoredWill> = fc.record({ message, delaySeconds: fc.nat(), expirySeconds: fc.option(fc.nat(), { nil: undefined }) });
const facts: fc.Arbitrary<SessionFacts> = fc.record({
  principal: text,
  expirySeconds: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.nat()),
  detachedAtMs: fc.option(fc.double({ noNaN: true, min: 0 }), { nil: undefined }),
  will: fc.option(will, { nil: undefined }),
});
const subscription: fc.Arbitrary<Subscription> = fc.record({
  filter: fc.constantFrom('a', 'a/+/b', '#', '$share/g/x').map(topicFilter),
  qosMax: qos,
  noLocal: fc.boolean(),
  retainAsPublished: fc.boolean(),
  retainHandling: fc.constantFrom(0, 1, 2),
  identifier: fc.option(fc.integer({ min: 1, max: 268_435_455 }), { nil: undefined }),
});
const owner = fc.oneof(
  id.map((session) => ({ session })),
  text.map((gateway) => ({ gateway })),
);
const cause = fc.constantFrom(...(Object.keys(CAUSE_CODE) as (keyof typeof CAUSE_CODE)[]));

const record: fc.Arbitrary<StateRecord> = fc.oneof(
  fc.record({ kind: fc.constant('session'), id, realm: text.map((each): Realm => realm(each)), clientId: text.map((each): ClientId => clientId(each)), facts }),
  fc.record({ kind: fc.constant('session-removed'), id }),
  fc.record({ kind: fc.constant('subscription'), session: id, subscription }),
  fc.record({ kind: fc.constant('subscription-removed'), session: id, filter: fc.constant(topicFilter('a/#')) }),
  fc.record({ kind: fc.constant('sending'), session: id, packetId, exchange: fc.record({ sequence, state: fc.constantFrom('sent', 'released') }) }),
  fc.record({ kind: fc.constant('sending-ended'), session: id, packetId, sequence, cause }),
  fc.record({
    kind: fc.constant('receiving'),
    session: id,
    packetId,
    exchange: fc.record({ state: fc.constantFrom('open', 'quarantined'), digest: fc.double({ noNaN: true }), untilMs: fc.double({ noNaN: true }) }),
  }),
  fc.record({ kind: fc.constant('receiving-forgotten'), session: id, packetId }),
  fc.record({ kind: fc.constant('state'), owner, key: text, value: fc.option(bytes, { nil: undefined }) }),
);

/** Messages become text, so that two of them can be compared. */
function plain(value: StateRecord): unknown {
  if (value.kind !== 'session' || value.facts.will === undefined) return value;
  return { ...value, facts: { ...value.facts, will: { ...value.facts.will, message: messageText(value.facts.will.message) } } };
}

function closed(fill: (group: OpenGroup) => void, nextSequence = 100): Group {
  const group = new OpenGroup(7, 100, Buffer.alloc(200));
  fill(group);
  return group.close(nextSequence, STAMPS);
}

describe('records', () => {
  test('come back from the log as they were', () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 20 }), (written) => {
        const group = closed((open) => {
          for (const each of written) open.record(each);
        });
        const read: unknown[] = [];
        visitRecords(Group.parse(Buffer.from(group.bytes)).bytes, (kind, reader) => {
          const each = readRecord(reader, kind);
          expect(reader.left).toBe(0);
          if (each !== undefined) read.push(plain(each));
        });
        expect(read).toEqual(written.map(plain));
      }),
      { numRuns: 200 },
    );
  });

  test('of a kind this version does not know are stepped over', () => {
    const group = closed((open) => {
      open.record({ kind: 'session-removed', id: 1 });
      open.record({ kind: 'session-removed', id: 2 });
    });
    group.bytes[GROUP_HEADER_BYTES] = 250;
    const read: (StateRecord | undefined)[] = [];
    visitRecords(group.bytes, (kind, reader) => read.push(readRecord(reader, kind)));
    expect(read).toEqual([undefined, { kind: 'session-removed', id: 2 }]);
  });

  test('that end before their value does are refused', () => {
    for (const kind of [4, 6, 8, 9, 10, 12]) expect(() => readRecord(new ByteReader(Buffer.of(0x80)), kind)).toThrow(GatewayError);
  });
});

describe('messages', () => {
  test('come back from a row as they were, owning their bytes', () => {
    fc.assert(
      fc.property(message, (written) => {
        const row = packMessage(written);
        const expected = messageText(written);
        const read = readPacked(new ByteReader(row));
        row.fill(0);
        expect(messageText(read)).toBe(expected);
      }),
    );
  });

  test('come back from a group to each session they are for, while it is open, closed and parsed again', () => {
    const priority = fc.constantFrom(...PRIORITIES);
    const terms = fc.record({ qos, isRetain: fc.boolean(), identifiers: fc.array(fc.integer({ min: 1, max: 268_435_455 }), { maxLength: 3 }) });
    const routed = fc.tuple(message, fc.uniqueArray(fc.tuple(id, terms, priority), { selector: ([session]) => session, maxLength: 6 }));
    fc.assert(
      fc.property(fc.array(routed, { maxLength: 12 }), (written) => {
        const open = new OpenGroup(7, 100, Buffer.alloc(GROUP_HEADER_BYTES));
        for (const [index, [each, referents]] of written.entries()) {
          const references = new References();
          for (const [session, options, each] of referents) references.add(session, options, each);
          open.message(100 + index, each, references);
        }
        const expectAll = (group: Pick<Group, 'read'>): void => {
          for (const [index, [each, referents]] of written.entries()) {
            for (const [session, options] of referents) {
              const { message: found, ...found_ } = group.read(100 + index, session) ?? {};
              expect([found && messageText(found), found_]).toEqual([messageText(each), options]);
            }
            expect(group.read(100 + index, 0)).toBeUndefined(); // ids count from 1
          }
        };
        expectAll(open);
        const group = open.close(100 + written.length, STAMPS);
        expectAll(group);
        expectAll(Group.parse(Buffer.from(group.bytes)));
      }),
      { numRuns: 60 },
    );
  });
});

describe('a group', () => {
  test('says who it is', () => {
    const references = new References();
    references.add(1, { qos: 1, isRetain: false, identifiers: [] }, ORDINARY);
    const { bytes: written } = closed((open) => {
      open.message(100, messageOf('t', 'x'), references);
      open.done({ session: 1, cause: 'delivered', priority: ORDINARY, first: 1, last: 99 });
    }, 103);
    expect(written.subarray(0, 4).toString('latin1')).toBe('PTNG');
    expect(readGroupHeader(written)).toEqual({ ...STAMPS, number: 7, firstSequence: 100, nextSequence: 103, records: 3, messages: 1 });
  });

  test('with any bit changed, or any byte missing, is none', () => {
    const { bytes: written } = closed((open) => open.record({ kind: 'session-removed', id: 9 }));
    for (let bit = 0; bit < written.length * 8; bit += 1) {
      const changed = Buffer.from(written);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => readGroupHeader(changed), `bit ${bit}`).toThrow(GatewayError);
    }
    for (let length = 0; length < written.length; length += 1) expect(() => readGroupHeader(written.subarray(0, length))).toThrow(GatewayError);
  });
});
