import { describe, expect, test } from 'vitest';
import type { Admission, AuthenticationStep, Credentials } from '../../../src/access/access.ts';
import { clientId } from '../../../src/model/client.ts';
import { CONNECT_BYTES_MAX } from '../../../src/model/limits.ts';
import type { ConnectPacket, Packet } from '../../../src/mqtt/packets.ts';
import { connect, disconnect, MqttBench, type MqttPeer, publishBytes, quiet, will } from '../../support/mqtt.ts';

const METHOD = 'NUMBERS';
const CONTINUE = 0x18;
const REAUTHENTICATE = 0x19;

type Line =
  | { readonly kind: 'ask' | 'allow'; readonly says?: string }
  | { readonly kind: 'deny'; readonly reason: 'not-authorized' | 'bad-authentication-method' };

/** An authenticator that plays line by line what a test wrote, whatever the client says. */
class Script {
  readonly heard: (string | undefined)[] = [];
  abandoned = 0;
  readonly #lines: Line[];

  constructor(bench: MqttBench, ...lines: Line[]) {
    this.#lines = lines;
    bench.core.access.authenticate = async (credentials: Credentials, step?: AuthenticationStep) => this.#next(credentials, step?.data);
    bench.core.access.reauthenticate = async (credentials: Credentials, step: AuthenticationStep) => this.#next(credentials, step.data);
  }

  #next(credentials: Credentials, data: Uint8Array | undefined): Admission {
    this.heard.push(data && Buffer.from(data).toString());
    const line = this.#lines.shift() ?? { kind: 'allow' };
    if (line.kind === 'deny') return line;
    const said = line.says === undefined ? undefined : Buffer.from(line.says);
    const { peer, listener, protocol } = credentials;
    if (line.kind === 'allow')
      return { kind: 'allow', principal: { clientId: clientId(credentials.clientId), peer, listener, protocol, isSuperuser: false }, data: said };
    return {
      kind: 'challenge',
      data: said,
      respond: async (answer) => this.#next(credentials, answer),
      abandon: () => {
        this.abandoned += 1;
      },
    };
  }
}

function connectBy(over: Partial<ConnectPacket> = {}, data?: string): ConnectPacket {
  return connect({ properties: { authenticationMethod: METHOD, authenticationData: data === undefined ? undefined : Buffer.from(data) }, ...over });
}

function auth(reasonCode: number, data?: string, method: string | undefined = METHOD): Packet {
  return { type: 'auth', reasonCode, properties: { authenticationMethod: method, authenticationData: data === undefined ? undefined : Buffer.from(data) } };
}

async function stage(...lines: Line[]): Promise<{ bench: MqttBench; script: Script; peer: MqttPeer }> {
  const bench = await MqttBench.start();
  return { bench, script: new Script(bench, ...lines), peer: bench.peer() };
}

/** In, by one challenge. */
async function insider(over: Partial<ConnectPacket>, ...lines: Line[]): Promise<{ bench: MqttBench; script: Script; peer: MqttPeer }> {
  const staged = await stage({ kind: 'ask' }, { kind: 'allow' }, ...lines);
  await staged.peer.sends(connectBy(over)).expects({ type: 'auth' });
  await staged.peer.sends(auth(CONTINUE)).expects({ type: 'connack', reasonCode: 0 });
  return staged;
}

