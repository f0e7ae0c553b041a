import type { QoS } from '../model/message.ts';
import type { TopicFilter } from '../model/topic.ts';
import type { OutgoingPublish, PublishView } from '../mqtt/packets.ts';
import type { LinkFailure, LinkStatus, TrialReport } from './link-state.ts';

/** What to subscribe to there. */
export interface RemoteFilter {
  readonly filter: TopicFilter;
  readonly qos: QoS;
}

/** A far broker. Once called it dials, and dials again with back-off, until it is stopped or nobody wants it any more; calling it delays nobody. */
export interface Uplink {
  readonly name: string;
  /** Where it is connected to or tries to connect, for logs and status: `broker.example.org:8883`. */
  readonly address: string;
  readonly status: LinkStatus;
  /** Makes ready; `call` follows. */
  start(handlers: UplinkHandlers, filters: readonly RemoteFilter[]): void;
  /** Dials now, whatever it waits for; nothing while there is a connection, or one is being made. */
  call(): void;
  /** Says goodbye if there is a connection, and dials no more until it is called. */
  rest(state: 'idle' | 'stopped'): void;
  /**
   * Sends a message while up. Its packet id comes back by `onAcknowledged`, `onReceived` or `onRefused`.
   * @returns `too-large` when the remote takes no packet of that size: nothing was sent. `settled` when the remote will not answer, because it
   * grants QoS 0 only or the connection is gone for a QoS 0 message.
   */
  publish(publish: OutgoingPublish): 'sent' | 'settled' | 'too-large';
  /** PUBREL. */
  release(packetId: number): void;
  /** PUBACK or PUBREC for a message the remote sent; not sent when that was on an earlier connection, as it comes again. */
  acknowledge(packetId: number, qos: 1 | 2): void;
  /** PUBCOMP. */
  complete(packetId: number): void;
  /** Breaks the connection, if there is one, and dials again after the next wait: what the remote sent unanswered comes again. */
  reconnect(failure: LinkFailure): void;
  /** Tries each remote on a connection of its own, which touches nothing of the bridge. */
  test(): Promise<readonly TrialReport[]>;
  /** Says goodbye; resolves when the link is closed or `signal` aborts. */
  stop(signal: AbortSignal): Promise<void>;
}

/** What the remote announced. */
export interface RemoteLimits {
  readonly isSessionPresent: boolean;
  /** Receive Maximum: publishes it takes unanswered. */
  readonly inflightMax: number;
  /** It sends to us, too, what we publish under a filter we subscribed to: 3.1.1 has no No Local. */
  readonly echoes: boolean;
}

export interface UplinkHandlers {
  /** Whether to dial again after a connection, or a round of attempts, that came to nothing. */
  isWanted(): boolean;
  /** Whether that remote had our session at some time. */
  isKnown(address: string): boolean;
  /** Whether that remote had our session and another one has it now. */
  isStranger(address: string): boolean;
  /** A packet id for a request of the uplink's own. */
  unusedPacketId(): number;
  /** The remote let us in: before anything else of that connection. */
  onOpen(): void;
  /** The remote has no session of ours: before anything but `onOpen` of that connection. */
  onForgotten(): void;
  onUp(limits: RemoteLimits): void;
  /** Follows each `onUp`. @param endedBy - `us`: whatever for, it is no answer to what was sent. */
  onDown(cause: string, endedBy: 'us' | 'remote'): void;
  /** The socket is full, or has room again. */
  onFull(): void;
  onDrain(): void;
  /** PUBACK or PUBCOMP. */
  onAcknowledged(packetId: number): void;
  /** PUBREC. */
  onReceived(packetId: number): void;
  /** A negative PUBACK or PUBREC. */
  onRefused(packetId: number, reasonCode: number): void;
  /** A message from the remote; borrowed until the call returns. */
  onPublish(view: PublishView): void;
  /** PUBREL for a message from the remote. */
  onRelease(packetId: number): void;
}
