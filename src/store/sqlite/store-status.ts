import type { Image } from '../../session/image.ts';
import type { BootFacts, StoreStatus } from '../../session/session-store.ts';
import type { Ballast } from './ballast.ts';
import type { CommitLog } from './commit-log.ts';
import { thousandths } from './commit-times.ts';
import type { DatabaseSize } from './database-size.ts';
import type { DiskWatch } from './disk-watch.ts';
import type { HealingCommitter } from './heal-while-running.ts';
import type { Recovered } from './recovery.ts';
import type { SegmentIndex } from './segment-index.ts';
import type { Upkeep } from './upkeep.ts';
import type { WearMeter } from './wear-meter.ts';

export interface StatusParts {
  readonly boot: BootFacts;
  readonly image: Image;
  readonly segments: SegmentIndex;
  readonly log: CommitLog;
  readonly upkeep: Upkeep;
  readonly disk: DiskWatch;
  readonly ballast: Ballast;
  readonly recovered: Recovered;
  readonly placed: HealingCommitter;
  readonly size: DatabaseSize;
  readonly wear: WearMeter;
  readonly quarantined: readonly string[];
  readonly cutOff: readonly number[];
}

/** What every part of the store says of itself, put together. */
export function storeStatus({ boot, image, segments, log, upkeep, disk, ballast, recovered, placed, size, wear, ...parts }: StatusParts): StoreStatus {
  const { lost } = recovered;
  const { times, open, groupsCommitted, committedMs } = log;
  return {
    boot: boot.boot,
    sessions: image.sessions.size,
    queuedMessages: image.queuedMessages,
    queuedBytes: image.queuedBytes,
    retainedMessages: image.retained.size,
    segments: segments.count,
    groupsCommitted,
    openGroupBytes: open.isEmpty ? 0 : open.bytes,
    committer: placed.place,
    commitMsMedian: thousandths(times.medianMs),
    commitMsMax: thousandths(times.maxMs),
    syncMsMedian: thousandths(placed.syncTimes.medianMs),
    syncMsMax: thousandths(placed.syncTimes.maxMs),
    quarantined: [...parts.quarantined, ...placed.setAside],
    damagedGroups: lost.numbers,
    damagedGroupCount: lost.count,
    damagedGroupRanges: lost.ranges,
    cutOffGroups: parts.cutOff,
    wear: wear.report(),
    logBytes: segments.bytes,
    liveBytes: segments.liveBytes,
    fileBytes: size.bytes,
    sinceCompactionSeconds: upkeep.sinceCompactionSeconds,
    healedWhileRunning: placed.healed,
    diskStep: disk.step,
    roomBytes: disk.roomBytes,
    storeBytes: disk.storeBytes,
    ballastBytes: ballast.bytes,
    writeFailure: writeFailure(log, disk),
    lastCommitAt: committedMs === undefined ? 'never' : new Date(committedMs).toISOString(),
    lastSyncMs: thousandths(placed.syncTimes.lastMs),
    volatileMessages: image.volatile.count,
    volatileBytes: image.volatile.bytes,
  };
}

function writeFailure({ trouble }: CommitLog, { cause }: DiskWatch): string {
  if (trouble === undefined) return '';
  return `${trouble.code}: ${trouble.message}${cause === '' ? '' : ` (${cause})`}`;
}
