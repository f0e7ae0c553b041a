// What comes from one client: whether it may, what it is answered, and what is kept of it while there is no room.
import type { Outlet, PausableReading } from '../gateway/gateway.ts';
import type { Principal, Realm } from '../model/client.ts';
import type { Draft, Origin } from '../model/message.ts';
import type { Topic } from '../model/topic.ts';
import { utf8Length } from '../model/topic-utf8.ts';
import type { StoredSession } from '../session/session-store.ts';
import type { Answers } from './answers.ts';
import type { Core } from './core.ts';
import { type Admitted, PublishGate } from './publish-gate.ts';
import { PublishRate } from './publish-rate.ts';
import { ReceivedIds } from './received-ids.ts';
import type { RoutedSession } from './routed-session.ts';
import type { Routed } from './router.ts';
import { stamped } from './stamped.ts';
import type { Subscriber } from './subscriptions.ts';
import type { PublishTarget } from './topic-pipeline.ts';
import type { WithheldPublisher } from './withheld.ts';

/** The session whose inbound side it is. */
export interface PublishingSession extends RoutedSession {
  readonly realm: Realm;
  readonly origin: Origin;
  readonly principal: Principal;
  kick(reason: 'rate-exceeded'): void;
}

/** One link, as far as publishing on it goes. */
export interface InboundLink {
  readonly outlet: Outlet;
  readonly reading: PausableReading | undefined;
  readonly isReliable: boolean;
}

/** One PUBLISH in the terms of `ClientSession.publish`; `packetId` is 0 unless QoS 2 has to remember it. */
interface Offer {
  readonly draft: Draft;
  readonly token: number;
  readonly packetId: number;
}

export class Inbound implements WithheldPublisher {
  readonly receivedIds: ReceivedIds;
  readonly #core: Core;
  readonly #session: PublishingSession;
  readonly #answers: Answers;
  readonly #gate: PublishGate;
  readonly #rate: PublishRate;
  #link: InboundLink | undefined;
  /** There was no room for it; the link is not read until there is. */
  #withheld: Offer | (() => void) | undefined;

  constructor(core: Core, session: PublishingSession, { answers, subscriber }: { readonly answers: Answers; readonly subscriber: Subscriber }) {
    this.receivedIds = new ReceivedIds(core);
    this.#core = core;
    this.#session = session;
    this.#answers = answers;
    this.#gate = new PublishGate(core.access, subscriber.principal, subscriber.topics);
    this.#rate = new PublishRate(core.access);
  }

  /** Another connection, another principal. */
  serve({ principal, topics }: Subscriber): void {
    this.#gate.serve(principal, topics);
  }

  attach(link: InboundLink, stored: StoredSession | undefined): void {
    this.#link = link;
    this.receivedIds.attach(stored, link.isReliable);
  }

