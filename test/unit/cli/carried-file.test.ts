import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { KIND } from '../../../src/carry/frame.ts';
import { framesIn } from '../../../src/carry/frame-reader.ts';
import { CarriedFile, chunksOf } from '../../../src/cli/carried-file.ts';

const HEADER = { clientId: 'panel', realm: undefined, madeBy: 'postern 0', madeAtMs: 1 };

function target(): string {
  const directory = mkdtempSync(join(tmpdir(), 'postern-carried-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, 'a.queue');
}

/** Kind and body of each frame. */
function framesOf(path: string): [kind: number, body: string][] {
  return [...framesIn(chunksOf(path))].map((found) => ('kind' in found ? [found.kind, found.body.toString()] : [0, `${found.bytes} damaged`]));
}

describe('a file of exported messages', () => {
  test('has its name once it is whole, and is for its owner alone', () => {
    const path = target();
    const file = CarriedFile.create(path, HEADER);
    file.add([Buffer.from('a'), Buffer.from('b')]);
    expect([existsSync(path), statSync(`${path}.new`).mode & 0o777]).toEqual([false, 0o600]);
    file.finish();
    expect([existsSync(`${path}.new`), statSync(path).mode & 0o777]).toEqual([false, 0o600]);
    expect([file.messages, file.bytes]).toEqual([2, statSync(path).size]);
    expect(framesOf(path)).toEqual([
      [KIND.header, '{"clientId":"panel","madeBy":"postern 0","madeAtMs":1}'],
      [KIND.message, 'a'],
      [KIND.message, 'b'],
      [KIND.end, '{"messages":2}'],
    ]);
  });

  test('leaves nothing when it is given up', () => {
    const path = target();
    CarriedFile.create(path, HEADER).abandon();
    expect([existsSync(path), existsSync(`${path}.new`)]).toEqual([false, false]);
  });

  test('leaves nothing when its first frame cannot be written', () => {
    const path = target();
    const header = Object.defineProperty({ ...HEADER }, 'madeBy', {
      enumerable: true,
      get: () => {
        throw new Error('no space left');
      },
    });
    expect(() => CarriedFile.create(path, header)).toThrow('no space left');
    expect(existsSync(`${path}.new`)).toBe(false);
  });

  test('takes the place of no other, whenever that came: it may hold what no queue has any more', () => {
    const path = target();
    const file = CarriedFile.create(path, HEADER);
    expect(() => CarriedFile.create(path, HEADER)).toThrow('a.queue.new exists');
    writeFileSync(path, 'of before');
    expect(() => CarriedFile.create(path, HEADER)).toThrow('choose another name');
    expect(() => file.finish()).toThrow('choose another name');
    file.abandon();
    expect(readFileSync(path, 'utf8')).toBe('of before');
  });

  test('is not written through a link somebody put in its way', () => {
    const path = target();
    symlinkSync(join(path, '..', 'elsewhere'), `${path}.new`);
    expect(() => CarriedFile.create(path, HEADER)).toThrow('EEXIST');
    expect(existsSync(join(path, '..', 'elsewhere'))).toBe(false);
  });

  test('that cannot be read or written is named', () => {
    expect(() => CarriedFile.create('/nowhere/a.queue', HEADER)).toThrow('/nowhere/a.queue: ENOENT');
    expect(() => [...chunksOf('/nowhere/a.queue')]).toThrow('/nowhere/a.queue: ENOENT');
  });
});
