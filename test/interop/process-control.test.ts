import { existsSync, linkSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createConnection, createServer, Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { ask } from '../../src/control/client.ts';
import type { CommandTable } from '../../src/control/protocol.ts';
import { ControlServer } from '../../src/control/server.ts';
import { GatewayError } from '../../src/model/errors.ts';
import { CONTROL_CONNECTIONS_MAX, CONTROL_LINE_BYTES_MAX, CONTROL_TIMEOUT_MS } from '../../src/model/limits.ts';
import { silentLog } from '../../src/model/log.ts';
import { FakeClock } from '../support/fake-clock.ts';

const COMMANDS: CommandTable = {
  ping: { about: 'Answers.', run: () => 'pong' },
  echo: { about: 'Answers what it got.', run: (parameters) => parameters },
  nothing: { about: 'Answers nothing.', run: () => undefined },
  later: { about: 'Answers later.', run: async () => 'later' },
  refuse: {
    about: 'Refuses.',
    run: () => {
      throw new GatewayError('CONFIG_INVALID', 'line one\nline two');
    },
  },
  fail: {
    about: 'Fails.',
    run: () => {
      throw new TypeError('a secret detail');
    },
  },
};

function socketPath(): string {
  const directory = mkdtempSync(join(tmpdir(), 'postern-control-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, 'control.sock');
}

async function serve(path = socketPath()): Promise<{ readonly path: string; readonly clock: FakeClock; readonly server: ControlServer }> {
  const clock = new FakeClock();
  const server = new ControlServer({ path, commands: COMMANDS, clock, log: silentLog });
  await server.listen();
  onTestFinished(() => server.close());
  return { path, clock, server };
}

/** Sends everything, ends its side, and takes what comes. */
async function exchange(path: string, bytes: string | Uint8Array): Promise<unknown[]> {
  const socket = createConnection({ path, allowHalfOpen: true });
  socket.end(bytes);
  const answers = await text(socket);
  return answers
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

function connected(path: string): Promise<Socket> {
  const socket = createConnection(path);
  onTestFinished(() => void socket.destroy());
  return new Promise((resolve) => socket.once('connect', () => resolve(socket)));
}

function closed(socket: Socket): Promise<void> {
  socket.resume();
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

describe('the control socket', () => {
  test('is for its owner only', async () => {
    const { path } = await serve();
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('answers each request in its turn', async () => {
    const { path } = await serve();
    const requests = '{"id":1,"command":"later"}\n{"id":"two","command":"ping"}\n{"id":3,"command":"echo","x":[1]}\n{"id":4,"command":"nothing"}\n';
    expect(await exchange(path, requests)).toEqual([
      { id: 1, ok: 'later' },
      { id: 'two', ok: 'pong' },
      { id: 3, ok: { x: [1] } },
      { id: 4, ok: null },
    ]);
  });

  test('tells what is wrong with a request, and goes on', async () => {
    const { path } = await serve();
    const requests =
      'hello\n{"id":2,"command":"stop"}\n{"id":3,"command":"toString"}\n{"id":4,"command":"refuse"}\n{"id":5,"command":"fail"}\n{"id":6,"command":"ping"}\n';
    expect(await exchange(path, requests)).toEqual([
      { id: null, error: { code: 'PROTOCOL_VIOLATION', message: expect.stringContaining('malformed control line') } },
      { id: 2, error: { code: 'UNKNOWN_COMMAND', message: '"stop" is not a command: ping, echo, nothing, later, refuse, fail' } },
      { id: 3, error: { code: 'UNKNOWN_COMMAND', message: expect.stringContaining('"toString" is not a command') } },
      { id: 4, error: { code: 'CONFIG_INVALID', message: 'line one\nline two' } },
      { id: 5, error: { code: 'FAILED', message: 'the command failed; the log of the gateway says why' } },
      { id: 6, ok: 'pong' },
    ]);
  });

  test('ends a connection whose line has no end', async () => {
    const { path } = await serve();
    const socket = await connected(path);
    socket.on('error', () => undefined); // the kernel tells the sender that not all of it was read
    const answered = new Promise((resolve) => socket.once('data', (bytes) => resolve(JSON.parse(bytes.toString()))));
    socket.write(Buffer.alloc(CONTROL_LINE_BYTES_MAX + 50_000, 'x'));
    expect(await answered).toEqual({ id: null, error: { code: 'LIMIT_EXCEEDED', message: `a line is longer than ${CONTROL_LINE_BYTES_MAX} bytes` } });
    await closed(socket);
    expect(await ask(path, new FakeClock(), 'ping')).toEqual({ id: 1, ok: 'pong' });
  });

  test('ends a connection that is silent', async () => {
    const { path, clock } = await serve();
    const socket = await connected(path);
    socket.write('{"id":1,');
    const end = closed(socket).then(() => 'closed');
    const aWhile = async () => {
      await clock.advanceMs(CONTROL_TIMEOUT_MS);
      await new Promise((resolve) => setImmediate(resolve));
    };
    while ((await Promise.race([end, aWhile()])) !== 'closed');
  });

  test('bounds its connections, and has room again afterwards', async () => {
    const { path } = await serve();
    const sockets = await Promise.all(Array.from({ length: CONTROL_CONNECTIONS_MAX }, () => connected(path)));
    await expect(ask(path, new FakeClock(), 'ping')).rejects.toThrow('closed the connection without an answer');
    const [first] = sockets;
    first?.end();
    if (first) await closed(first);
    expect(await ask(path, new FakeClock(), 'ping')).toEqual({ id: 1, ok: 'pong' });
  });

  test('is gone after a stop, with what was connected', async () => {
    const { path, server } = await serve();
    const socket = await connected(path);
    await Promise.all([closed(socket), server.close()]);
    expect(existsSync(path)).toBe(false);
  });
});

describe('the place of the socket', () => {
  test('of a dead gateway is taken over', async () => {
    const path = socketPath();
    const corpse = createServer().listen(path);
    await new Promise((resolve) => corpse.once('listening', resolve));
    const leftover = `${path}.left`;
    linkSync(path, leftover); // closing removes the name it was bound to, as a kill would not
    corpse.close();
    await serve(leftover);
    expect(await ask(leftover, new FakeClock(), 'ping')).toEqual({ id: 1, ok: 'pong' });
  });

  test('of a living gateway is left alone', async () => {
    const { path } = await serve();
    await expect(serve(path)).rejects.toThrow(`another gateway is running with this data directory (it answers at ${path})`);
    expect(await ask(path, new FakeClock(), 'ping')).toEqual({ id: 1, ok: 'pong' });
  });

  test('is not taken from a file', async () => {
    const path = socketPath();
    writeFileSync(path, 'precious');
    await expect(serve(path)).rejects.toThrow(`${path} is in the way of the control socket: remove it or set control.socket`);
    expect(statSync(path).size).toBe(8);
  });

  test.each([
    ['/nowhere/control.sock', 'cannot open the control socket /nowhere/control.sock'],
    [`/tmp/${'x'.repeat(103)}`, 'has more than 107 bytes in its path: set control.socket to a shorter one'],
  ])('%s', async (path, problem) => {
    await expect(serve(path)).rejects.toThrow(problem);
  });
});

describe('asking', () => {
  test('without a gateway', async () => {
    await expect(ask('/nowhere/control.sock', new FakeClock(), 'status')).rejects.toThrow(
      'no gateway is running: nothing answers at /nowhere/control.sock; start one with `postern start`',
    );
  });

  test('a gateway that does not answer', async () => {
    const path = socketPath();
    const clock = new FakeClock();
    const accepted = Promise.withResolvers<void>();
    const mute = createServer(() => accepted.resolve()).listen(path);
    onTestFinished(() => void mute.close());
    const answer = ask(path, clock, 'status');
    const refused = expect(answer).rejects.toThrow(`the gateway at ${path} did not answer within 10 s`);
    await accepted.promise;
    await clock.advanceMs(CONTROL_TIMEOUT_MS);
    await refused;
  });

  test('something that is no gateway', async () => {
    const path = socketPath();
    const other = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\n')).listen(path);
    onTestFinished(() => void other.close());
    await expect(ask(path, new FakeClock(), 'status')).rejects.toThrow('malformed control line');
  });
});

test('a connection the kernel does not give us, for want of file descriptors, ends nothing else', async () => {
  const listen = vi.spyOn(Server.prototype, 'listen');
  onTestFinished(() => listen.mockRestore());
  const { path, clock } = await serve();
  const [server] = listen.mock.contexts;
  if (!(server instanceof Server)) throw new TypeError('nothing listens');
  for (let count = 0; count < 3; count += 1) server.emit('error', new TypeError('accept EMFILE'));
  expect(await ask(path, clock, 'ping')).toMatchObject({ ok: 'pong' });
});
