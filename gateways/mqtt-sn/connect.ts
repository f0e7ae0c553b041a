// CONNECT with its will handshake (§6.2), and the other two ways a client comes back: after a restart of ours, and at a new address. Before the
// core has accepted a client, all that is kept of it is one bounded entry here, for as long as N_RETRY lasts.
import { CLIENT_ID_BYTES_MAX } from '../../src/model/limits.ts';
import { attach } from './attach.ts';
import type { GatewayParts } from './client.ts';
import type { Connection } from './connection.ts';
import type { Directory } from './directory.ts';
import { type End, EndMap } from './ends.ts';
import { decodeLinkFacts, LINK_KEY, type LinkFacts } from './link-facts.ts';
import { type Connect, type PacketType, RETURN_CODE, type ReturnCode, type WillMsg, type WillTopic } from './packets.ts';
import { CONNACK_CODE } from './reason.ts';
import { Retries } from './retries.ts';
import { armWill, isStorable, replaceWill, storedWill, type WillFacts, type WillTopicFacts, willTopicFrom } from './will.ts';

const PROTOCOL_ID = 0x01; // §5.3.8
/** Handshakes under way at once; each holds at most one will topic. */
const HANDSHAKES_MAX = 1_000;
/** Clients brought back at once after a restart: enough to share commits, few enough to start soon. */
const RESTORE_BATCH = 256;

interface Handshake {
  readonly connect: Connect;
  readonly from: End;
  phase: 'will-topic' | 'will-message' | 'judging';
  willTopic: WillTopicFacts | undefined;
}

/** A client that was connected or asleep when the gateway stopped. */
interface RecordedLink {
  readonly clientId: string;
  readonly facts: LinkFacts;
}

/** What CONNECT does to the will of the session (§6.3, table), which is empty already when it began clean. `will` absent: it is deleted. */
type WillChange = { readonly kind: 'keep' } | { readonly kind: 'replace'; readonly will?: WillFacts };

const KEEP: WillChange = { kind: 'keep' };
const DELETE: WillChange = { kind: 'replace' };

export class Connector {
  readonly #parts: GatewayParts;
  readonly #directory: Directory;
  readonly #handshakes: EndMap<Handshake>;
  /** Sleeping clients that are being judged at a new address. */
  readonly #moving: EndMap<Connection>;
  readonly #retries: Retries<Handshake>;
  #isStopped = false;

  constructor(parts: GatewayParts, directory: Directory) {
    this.#parts = parts;
    this.#directory = directory;
    this.#handshakes = new EndMap(parts.transports);
    this.#moving = new EndMap(parts.transports);
    this.#retries = new Retries(parts.retryRules, ({ from }) => this.#handshakes.delete(from));
  }

  /** Whether packets from there belong to a handshake: not one of a client yet. */
  isBusy(end: End): boolean {
    return this.#handshakes.get(end) !== undefined || this.#moving.get(end) !== undefined;
  }

