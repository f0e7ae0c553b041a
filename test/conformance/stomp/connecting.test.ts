import { describe, expect, test } from 'vitest';
import { StompBench } from '../../support/stomp.ts';

describe('STOMP 1.2 Protocol Negotiation', () => {
  test.each([
    ['no accept-version', '', '1.0'],
    ['1.0 alone', 'accept-version:1.0\n', '1.0'],
    ['1.0 and 1.1', 'accept-version:1.0,1.1\n', '1.1'],
    ['all', 'accept-version:1.0,1.1,1.2\n', '1.2'],
    ['all, the newest first', 'accept-version:1.2,1.1,1.0\n', '1.2'],
    ['one that does not exist yet', 'accept-version:1.2,2.0\n', '1.2'],
  ])('%s', async (_, header, version) => {
    const bench = await StompBench.start();
    const peer = bench.peer().sends(`CONNECT\n${header}host:local\nclient-id:c\n\n^@`);
    const heartBeat = version === '1.0' ? '' : 'heart-beat:10000,10000\n';
    await peer.expects(`CONNECTED\nversion:${version}\nsession:c\nserver:postern\n${heartBeat}\n^@`);
  });

  test('no common version: ERROR says which there are', async () => {
    const bench = await StompBench.start();
    const peer = bench.peer().sends('CONNECT\naccept-version:2.0\nhost:local\n\n^@');
    const error = await peer.expectsError('no common version');
    expect(error).toContain('\nversion:1.0,1.1,1.2\n');
    expect(error).toContain('\ncontent-type:text/plain\n');
  });

  test('STOMP is CONNECT by another name', async () => {
    const bench = await StompBench.start();
    expect(await bench.peer().sends('STOMP\naccept-version:1.2\nhost:local\n\n^@').receives()).toMatch(/^CONNECTED\nversion:1.2\n/u);
  });
});

describe('STOMP 1.2 Connecting', () => {
  test.each([
    ['another frame comes first', 'SEND\ndestination:a\n\n^@', 'SEND before CONNECT'],
    ['a frame of a server', 'MESSAGE\n\n^@', 'MESSAGE before CONNECT'],
    ['no STOMP at all', 'GET / HTTP/1.1\r\n', 'what comes first is no command'],
    ['a heart-beat that is no pair of numbers', 'CONNECT\naccept-version:1.2\nheart-beat:1\n\n^@', 'heart-beat is two numbers'],
  ])('%s', async (_, frame, message) => {
    const bench = await StompBench.start();
    await bench.peer().sends(frame).expectsError(message);
    expect(bench.metric('stomp.frames.errors')).toBe(1);
  });

  test('a second CONNECT', async () => {
    const bench = await StompBench.start();
    const peer = await bench.connected();
    await peer.sends('CONNECT\naccept-version:1.2\nhost:local\n\n^@').expectsError('connected already');
  });

  test('a wrong passcode', async () => {
    const bench = await StompBench.start();
    bench.core.access.authenticate = async ({ username, password }) => {
      expect([username, Buffer.from(password ?? []).toString()]).toEqual(['guest', 'wrong']);
      return { kind: 'deny', reason: 'bad-credentials' };
    };
    await bench.peer().sends('CONNECT\naccept-version:1.2\nhost:local\nlogin:guest\npasscode:wrong\n\n^@').expectsError('bad login or passcode');
    expect(bench.metric('stomp.refused.connects')).toBe(1);
  });

  test('nothing comes', async () => {
    const bench = await StompBench.start();
    const peer = bench.peer();
    await bench.clock.advanceSeconds(15);
    await peer.expectsError('no CONNECT in time');
    expect(bench.metric('stomp.refused.connect-timeout')).toBe(1);
  });

  test('more connections than may be', async () => {
    const bench = await StompBench.start({ settings: { connectionsMax: 1 } });
    await bench.connected();
    await bench.peer().sends('CONNECT\naccept-version:1.2\nhost:local\n\n^@').expectsError('full');
  });

  test('frames behind CONNECT in the same read wait for it', async () => {
    const bench = await StompBench.start();
    const peer = bench.peer().sends('CONNECT\naccept-version:1.2\nhost:local\n\n^@SEND\ndestination:a\nreceipt:1\n\nx^@');
    expect(await peer.receives()).toMatch(/^CONNECTED\n[\s\S]*\^@RECEIPT\nreceipt-id:1\n\n\^@$/u);
  });
});

describe('STOMP 1.2 Heart-beating', () => {
  test.each([
    ['neither', '0,0', { sends: undefined, expects: undefined }],
    ['both, at the greater of the two', '20000,5000', { sends: 10, expects: 40 }],
    ['the client wants none', '1000,0', { sends: undefined, expects: 20 }],
    ['the client can do none', '0,30000', { sends: 30, expects: undefined }],
  ])('%s', async (_, header, { sends, expects }) => {
    const bench = await StompBench.start();
    const peer = await bench.connected(`heart-beat:${header}\n`);
    const limit = expects ?? 1_000;
    const beats: number[] = [];
    for (let second = 1; second < limit; second += 1) {
      await bench.clock.advanceSeconds(1);
      if ((await peer.receives()) === '\n') beats.push(second);
    }
    const wanted = sends === undefined ? [] : Array.from({ length: Math.floor((limit - 1) / sends) }, (_each, index) => (index + 1) * sends);
    expect(beats).toEqual(wanted);
    await bench.clock.advanceSeconds(1);
    if (expects === undefined) expect(peer.link.isEnded).toBe(false);
    else await peer.expectsError('no heart-beat');
  });

  test('any octet is a sign of life', async () => {
    const bench = await StompBench.start();
    const peer = await bench.connected('heart-beat:10000,0\n');
    for (let turn = 0; turn < 5; turn += 1) {
      await bench.clock.advanceSeconds(19);
      peer.sends('\n');
    }
    expect(peer.link.isEnded).toBe(false);
  });
});

describe('STOMP 1.2 DISCONNECT', () => {
  test('RECEIPT, then the end', async () => {
    const bench = await StompBench.start();
    const peer = await bench.connected();
    await peer.sends('DISCONNECT\nreceipt:77\n\n^@').expects('RECEIPT\nreceipt-id:77\n\n^@');
    expect(peer.link.isEnded).toBe(true);
    expect(bench.core.broker.connectedCount).toBe(0);
  });

  test('a gateway that stops says so', async () => {
    const bench = await StompBench.start();
    const peer = await bench.connected();
    await bench.gateway.stop(new AbortController().signal);
    await peer.expectsError('stopping');
  });
});
