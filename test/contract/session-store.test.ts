import type { SqliteStoreOptions } from '../../src/store/sqlite/open.ts';
import { IN_A_THREAD } from '../support/commit-thread.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { LateCommitter } from '../support/held-committer.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { SqliteBench } from '../support/store-bench.ts';
import { type StoreBench, sessionStoreContract } from './session-store.contract.ts';

/** Every commit begins a checkpoint and every message a group of its own. */
const TINY = { checkpointLogBytes: 1, groupBytesMax: 1 };

function memory(end: { readonly wasClean: boolean }): StoreBench {
  return {
    isClean: end.wasClean,
    open: () => new MemoryStore({ clock: new FakeClock() }),
    reopen: async (store) => (store as MemoryStore).reopened(end),
    end: async () => {},
  };
}

function closed(options: Partial<SqliteStoreOptions> = {}): StoreBench {
  const bench = new SqliteBench(options);
  return { isClean: true, open: () => bench.open(), reopen: (store) => bench.reopened(store), end: () => bench.end() };
}

function killed(options: Partial<SqliteStoreOptions> = {}): StoreBench {
  const bench = new SqliteBench(options);
  return { isClean: false, open: () => bench.open(), reopen: async () => bench.crashed(), end: () => bench.end() };
}

sessionStoreContract('MemoryStore', () => memory({ wasClean: true }));
sessionStoreContract('SqliteStore, closed and opened', () => closed());
sessionStoreContract('SqliteStore, killed and opened', () => killed());
sessionStoreContract('SqliteStore with a committer of its own pace, killed and opened', () => killed({ committer: (inline) => new LateCommitter(inline) }));
sessionStoreContract('SqliteStore that commits in another thread, killed and opened', () => killed({ commitThread: IN_A_THREAD }));
sessionStoreContract('SqliteStore with checkpoints all the time, closed and opened', () => closed({ limits: TINY }));
sessionStoreContract('SqliteStore with checkpoints all the time, killed and opened', () => killed({ limits: TINY }));
