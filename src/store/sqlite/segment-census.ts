import type { Sequence } from '../../session/session-store.ts';
import { MESSAGE_OVERHEAD_BYTES } from './group.ts';
import type { SegmentIndex } from './segment-index.ts';

/** The entries of one queue, those of each lane in order. */
interface Entries {
  visit(see: (sequence: Sequence, size: number) => void): void;
}

/**
 * Adds what one queue refers to. Of a segment that several queues refer to, what the greatest of them holds is alive at least: which messages they
 * share would have to be read.
 */
export function countLive(segments: SegmentIndex, queue: Entries): void {
  let current = -1;
  let bytes = 0;
  queue.visit((sequence, size) => {
    const index = segments.addReference(sequence);
    if (index !== current) {
      segments.liveAtLeast(current, bytes);
      current = index;
      bytes = 0;
    }
    bytes += size + MESSAGE_OVERHEAD_BYTES;
  });
  segments.liveAtLeast(current, bytes);
}
