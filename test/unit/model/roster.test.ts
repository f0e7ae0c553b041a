import { expect, test } from 'vitest';
import { type Listed, Roster } from '../../../src/model/roster.ts';

interface Member extends Listed {
  readonly name: string;
}

const member = (name: string): Member => ({ name, rosterPlace: 0 });
const names = (roster: Roster<Member>): string[] => [...roster].map(({ name }) => name).sort();

test('members come and go in any order', () => {
  const roster = new Roster<Member>();
  const [a, b, c] = [member('a'), member('b'), member('c')];
  for (const each of [a, b, c]) roster.add(each);
  roster.delete(a);
  expect([names(roster), roster.size]).toEqual([['b', 'c'], 2]);
  roster.delete(c);
  roster.add(a);
  expect(names(roster)).toEqual(['a', 'b']);
  roster.delete(b);
  roster.delete(a);
  expect([names(roster), roster.size]).toEqual([[], 0]);
});
