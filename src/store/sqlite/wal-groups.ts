import { contentsOfPage, type FoundGroup } from './page-rows.ts';
import { PageView } from './page-view.ts';
import type { WalFrame, WalReading } from './wal-file.ts';

export interface LoggedGroups {
  readonly whole: ReadonlyMap<number, FoundGroup>;
  /** Numbers of groups that are named there and nowhere whole. */
  readonly lost: readonly number[];
}

/**
 * Groups in frames of the log, each commit looked at as it was: a group's pages may be given to others later on. Commits that were not finished count
 * as well: a group that is whole is what somebody published, acknowledged or not.
 *
 * @param from - index of the first frame that is searched.
 */
export function groupsInLog(databasePath: string, { frames, allFrames }: Pick<WalReading, 'frames' | 'allFrames'>, from: number): LoggedGroups {
  const whole = new Map<number, FoundGroup>();
  const lost = new Set<number>();
  const view = new PageView(
    databasePath,
    frames.filter(({ index }) => index < from),
  );
  try {
    for (const commit of commitsOf(allFrames.filter(({ index }) => index >= from))) {
      for (const frame of commit) view.overlay(frame);
      for (const { page, bytes } of commit) {
        const contents = contentsOfPage(view, page, bytes);
        for (const group of contents?.groups ?? []) whole.set(group.header.number, group);
        for (const number of contents?.lostGroups ?? []) lost.add(number);
      }
    }
  } finally {
    view.close();
  }
  return { whole, lost: [...lost].filter((number) => !whole.has(number)).sort((a, b) => a - b) };
}

function* commitsOf(frames: readonly WalFrame[]): Generator<WalFrame[]> {
  let commit: WalFrame[] = [];
  for (const frame of frames) {
    commit.push(frame);
    if (frame.pagesAfterCommit === 0) continue;
    yield commit;
    commit = [];
  }
  yield commit;
}
