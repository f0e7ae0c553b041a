// Access lists at random: what was translated decides as Mosquitto does, and lets no subscription bring what Mosquitto would not deliver.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Action } from '../../../../src/access/access.ts';
import { parseAcl } from '../../../../src/access/acl-file.ts';
import { RuleIndex } from '../../../../src/access/rule-index.ts';
import { translateAcl } from '../../../../src/cli/mosquitto/acl.ts';
import type { Principal } from '../../../../src/model/client.ts';
import { topicFilter, topicMatches, topicName } from '../../../../src/model/topic.ts';
import { temporaryDirectory } from '../../../support/postern-process.ts';

interface Line {
  /** undefined: a pattern. */
  readonly owner: string | undefined;
  readonly access: 'read' | 'write' | 'readwrite' | 'deny';
  readonly topic: string;
}

interface Client {
  readonly clientId: string;
  readonly username: string | undefined;
}

const ANONYMOUS = '';
const LEVELS = ['a', 'b', 'c1'];
/** All topics of up to three levels, and one the broker keeps to itself. */
const TOPICS = [
  '$SYS/a',
  ...LEVELS,
  ...LEVELS.flatMap((one) => LEVELS.flatMap((two) => [`${one}/${two}`, ...LEVELS.map((three) => `${one}/${two}/${three}`)])),
];

const filter = (levels: readonly string[]): fc.Arbitrary<string> =>
  fc.tuple(fc.array(fc.constantFrom(...levels), { minLength: 1, maxLength: 3 }), fc.constantFrom('', '/#')).map(([parts, end]) => parts.join('/') + end);
const line: fc.Arbitrary<Line> = fc.oneof(
  fc.record({
    owner: fc.constantFrom(ANONYMOUS, 'ada', 'bob'),
    access: fc.constantFrom('read', 'write', 'readwrite', 'deny'),
    topic: fc.oneof(filter([...LEVELS, '+']), fc.constantFrom('#', '$SYS/#')),
  }),
  fc.record({
    owner: fc.constant(undefined),
    access: fc.constantFrom('read', 'write', 'readwrite', 'deny'),
    topic: filter([...LEVELS, '+', '%c', '%u']),
  }),
);
const client: fc.Arbitrary<Client> = fc.record({ clientId: fc.constantFrom('c1', 'c2'), username: fc.constantFrom(undefined, 'ada', 'bob', 'a') });

/** The lines of anonymous clients come first: nothing ends those of a user but another user. */
function text(lines: readonly Line[]): string {
  const of = (owner: string | undefined): string[] =>
    lines.filter((each) => each.owner === owner).map(({ access, topic }) => `${owner === undefined ? 'pattern' : 'topic'} ${access} ${topic}`);
  return [...of(ANONYMOUS), 'user ada', ...of('ada'), 'user bob', ...of('bob'), ...of(undefined)].join('\n');
}

/** What mosquitto.conf(5) says: denials before the rest, of the client's own lines, then of the patterns. */
function isAllowed(lines: readonly Line[], { clientId, username }: Client, access: 'read' | 'write', topic: string): boolean {
  const own = lines.filter(({ owner }) => owner === (username ?? ANONYMOUS));
  const patterns = lines
    .filter((each) => each.owner === undefined && (username !== undefined || !each.topic.includes('%u')))
    .map((each) => ({ ...each, topic: each.topic.replaceAll('%c', clientId).replaceAll('%u', username ?? '') }));
  for (const list of [own, patterns]) {
    const fitting = list.filter((each) => topicMatches(topicFilter(each.topic), topicName(topic)));
    if (fitting.some((each) => each.access === 'deny')) return false;
    if (fitting.some((each) => each.access === access || each.access === 'readwrite')) return true;
  }
  return false;
}

test('a translated access list', () => {
  const file = join(temporaryDirectory(), 'acl');
  fc.assert(
    fc.property(fc.array(line, { minLength: 1, maxLength: 8 }), client, filter([...LEVELS, '+']), (lines, who, asked) => {
      writeFileSync(file, text(lines));
      const index = new RuleIndex(parseAcl(translateAcl(file, '').rules.join('\n'), 'access.acl'));
      const principal = { ...who, listener: 'mqtt.1883' } as unknown as Principal;
      const decides = (action: Action): boolean => index.decide(principal, action) === 'allow';
      const reads = (written: string): boolean => decides({ kind: 'subscribe', filter: topicFilter(written) } as Action);
      for (const topic of TOPICS) {
        expect([topic, decides({ kind: 'publish', topic: topicName(topic) } as Action)]).toStrictEqual([topic, isAllowed(lines, who, 'write', topic)]);
        expect([topic, reads(topic)]).toStrictEqual([topic, isAllowed(lines, who, 'read', topic)]);
      }
      const brought = TOPICS.filter((topic) => topicMatches(topicFilter(asked), topicName(topic)));
      if (reads(asked)) expect(brought.filter((topic) => !isAllowed(lines, who, 'read', topic))).toStrictEqual([]);
    }),
    { numRuns: 300 },
  );
});
