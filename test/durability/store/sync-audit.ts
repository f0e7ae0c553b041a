// A sync that failed may have made the kernel forget what it could not write: the next one succeeds and says nothing about it. So whatever was written to a
// file before a failed sync must be written to it again before another sync of it is trusted.
const LINE = /^(failed )?(write|sync|truncate|open|remove) (\S+) (-?\d+) (\d+)$/;

/** SQLite syncs the header of a log it begins anew before it writes what follows, and trusts that sync for nothing else. */
const LOG_HEADER_BYTES = 32;

type Range = readonly [start: number, end: number];

interface FileState {
  /** Written since the last sync. */
  unsynced: Range[];
  /** Written before a sync that failed, and not again since. */
  doubtful: Range[];
}

export class SyncAudit {
  readonly violations: string[] = [];
  /** Failed syncs with something at stake. */
  failedSyncs = 0;
  readonly #files = new Map<string, FileState>();

  /** @param calls - what the failing disk was asked for, one call a line. */
  constructor(calls: string) {
    for (const line of calls.split('\n')) this.#see(LINE.exec(line));
  }

  #see(line: RegExpExecArray | null): void {
    const [, failed, call, file = '', offset = '0', length = '0'] = line ?? [];
    const state = this.#state(file);
    if (call === 'sync') this.#synced(file, state, failed === undefined);
    else if (failed === undefined && call === 'write') written(state, [Number(offset), Number(offset) + Number(length)]);
    else if (failed === undefined && call === 'truncate') cut(state, Number(offset));
    else if (failed === undefined && call === 'remove') cut(state, 0);
  }

  #synced(file: string, state: FileState, isDone: boolean): void {
    const isOfHeader = isDone && state.unsynced.length > 0 && state.unsynced.every(([, end]) => end <= LOG_HEADER_BYTES);
    if (isOfHeader) {
      state.unsynced = [];
      return;
    }
    if (!isDone) {
      if (state.unsynced.length > 0) this.failedSyncs += 1;
      state.doubtful.push(...state.unsynced);
    } else if (state.doubtful.length > 0) {
      const [[start, end] = [0, 0]] = state.doubtful;
      this.violations.push(`${file}: a sync was trusted for ${state.doubtful.length} writes that an earlier one failed for, the first from ${start} to ${end}`);
      state.doubtful = [];
    }
    state.unsynced = [];
  }

  #state(file: string): FileState {
    const state = this.#files.get(file) ?? { unsynced: [], doubtful: [] };
    this.#files.set(file, state);
    return state;
  }
}

function written(state: FileState, range: Range): void {
  state.unsynced.push(range);
  if (state.doubtful.length > 0) state.doubtful = state.doubtful.flatMap((each) => without(each, range));
}

/** What lies behind the end of the file need not be on the medium. */
function cut(state: FileState, end: number): void {
  const behind: Range = [end, Number.POSITIVE_INFINITY];
  state.unsynced = state.unsynced.flatMap((each) => without(each, behind));
  state.doubtful = state.doubtful.flatMap((each) => without(each, behind));
}

function without([start, end]: Range, [from, to]: Range): Range[] {
  if (to <= start || from >= end) return [[start, end]];
  return (
    [
      [start, from],
      [to, end],
    ] as const
  ).filter(([first, last]) => first < last);
}
