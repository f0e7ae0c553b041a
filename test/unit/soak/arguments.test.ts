import { describe, expect, test } from 'vitest';
import { UsageError } from '../../../scripts/command-line.ts';
import { parseArguments } from '../../../scripts/soak/arguments.ts';

describe('npm run soak -- [options]', () => {
  test.each([
    [[], 120],
    [['--hours', '0.5'], 30],
    [['--minutes', '5'], 5],
  ])('%j: %d minutes', (argv, minutes) => {
    expect(parseArguments(argv, 7)).toEqual({ minutes, seed: 7, directory: undefined });
  });

  test('a seed repeats a run', () => {
    expect(parseArguments(['--seed', '11'], 7)).toMatchObject({ seed: 11 });
  });

  test.each([[['--hours', '1', '--minutes', '1']], [['--minutes', '0']], [['--hours', 'many']], [['--seed', '1.5']], [['--unknown']], [['10']]])(
    '%j is wrong usage',
    (argv) => {
      expect(() => parseArguments(argv, 7)).toThrow(UsageError);
    },
  );
});