  /** What is withheld was not acknowledged: its publisher sends it again, if it comes back. */
  detach(): void {
    this.#link = undefined;
    if (this.#withheld === undefined) return;
    this.#withheld = undefined;
    this.#core.withheld.release(this);
  }

  publish(draft: Draft, token: number, packetId: number): void {
    const idToRemember = draft.qos === 2 ? packetId : 0;
    const full = this.#take(draft, token, idToRemember);
    if (full !== undefined) this.#refuse({ draft, token, packetId: idToRemember }, full);
    const held = this.#rate.take(this.#session.principal, draft);
    if (held === 'abuse') {
      this.#answers.whenDurable(() => this.#session.kick('rate-exceeded')); // behind what it is owed
    } else if (held > 0) {
      this.#link?.outlet.throttle(held);
    }
  }

  mayPublish(topic: Topic): boolean {
    return typeof this.#gate.admit(topic) !== 'string';
  }

  /** @returns false: as much waits as may. */
  whenRoom(bytes: number, run: () => void): boolean {
    const { counters, withheld } = this.#core;
    if (!withheld.hold(this, bytes)) return false;
    this.#withheld = run;
    counters.requestsWithheld.value += 1;
    return true;
  }

  takeWithheld(): boolean {
    const offer = this.#withheld;
    if (offer === undefined) return true;
    if (typeof offer === 'function') {
      if (!this.#core.store.makeRoom()) return false;
      this.#withheld = undefined;
      offer();
      return true;
    }
    if (this.#take(offer.draft, offer.token, offer.packetId) !== undefined) return false;
    this.#withheld = undefined;
    this.#link?.reading?.resumeReading();
    return true;
  }

  /** Of a client that is gone, if it may still publish it. No queue may refuse it: there is nobody left to hold back. */
  publishWill(draft: Draft): void {
    const { counters, delayed, router, clock } = this.#core;
    const admitted = this.#gate.admitDue(draft.topic);
    if (typeof admitted === 'string') {
      counters.denied.value += 1;
      return;
    }
    const { origin, principal, realm } = this.#session;
    const message = stamped(draft, admitted.topic, origin, clock);
    if (admitted.delaySeconds === undefined) router.deliver(message, this.#session);
    else if (!delayed.addWill(message, admitted.delaySeconds, { principal, realm })) {
      counters.willsLost.value += 1;
      return;
    }
    counters.willsPublished.value += 1;
  }

  /** @returns what has no room for it; undefined: it was taken, or answered. */
  #take(draft: Draft, token: number, packetId: number): string | undefined {
    const admitted = this.#admit(draft, packetId);
    if (admitted === 'copy') {
      this.#core.counters.duplicates.value += 1;
      this.#answers.giveLater(token, 'accepted'); // MQTT-4.3.3-10; the first copy may still wait for its commit
    } else if (typeof admitted === 'string') {
      this.#core.counters.denied.value += 1;
      this.#answers.give(token, admitted);
    } else if (packetId !== 0 && this.receivedIds.isFull) {
      this.#core.counters.quotaExceeded.value += 1;
      this.#answers.give(token, 'quota-exceeded'); // only its own PUBREL makes room: it must be read on
    } else {
      const routed = packetId === 0 ? this.#hand(draft, admitted) : this.#handOnce(draft, admitted, packetId);
      if (routed.outcome === 'quota-exceeded') return routed.full;
      const { outcome, awaits } = routed;
      if (draft.qos === 0 || awaits === 'nothing') this.#answers.give(token, outcome);
      else if (awaits === 'disk') this.#answers.giveLater(token, outcome);
      else this.#answers.giveWhenSafe(token, outcome, awaits);
    }
    return undefined;
  }

  #refuse({ draft, token, packetId }: Offer, full: string): void {
    const { counters, withheld } = this.#core;
    const reading = draft.qos === 0 ? undefined : this.#link?.reading;
    if (reading !== undefined && withheld.hold(this, utf8Length(draft.topic) + draft.payload.length)) {
      const { topic, qos, isRetain, properties, expirySeconds } = draft;
      const payload = Uint8Array.prototype.slice.call(draft.payload);
      this.#withheld = { draft: { topic, payload, qos, isRetain, properties, expirySeconds }, token, packetId };
      counters.withheld.value += 1;
      reading.pauseReading(full);
      return;
    }
    counters.received.value += 1;
    counters.quotaExceeded.value += 1;
    this.#answers.give(token, 'quota-exceeded');
  }

  /** A copy of what was taken over is one whatever its publisher may do by now: refused, its id would stay open and swallow the next message. */
  #admit(draft: Draft, packetId: number): Admitted | 'copy' {
    if (packetId !== 0 && this.receivedIds.isKnown(packetId, draft)) return 'copy';
    return this.#gate.admit(draft.topic);
  }

  /**
   * The message and the id it is remembered by (MQTT-4.3.3-10) are one write. Answered before it, a kill loses both: a sender that has PUBREC lets go of
   * the message, and one that has not sends it as a new one.
   */
  #handOnce(draft: Draft, target: PublishTarget, packetId: number): Routed {
    const treated = target.delaySeconds === undefined ? this.#core.durability.classOf(target.topic) : 'strict';
    return this.#core.store.together(() => {
      const routed = this.#hand(draft, target);
      if (routed.outcome === 'quota-exceeded') return routed;
      return this.receivedIds.begin(packetId, draft, treated) ? { outcome: routed.outcome, awaits: 'disk' } : routed;
    });
  }

  #hand(draft: Draft, target: PublishTarget): Routed {
    const { router, delayed, clock, isReturned, counters } = this.#core;
    if (draft.properties?.userProperties !== undefined && isReturned?.(draft) === true) {
      counters.returned.value += 1;
      return { outcome: 'accepted', awaits: 'nothing' };
    }
    const { origin, principal, realm } = this.#session;
    const message = stamped(draft, target.topic, origin, clock);
    if (target.delaySeconds === undefined) return router.route(message, this.#session);
    return delayed.add(message, target.delaySeconds, { principal, realm });
  }
}
