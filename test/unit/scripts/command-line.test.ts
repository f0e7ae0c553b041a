import { describe, expect, test } from 'vitest';
import { parseArguments as parseBitRot } from '../../../scripts/bitrot/arguments.ts';
import { parseArguments } from '../../../scripts/powercut/arguments.ts';

const SEED = 7;

describe('the command line of npm run powercut', () => {
  test('has defaults, and takes what is given', () => {
    expect(parseArguments([], SEED)).toEqual({ cuts: 600, operations: 3_000, seed: SEED, fault: undefined });
    expect(parseArguments(['--cuts', '20', '--operations=50', '--seed', '0', '--fault', 'synchronous-off'], SEED)).toEqual({
      cuts: 20,
      operations: 50,
      seed: 0,
      fault: 'synchronous-off',
    });
    expect(parseArguments(['--help'], SEED)).toBe('help');
  });

  test.each([
    [['--cuts', '1'], '--cuts wants a whole number from 2, not "1"'],
    [['--cuts', '2.5'], '--cuts wants a whole number from 2, not "2.5"'],
    [['--operations', ''], '--operations wants a whole number from 1, not ""'],
    [['--seed', '-1'], /argument is ambiguous|whole number/],
    [['--fault', 'none'], '--fault wants one of synchronous-normal synchronous-off, not "none"'],
    [['--kills', '3'], /Unknown option '--kills'/],
    [['20'], /Unexpected argument '20'/],
  ])('%j is wrong usage', (argv, message) => {
    expect(() => parseArguments(argv, SEED)).toThrow(message);
  });
});

describe('the command line of npm run bitrot', () => {
  test('has defaults, and takes what is given', () => {
    expect(parseBitRot([], SEED)).toEqual({ cases: 2_000, gateways: 24, seed: SEED, only: undefined });
    expect(parseBitRot(['--cases', '9', '--gateways', '0', '--seed', '3', '--only', '4'], SEED)).toEqual({ cases: 9, gateways: 0, seed: 3, only: 4 });
    expect(parseBitRot(['--help'], SEED)).toBe('help');
  });

  test('one case is of a run whose seed is known', () => {
    expect(() => parseBitRot(['--only', '4'], SEED)).toThrow('--only wants the --seed of its run');
  });
});
