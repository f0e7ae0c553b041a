// What `postern selftest` needs done: the composition root implements it.
import type { Clock } from '../model/clock.ts';
import type { Log } from '../model/log.ts';
import type { FlushFacts, NumberReport, NumbersFound } from '../model/selftest.ts';

export interface PowerLossOrder {
  /** On the disk in question; made when it is missing, and refused when it holds a run already. */
  readonly scratch: string;
  /** As `store.committer`. */
  readonly committer: 'auto' | 'inline' | 'worker';
  /** Who is told of each number that is acknowledged, by a datagram. */
  readonly reportTo: { readonly host: string; readonly port: number } | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly onAcknowledged: (number: number) => void;
}

/** It goes on, and keeps the process alive, until it is stopped. */
export interface PowerLossRun {
  readonly run: string;
  readonly flush: FlushFacts;
  /** Rejects when it cannot go on: GatewayError STORE_UNAVAILABLE, its files have grown beyond their bound. */
  readonly failure: Promise<never>;
  stop(): Promise<void>;
}

export interface ReceiverOrder {
  /** 0: any free port. */
  readonly port: number;
  readonly log: Log;
  /** Told of each number that is greater than the one before, and of the first of another run. */
  readonly onHeard: (report: NumberReport) => void;
}

export interface Selftest {
  /** @throws GatewayError STORE_UNAVAILABLE - no room, a run that waits to be verified, or a host that has no address. */
  begin(order: PowerLossOrder): Promise<PowerLossRun>;
  /** @throws GatewayError STORE_UNAVAILABLE - no run is there, or it goes on. */
  verify(scratch: string, clock: Clock): Promise<NumbersFound>;
  /** Removes what a run has left. */
  clean(scratch: string): void;
  /** @throws GatewayError ADDRESS_UNAVAILABLE */
  receive(order: ReceiverOrder): Promise<{ readonly address: string; stop(): Promise<void> }>;
}