describe('MQTT 5 §4.12 Enhanced authentication', () => {
  test('MQTT-4.12.0-2, MQTT-4.12.0-3, MQTT-4.12.0-5: AUTH to and fro, then CONNACK, all with the method of CONNECT', async () => {
    const { script, peer } = await stage({ kind: 'ask', says: 'first?' }, { kind: 'ask', says: 'second?' }, { kind: 'allow', says: 'proof' });
    const asks = (says: string) => ({
      type: 'auth',
      reasonCode: CONTINUE,
      properties: { authenticationMethod: METHOD, authenticationData: Buffer.from(says) },
    });
    await peer.sends(connectBy({}, 'hello')).expects(asks('first?'));
    await peer.sends(auth(CONTINUE, '1')).expects(asks('second?'));
    await peer.sends(auth(CONTINUE, '2')).expects({
      ...{ type: 'connack', reasonCode: 0 },
      properties: { authenticationMethod: METHOD, authenticationData: Buffer.from('proof') },
    });
    expect(script.heard).toEqual(['hello', '1', '2']);
    await peer.sends('c000').expects({ type: 'pingresp' });
  });

  test('before CONNACK no packet has more room than a CONNECT: nobody has vouched for its sender yet', async () => {
    const { bench, peer } = await stage({ kind: 'ask' });
    await peer.sends(connectBy()).expects({ type: 'auth' });
    peer.sends('30 81 80 10'); // PUBLISH of CONNECT_BYTES_MAX and a few bytes
    await quiet();
    expect(peer.link.isEnded).toBe(true);
    expect(bench.metric('mqtt.protocol-errors')).toBe(1);
  });

  test('after CONNACK there is room for whatever the listener takes', async () => {
    const { bench, peer } = await insider({});
    peer.sends(publishBytes(5, 'large', Buffer.alloc(CONNECT_BYTES_MAX + 1)));
    await quiet();
    expect([peer.link.isEnded, bench.metric('mqtt.protocol-errors')]).toEqual([false, 0]);
  });

  test('the octets of a challenge without data', async () => {
    const { peer } = await stage({ kind: 'ask' });
    await peer.sends(connectBy()).expectsOctets('f0 0c 18 0a 15 0007 4e554d42455253');
  });

  test('a method that needs no challenge: CONNACK at once, with the method', async () => {
    const { peer } = await stage({ kind: 'allow' });
    await peer.sends(connectBy()).expects({ type: 'connack', reasonCode: 0, properties: { authenticationMethod: METHOD } });
  });

  test.each([
    ['MQTT-4.12.0-1: a method nobody knows', 'bad-authentication-method', 0x8c],
    ['MQTT-4.12.0-4: a client that is not wanted', 'not-authorized', 0x87],
  ] as const)('%s: CONNACK at once, or after a challenge, and the end', async (_, reason, reasonCode) => {
    const direct = await stage({ kind: 'deny', reason });
    await direct.peer.sends(connectBy()).expectsEnd({ type: 'connack', reasonCode, isSessionPresent: false });
    const later = await stage({ kind: 'ask' }, { kind: 'deny', reason });
    await later.peer.sends(connectBy()).expects({ type: 'auth' });
    await later.peer.sends(auth(CONTINUE, 'wrong')).expectsEnd({ type: 'connack', reasonCode });
    expect(later.bench.core.broker.sessionCount).toBe(0);
  });

  test.each([
    ['MQTT-4.12.0-5: AUTH with another method', auth(CONTINUE, 'x', 'LETTERS')],
    ['MQTT-4.12.0-5: AUTH without a method', { type: 'auth', reasonCode: CONTINUE } as Packet],
    ['MQTT-4.12.0-3: AUTH with 0x00', auth(0x00)],
    ['MQTT-4.12.0-3: AUTH with 0x19', auth(REAUTHENTICATE)],
    ['MQTT-3.1.2-30: PUBLISH', publishBytes(5, 'a', 'x')],
    ['MQTT-3.1.2-30: PINGREQ', Buffer.from('c000', 'hex')],
  ])('%s instead of the answer: CONNACK 0x82, and the exchange is given up', async (_, packet) => {
    const { script, peer, bench } = await stage({ kind: 'ask' });
    await peer.sends(connectBy()).expects({ type: 'auth' });
    await peer.sends(packet).expectsEnd({ type: 'connack', reasonCode: 0x82 });
    expect([script.abandoned, bench.core.broker.sessionCount, bench.metric('mqtt.refused.protocol-error')]).toEqual([1, 0, 1]);
  });

  test.each([
    ['MQTT-3.15.2-1: an unknown reason code', 'f0 01 17', 0x82],
    ['MQTT-3.15.1-1: reserved flags', 'f1 00', 0x81],
  ])('%s', async (_, hex, reasonCode) => {
    const { peer } = await stage({ kind: 'ask' });
    await peer.sends(connectBy()).expects({ type: 'auth' });
    await peer.sends(hex).expectsEnd({ type: 'connack', reasonCode });
  });

  test('MQTT-3.1.2-30: DISCONNECT instead of the answer ends it without a word', async () => {
    const { script, peer } = await stage({ kind: 'ask' });
    await peer.sends(connectBy()).expects({ type: 'auth' });
    await peer.sends(disconnect()).expectsEnd();
    expect(script.abandoned).toBe(1);
  });

  test.each([
    ['its link breaks', (peer: MqttPeer) => peer.breaks(), 'mqtt.connect-timeouts', 0],
    ['it does not answer within the time for CONNECT', (_: MqttPeer, bench: MqttBench) => bench.clock.advanceSeconds(15), 'mqtt.connect-timeouts', 1],
  ] as const)('a client is given up when %s', async (_, happens, counter, count) => {
    const { script, peer, bench } = await stage({ kind: 'ask' });
    await peer.sends(connectBy()).expects({ type: 'auth' });
    await happens(peer, bench);
    await peer.expectsEnd();
    expect([script.abandoned, bench.metric(counter), bench.metric('mqtt.connections')]).toEqual([1, count, 0]);
    expect(bench.log.lines.filter(({ event }) => event === 'not let in in time: closing')).toHaveLength(count);
  });

  test('a link that breaks before the core has asked: the challenge is given up as it comes', async () => {
    const { script, peer, bench } = await stage({ kind: 'ask' });
    const { authenticate } = bench.core.access;
    let judge = (): void => undefined;
    bench.core.access.authenticate = async (...request) => {
      await new Promise<void>((resolve) => {
        judge = resolve;
      });
      return authenticate(...request);
    };
    await peer.sends(connectBy()).breaks();
    judge();
    await quiet();
    expect([script.abandoned, bench.metric('mqtt.connections')]).toEqual([1, 0]);
  });

  test.each([
    ['5.0 without a method', 5, 0x8c],
    ['3.1.1', 4, 5],
  ] as const)('MQTT-4.12.0-6: no AUTH to a client of %s, whatever the core would ask: it is refused', async (_, version, reasonCode) => {
    const { script, bench } = await stage({ kind: 'ask' });
    await bench.peer(version).sends(connect({ version })).expectsEnd({ type: 'connack', reasonCode });
    expect(script.abandoned).toBe(1);
  });

  test('MQTT-3.1.2-24: a challenge above its Maximum Packet Size: the end', async () => {
    const { peer, script } = await stage({ kind: 'ask', says: 'x'.repeat(100) });
    await peer.sends(connectBy({ properties: { authenticationMethod: METHOD, maximumPacketSize: 60 } })).expectsEnd();
    expect(script.abandoned).toBe(1);
  });
});

