// The whole MQTT gateway on the real core, and peers that say what a fuzzer gives them: many at once, cut anywhere, that stop reading, vanish or
// come back. Nothing may throw, take long, or be left behind, and a client that behaves is served all the while.
import assert from 'node:assert/strict';
import { connect, disconnect, MqttBench, type MqttPeer, quiet } from '../support/mqtt.ts';
import { Chance, type FuzzOptions, type FuzzReport, timeBox } from './fuzzer.ts';
import { HeapWatch } from './heap-watch.ts';

/** Peers of one turn. */
const BATCH = 20;
/** Batches between two looks at whether the others are served. */
const BATCHES_PER_CHECK = 5;
export const PACKET_BYTES_MAX = 5_000;
/** Peers that stay without a word; beyond it the oldest goes. */
const SILENT_MAX = 100;
/** CPU time of a batch and all it sets off; a hundred times the usual. */
const BATCH_CPU_MS_MAX = 3_000;
/** Topics and sessions come without end: what they leave is bounded here, so that growth is a leak. */
const SESSION_SECONDS_MAX = 120;
const RETAINED = { messagesMax: 200, bytesMax: 1_000_000 };

/** Bytes of one peer. */
export type Conversation = (chance: Chance) => Buffer;

/** @throws AssertionError - with seed and number of the input, and its bytes when it was the one. */
export async function fuzzGateway({ seed, count, secondsMax }: FuzzOptions, conversation: Conversation): Promise<FuzzReport> {
  const chance = new Chance(seed);
  const settings = { packetBytesMax: PACKET_BYTES_MAX, connectTimeoutMs: 60_000, sessionExpiryMaxSeconds: SESSION_SECONDS_MAX };
  const bench = await MqttBench.start({ settings, broker: { retainedLimits: RETAINED } });
  const witness = await (await bench.connected({ clientId: 'witness', username: 'witness' })).subscribed({ filter: 'witness/#' });
  const silent: MqttPeer[] = [];
  const isOver = timeBox(secondsMax);
  const heap = new HeapWatch(count);
  let inputs = 0;
  for (; inputs < count && !isOver(); inputs += BATCH) {
    const when = `seed ${seed}, inputs from ${inputs}`;
    const before = process.cpuUsage();
    const peers = Array.from({ length: Math.min(BATCH, count - inputs) }, () => play(bench.peer(), conversation(chance), { chance, when }));
    await quiet();
    assert.equal(bench.metric('mqtt.internal-errors'), 0, `${when}: the gateway failed by itself`);
    silent.push(...peers.filter((peer) => !leave(peer, chance)));
    for (const peer of silent.splice(0, Math.max(0, silent.length - SILENT_MAX))) peer.link.resets();
    await bench.clock.advanceSeconds(chance.below(100));
    if (chance.below(BATCHES_PER_CHECK) === 0) await requireService(bench, witness, when);
    const { user, system } = process.cpuUsage(before);
    assert.ok(user + system < BATCH_CPU_MS_MAX * 1000, `${when}: ${(user + system) / 1000} ms of CPU`);
    heap.look(inputs);
  }
  for (const peer of silent) peer.link.resets();
  await quiet();
  assert.equal(bench.metric('mqtt.connections'), 1, 'connections are left behind');
  heap.requireFlat(`seed ${seed}, ${inputs} inputs`);
  const refusals = ['mqtt.malformed', 'mqtt.protocol-errors', 'mqtt.refused.bad-authentication-method'];
  return { inputs, refused: refusals.reduce((sum, name) => sum + bench.metric(name), 0) };
}

async function requireService(bench: MqttBench, witness: MqttPeer, when: string): Promise<void> {
  const visitor = bench
    .peer(4)
    .sends(connect({ version: 4, clientId: 'visitor', username: 'visitor' }))
    .publishes('witness/x', '');
  await quiet();
  const received = (await witness.receives()).filter((packet) => packet.type === 'publish' && packet.topic === 'witness/x');
  assert.equal(received.length, 1, `${when}: a client that behaves is not served`);
  visitor.sends(disconnect());
}

/** One conversation, in pieces, sometimes with the link's own troubles in between. */
function play(peer: MqttPeer, bytes: Buffer, { chance, when }: { readonly chance: Chance; readonly when: string }): MqttPeer {
  if (chance.below(10) === 0) peer.link.stopsReading();
  try {
    for (let at = 0; at < bytes.length; ) {
      const size = 1 + chance.below(chance.below(4) === 0 ? 5 : bytes.length);
      peer.sends(bytes.subarray(at, at + size));
      at += size;
      if (chance.below(40) === 0) leave(peer, chance);
    }
  } catch (cause) {
    throw new assert.AssertionError({ message: `${when}: ${bytes.toString('hex')}\n${cause instanceof Error ? cause.stack : cause}` });
  }
  return peer;
}

/** Most peers go without a goodbye. @returns false for the few that stay, silent. */
function leave(peer: MqttPeer, chance: Chance): boolean {
  const way = chance.below(20);
  if (way === 0) return false;
  if (way < 12) {
    peer.link.readsAgain();
    peer.link.ends();
  } else {
    peer.link.resets();
  }
  return true;
}
