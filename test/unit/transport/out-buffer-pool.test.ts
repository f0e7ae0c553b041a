import { describe, expect, test } from 'vitest';
import { OUT_BUFFERS_KEPT_BYTES } from '../../../src/model/limits.ts';
import { LARGE_BUFFER_BYTES, OutBufferPool, SMALL_BUFFER_BYTES } from '../../../src/transport/out-buffer-pool.ts';

describe('OutBufferPool', () => {
  test.each([
    [0, SMALL_BUFFER_BYTES],
    [SMALL_BUFFER_BYTES, SMALL_BUFFER_BYTES],
    [SMALL_BUFFER_BYTES + 1, LARGE_BUFFER_BYTES],
    [LARGE_BUFFER_BYTES, LARGE_BUFFER_BYTES],
    [LARGE_BUFFER_BYTES + 1, LARGE_BUFFER_BYTES + 1],
  ])('for %i bytes: a buffer of %i', (size, expected) => {
    expect(new OutBufferPool().take(size).free).toBe(expected);
  });

  test('what is given back is handed out again, empty', () => {
    const pool = new OutBufferPool();
    const buffer = pool.take(10);
    buffer.length = 10;
    pool.giveBack(buffer);
    expect(pool.take(20)).toBe(buffer);
    expect(buffer.length).toBe(0);
    expect(pool.keptBytes).toBe(0);
  });

  test('it keeps no more than OUT_BUFFERS_KEPT_BYTES', () => {
    const pool = new OutBufferPool();
    const buffers = Array.from({ length: 3_000 }, (_, index) => pool.take(index % 2 === 0 ? 10 : 10_000));
    for (const buffer of [...buffers, pool.take(1_000_000)]) pool.giveBack(buffer);
    expect(pool.keptBytes).toBe(OUT_BUFFERS_KEPT_BYTES);
  });
});
