import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { serveCommits } from '../../../src/store/sqlite/commit-thread.ts';
import { DATABASE_FILE, openDatabase } from '../../../src/store/sqlite/database.ts';
import { FakeClock } from '../../support/fake-clock.ts';

test('the thread that commits lets go of a segment as soon as it is written: its heap hardly fills, and would be collected after megabytes of them', () => {
  const directory = mkdtempSync(join(tmpdir(), 'postern-thread-'));
  const path = join(directory, DATABASE_FILE);
  openDatabase(path, 'full').close();
  const answers: unknown[] = [];
  const port = Object.assign(new EventEmitter(), { postMessage: (said: unknown) => void answers.push(said), close: () => void answers.push('closed') });
  serveCommits(port, { path, synchronous: 'full' }, new FakeClock());
  const bytes = new Uint8Array(10_000);
  port.emit('message', { segment: { number: 1, firstSequence: 1, nextSequence: 2, bytes }, writes: [], vacuumPages: 0 });
  port.emit('message', { segment: undefined, writes: [], vacuumPages: 0 });
  port.emit('message', 'close');
  expect([answers.length, answers[0], answers[3], bytes.buffer.detached]).toEqual([4, 'ready', 'closed', true]);
  rmSync(directory, { recursive: true });
});