  connect(connect: Connect, from: End): void {
    const refusal = refusalOf(connect);
    if (refusal !== undefined) {
      this.#refuse(from, refusal);
      return;
    }
    if (this.#handshakes.get(from)?.phase === 'judging' || this.#moving.get(from) !== undefined) return; // the answer is on its way
    const present = this.#directory.at(from);
    if (present?.clientId === connect.clientId && present.answersCopy(connect)) return;
    if (!this.#hasRoomFor(connect, from) || !this.#parts.context.hasRoom()) {
      this.#refuse(from, RETURN_CODE.congestion);
      return;
    }
    this.#begin({ connect, from, phase: connect.hasWill ? 'will-topic' : 'judging', willTopic: undefined });
  }

  /** @returns false where no handshake waits for it. */
  willTopic({ will }: WillTopic, from: End): boolean {
    const handshake = this.#handshakes.get(from);
    if (handshake === undefined || handshake.phase === 'judging') return false;
    if (will === undefined) {
      this.#judge(handshake, DELETE); // §6.3: an empty WILLTOPIC deletes the will
      return true;
    }
    const willTopic = willTopicFrom(will);
    if (willTopic === undefined) {
      this.#forget(handshake);
      this.#refuse(from, RETURN_CODE.notSupported);
      return true;
    }
    handshake.willTopic = willTopic;
    handshake.phase = 'will-message';
    this.#retries.answered(handshake);
    this.#ask(handshake, 'WILLMSGREQ');
    return true;
  }

  /** @returns false where no handshake waits for it. */
  willMessage({ message }: WillMsg, from: End): boolean {
    const handshake = this.#handshakes.get(from);
    if (handshake?.phase !== 'will-message' || handshake.willTopic === undefined) return false;
    const will = { ...handshake.willTopic, message: Uint8Array.from(message) };
    if (isStorable(will)) {
      this.#judge(handshake, { kind: 'replace', will });
    } else {
      this.#forget(handshake);
      this.#refuse(from, RETURN_CODE.notSupported);
    }
    return true;
  }

  /** The client gave up before it was connected. */
  abandon(end: End): void {
    const handshake = this.#handshakes.get(end);
    if (handshake !== undefined && handshake.phase !== 'judging') this.#forget(handshake);
  }

  /** A sleeping client wakes up at another address (§6.14): it is judged there like anyone else, and goes on where it was. */
  async move(client: Connection, to: End): Promise<Connection | undefined> {
    if (this.isBusy(to) || this.#moving.size >= HANDSHAKES_MAX) return undefined;
    this.#moving.set(to, client);
    const moved = await this.#restore(client.clientId, { ...client.facts, end: to });
    this.#moving.delete(to);
    if (moved === undefined) return undefined;
    moved.resumeLink();
    this.#parts.counters.moved.value += 1;
    return moved;
  }

  /** Brings back every client that was connected or asleep when the gateway stopped. @returns them; nothing is sent to them before `resumeLink`. */
  async restoreAll(): Promise<readonly Connection[]> {
    const left = this.#recordedLinks();
    const [asleep, active] = [left.filter(({ facts }) => facts.sleepSeconds > 0), left.filter(({ facts }) => facts.sleepSeconds === 0)];
    // The address of a sleeping client may be an active one's by now, never the other way round.
    const restored = [...(await this.#restoreInBatches(asleep)), ...(await this.#restoreInBatches(active))];
    if (left.length > 0) this.#parts.context.log.info('clients restored', { clients: this.#directory.size, recorded: left.length });
    return restored;
  }

  stop(): void {
    this.#isStopped = true;
    this.#retries.clear();
    this.#handshakes.clear();
  }

  #recordedLinks(): RecordedLink[] {
    const links: RecordedLink[] = [];
    for (const { clientId, state } of this.#parts.context.detachedSessions()) {
      const value = state.get(LINK_KEY);
      const facts = value === undefined ? undefined : decodeLinkFacts(value, this.#parts.transports);
      if (facts !== undefined) links.push({ clientId, facts });
    }
    return links;
  }

  async #restoreInBatches(links: readonly RecordedLink[]): Promise<readonly Connection[]> {
    const restored: (Connection | undefined)[] = [];
    for (let start = 0; start < links.length; start += RESTORE_BATCH) {
      restored.push(...(await Promise.all(links.slice(start, start + RESTORE_BATCH).map(({ clientId, facts }) => this.#restore(clientId, facts)))));
    }
    return restored.filter((connection) => connection !== undefined);
  }

  async #restore(clientId: string, facts: LinkFacts): Promise<Connection | undefined> {
    const attached = await attach(this.#parts, this.#directory, { clientId, facts, cleanStart: false, origin: 'restart' });
    if (typeof attached === 'string') return undefined;
    if (this.#isStopped) {
      attached.suspend();
      return undefined;
    }
    this.#changeWill(attached, KEEP);
    attached.restoreLink();
    return attached;
  }

  #begin(handshake: Handshake): void {
    const earlier = this.#handshakes.get(handshake.from);
    if (earlier !== undefined) this.#retries.answered(earlier);
    this.#handshakes.set(handshake.from, handshake);
    if (handshake.phase === 'will-topic') this.#ask(handshake, 'WILLTOPICREQ');
    else this.#judge(handshake, KEEP);
  }

  #ask(handshake: Handshake, type: Extract<PacketType, 'WILLTOPICREQ' | 'WILLMSGREQ'>): void {
    const send = (): void => this.#parts.send({ type }, handshake.from);
    send();
    this.#retries.watch(handshake, send);
  }

  #judge(handshake: Handshake, change: WillChange): void {
    handshake.phase = 'judging';
    this.#retries.answered(handshake);
    void this.#admit(handshake, change);
  }

  async #admit(handshake: Handshake, change: WillChange): Promise<void> {
    const { connect, from } = handshake;
    const former = this.#directory.of(connect.clientId);
    const isWakeUp = former !== undefined && !former.isActive;
    const facts = { end: from, keepAliveSeconds: connect.durationSeconds, isCleanSession: connect.isCleanSession, sleepSeconds: 0 };
    // §6.14: a sleeping client that connects wakes up; what was kept for it is not thrown away, whatever its CleanSession says.
    const cleanStart = connect.isCleanSession && !isWakeUp;
    const attached = await attach(this.#parts, this.#directory, { clientId: connect.clientId, facts, cleanStart, origin: 'peer' });
    this.#forget(handshake);
    if (typeof attached === 'string') {
      this.#refuse(from, CONNACK_CODE[attached]);
    } else if (this.#isStopped) {
      attached.suspend();
    } else {
      if (isWakeUp) attached.topicIds.confirmAll();
      this.#changeWill(attached, change);
      attached.accept(connect);
    }
  }

  #changeWill({ session }: Connection, change: WillChange): void {
    const { topics } = this.#parts.context;
    if (change.kind === 'replace') replaceWill(session, topics, change.will);
    else armWill(session, topics, storedWill(session.state));
  }

  #hasRoomFor({ clientId }: Connect, from: End): boolean {
    if (this.#handshakes.size >= HANDSHAKES_MAX && this.#handshakes.get(from) === undefined) return false;
    return this.#directory.of(clientId) !== undefined || this.#directory.size + this.#handshakes.size < this.#parts.settings.clientsMax;
  }

  #forget(handshake: Handshake): void {
    if (this.#handshakes.get(handshake.from) !== handshake) return;
    this.#handshakes.delete(handshake.from);
    this.#retries.answered(handshake);
  }

  #refuse(to: End, returnCode: ReturnCode): void {
    this.#parts.counters.connectsRefused.value += 1;
    this.#parts.send({ type: 'CONNACK', returnCode }, to);
  }
}

/** §5.3.8 and §5.3.1; ids longer than the 23 characters of the text are accepted, as gateways do. */
function refusalOf({ protocolId, clientId }: Connect): ReturnCode | undefined {
  const isNamed = clientId.length > 0 && !clientId.includes('\0') && Buffer.byteLength(clientId) <= CLIENT_ID_BYTES_MAX;
  return protocolId === PROTOCOL_ID && isNamed ? undefined : RETURN_CODE.notSupported;
}
