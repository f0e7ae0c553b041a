import { expect, test } from 'vitest';
import { isSelective, type SelectionOptions, selectionParameters } from '../../../src/cli/queue-selection.ts';

test.each<[SelectionOptions, object]>([
  [{}, {}],
  [{ deadLetters: true }, { realm: '$dead-letter' }],
  [{ realm: 'mqtt-sn' }, { realm: 'mqtt-sn' }],
  [
    { topics: 'a/#', contains: 'x', hex: '0d0a' },
    { topics: 'a/#', contains: 'x', hex: '0d0a' },
  ],
  [
    { publisher: 'boiler-3', qos: '0' },
    { publisher: 'boiler-3', qos: 0 },
  ],
  [
    { olderThan: '90', newerThan: '3d' },
    { olderThanSeconds: 90, newerThanSeconds: 259_200 },
  ],
  [
    { olderThan: '15m', newerThan: '12h' },
    { olderThanSeconds: 900, newerThanSeconds: 43_200 },
  ],
  [{ sequence: ['7', '9'] }, { sequences: [7, 9] }],
])('%o is asked for as %o', (options, expected) => {
  expect(selectionParameters('panel', options)).toEqual({ clientId: 'panel', ...expected });
});

test.each<[SelectionOptions, string]>([
  [{ sequence: ['0'] }, '--sequence'],
  [{ sequence: ['x'] }, '--sequence'],
  [{ contains: '' }, '--contains'],
  [{ hex: '0' }, '--hex'],
  [{ olderThan: 'yesterday' }, '--older-than'],
  [{ newerThan: '1w' }, '--newer-than'],
])('%o is wrong', (options, told) => {
  expect(selectionParameters('panel', options)).toContain(told);
});

test.each<[SelectionOptions, boolean]>([
  [{}, false],
  [{ deadLetters: true, realm: 'mqtt' }, false],
  [{ qos: '0' }, true],
  [{ newerThan: '1h' }, true],
])('%o is selective: %s', (options, isSo) => {
  expect(isSelective(options)).toBe(isSo);
});
