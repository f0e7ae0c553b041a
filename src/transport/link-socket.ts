import type { OutputSink } from './link-output.ts';

/** Who has a connection, and is told what becomes of it. */
export interface SocketOwner {
  /** `bytes` is borrowed until the call returns. */
  received(bytes: Buffer): void;
  /** The peer sends nothing more. */
  ended(): void;
  /** It broke; `closed` follows. Hundreds break at once: no error is made for one that nobody asks about. */
  failed(reason: string, cause?: Error): void;
  /** Once; nothing follows. */
  closed(): void;
}

/** The connection below a link: a socket of Node.js, or the handle below one. */
export interface LinkSocket extends OutputSink {
  /** Begins to read. What was done before holds: it may be ended, or destroyed. */
  start(owner: SocketOwner): void;
  pause(): void;
  resume(): void;
  /** Ends our side behind everything written. Closes once the peer has ended its own, which shows only while it is read. */
  end(): void;
  /** Closes at once; what was not taken is lost. */
  destroy(): void;
}