describe('MQTT 5 §4.12.1 Re-authentication', () => {
  test('MQTT-4.12.1-1: AUTH 0x19, challenges, AUTH 0x00; what the client sends meanwhile is handled', async () => {
    const { script, peer } = await insider({}, { kind: 'ask', says: 'again?' }, { kind: 'allow', says: 'proof' });
    await peer.sends(auth(REAUTHENTICATE, 'hello')).expects({ type: 'auth', reasonCode: CONTINUE, properties: { authenticationData: Buffer.from('again?') } });
    await peer.sends('c000').expects({ type: 'pingresp' });
    await peer.sends(auth(CONTINUE, 'me')).expects({
      ...{ type: 'auth', reasonCode: 0 },
      properties: { authenticationMethod: METHOD, authenticationData: Buffer.from('proof') },
    });
    expect(script.heard.slice(2)).toEqual(['hello', 'me']);
    await peer.sends(auth(REAUTHENTICATE)).expects({ type: 'auth', reasonCode: 0 });
  });

  test.each([
    ['bad-authentication-method', 0x8c],
    ['not-authorized', 0x87],
  ] as const)('MQTT-4.12.1-2: refused as %s: DISCONNECT and the end; the will is published', async (reason, reasonCode) => {
    const { bench, peer } = await insider({ clientId: 'gw', will: will() }, { kind: 'allow' }, { kind: 'ask' }, { kind: 'deny', reason });
    const watcher = await (await bench.connected({ clientId: 'watcher' })).subscribed({ filter: 'will' });
    await peer.sends(auth(REAUTHENTICATE)).expects({ type: 'auth' });
    await peer.sends(auth(CONTINUE, 'wrong')).expectsEnd({ type: 'disconnect', reasonCode });
    await watcher.expects({ payload: 'gone' });
  });

  test.each([
    ['MQTT-4.12.0-5: with another method', [auth(REAUTHENTICATE, undefined, 'LETTERS')]],
    ['AUTH 0x18 that nobody asked for', [auth(CONTINUE)]],
    ['AUTH 0x00, which is the server’s', [auth(0x00)]],
    ['AUTH 0x19 within another', [auth(REAUTHENTICATE), auth(REAUTHENTICATE)]],
  ])('%s: DISCONNECT 0x82', async (_, packets) => {
    const { peer } = await insider({}, { kind: 'ask' });
    const received = await peer.sends(...packets).receives();
    expect(received.at(-1)).toMatchObject({ type: 'disconnect', reasonCode: 0x82 });
  });

  test('MQTT-4.12.0-7: AUTH of a client that named no method: DISCONNECT 0x82', async () => {
    const bench = await MqttBench.start();
    const peer = await bench.connected({ clientId: 'gw' });
    await peer.sends(auth(REAUTHENTICATE)).expectsEnd({ type: 'disconnect', reasonCode: 0x82 });
  });

  test('a challenge that is not answered in time: DISCONNECT 0x87, counted; one that was is not', async () => {
    const { bench, peer, script } = await insider({}, { kind: 'ask' }, { kind: 'allow' }, { kind: 'ask' });
    await peer.sends(auth(REAUTHENTICATE)).expects({ type: 'auth' });
    await bench.clock.advanceSeconds(14);
    await peer.sends(auth(CONTINUE)).expects({ type: 'auth', reasonCode: 0 });
    await bench.clock.advanceSeconds(60);
    await peer.sends(auth(REAUTHENTICATE)).expects({ type: 'auth' });
    await bench.clock.advanceSeconds(15);
    await peer.expectsEnd({ type: 'disconnect', reasonCode: 0x87 });
    expect([bench.metric('mqtt.authentication-timeouts'), script.abandoned]).toEqual([1, 1]);
  });

  test('a link that breaks meanwhile leaves nothing behind', async () => {
    const { bench, peer, script } = await insider({}, { kind: 'ask' });
    await peer.sends(auth(REAUTHENTICATE)).expects({ type: 'auth' });
    await peer.breaks();
    await bench.clock.advanceSeconds(60);
    await quiet();
    expect([script.abandoned, bench.metric('mqtt.connections'), bench.metric('mqtt.authentication-timeouts')]).toEqual([1, 0, 0]);
  });
});
