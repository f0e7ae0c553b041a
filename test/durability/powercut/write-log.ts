// The log of a block device, as the `blklogwrites` driver of QEMU writes it (the format of the kernel's dm-log-writes): a header sector, then for each
// request one sector about it and, unless it is a discard, its data.

const MAGIC = 0x006a_7366_7773_6872n;
const FLAG = { flush: 1n, discard: 4n } as const;
const SECTOR_BYTES = 512;

/** One request, in the order the device got them. */
export interface LoggedRequest {
  /** First sector written, of 512 bytes. */
  readonly sector: number;
  /** Empty: nothing but a flush, or a discard. A view of the log. */
  readonly data: Buffer;
  /** What was written before it is on the medium from here on. */
  readonly isFlush: boolean;
  /** Size of the log with this request in it. */
  readonly end: number;
}

/** @throws Error - no such log, or with other sectors than 512 bytes. */
export function readWriteLog(log: Buffer): LoggedRequest[] {
  if (log.length < SECTOR_BYTES || log.readBigUInt64LE(0) !== MAGIC) throw new Error('not a log of block writes');
  if (log.readUInt32LE(24) !== SECTOR_BYTES) throw new Error('a log of other sectors than 512 bytes');
  const requests: LoggedRequest[] = [];
  let at = SECTOR_BYTES;
  while (at + SECTOR_BYTES <= log.length) {
    const [sector, sectors, flags, size] = [0, 8, 16, 24].map((offset) => log.readBigUInt64LE(at + offset)) as [bigint, bigint, bigint, bigint];
    if (sector + sectors + flags + size === 0n) break; // room that was taken and not used
    const start = at + SECTOR_BYTES;
    const bytes = (flags & FLAG.discard) === 0n ? Number(sectors) * SECTOR_BYTES : 0;
    if (start + bytes > log.length) break; // the log itself was cut
    at = start + bytes;
    requests.push({ sector: Number(sector), data: log.subarray(start, at), isFlush: (flags & FLAG.flush) !== 0n, end: at });
  }
  return requests;
}
