// The one way into a running gateway: a Unix socket that only its user can open.
import { chmod, lstat, unlink } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import type { CancelTimer, Clock } from '../model/clock.ts';
import { GatewayError } from '../model/errors.ts';
import { CONTROL_CONNECTIONS_MAX, CONTROL_TIMEOUT_MS } from '../model/limits.ts';
import type { Log } from '../model/log.ts';
import { LineSplitter } from './line-splitter.ts';
import { type Answer, type CommandTable, type ControlError, parseRequest, type RequestId } from './protocol.ts';

/** sun_path of Linux without its terminating zero. */
const SOCKET_PATH_BYTES_MAX = 107;
const OWNER_ONLY = 0o600;

export interface ControlServerOptions {
  readonly path: string;
  readonly commands: CommandTable;
  readonly clock: Clock;
  readonly log: Log;
}

export class ControlServer {
  readonly #options: ControlServerOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(options: ControlServerOptions) {
    this.#options = options;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => void this.#serve(socket));
    this.#server.maxConnections = CONTROL_CONNECTIONS_MAX;
  }

  /**
   * Takes the place of a socket whose gateway is dead.
   *
   * @throws GatewayError ADDRESS_UNAVAILABLE - another gateway answers there, or the path cannot be a socket.
   */
  async listen(): Promise<void> {
    const { path } = this.#options;
    if (Buffer.byteLength(path) > SOCKET_PATH_BYTES_MAX) {
      throw new GatewayError(
        'ADDRESS_UNAVAILABLE',
        `the control socket ${path} has more than ${SOCKET_PATH_BYTES_MAX} bytes in its path: set control.socket to a shorter one`,
      );
    }
    await makeWay(path);
    await this.#bind(path);
    await chmod(path, OWNER_ONLY);
  }

  /** Ends what is under way and removes the socket. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #bind(path: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const refuse = (error: Error): void =>
        reject(new GatewayError('ADDRESS_UNAVAILABLE', `cannot open the control socket ${path} (${error.message}): set control.socket`, { cause: error }));
      this.#server.once('error', refuse);
      this.#server.listen(path, () => {
        this.#server.off('error', refuse);
        resolve();
      });
    });
    // Out of file descriptors, say: that connection is lost, and nothing else.
    this.#server.on('error', (error) => this.#options.log.error('control connection not accepted', { error: error.message }));
  }

  async #serve(socket: Socket): Promise<void> {
    this.#sockets.add(socket);
    try {
      await pipeline(socket, (chunks: AsyncIterable<Buffer>) => this.#answers(socket, chunks), socket);
    } catch (error) {
      socket.destroy();
      this.#options.log.debug('control connection lost', { cause: error instanceof Error ? error.message : String(error) });
    }
    this.#sockets.delete(socket);
  }

  async *#answers(socket: Socket, chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
    const splitter = new LineSplitter();
    let cancelSilence = this.#limitSilence(socket);
    try {
      for await (const chunk of chunks) {
        cancelSilence();
        try {
          for (const line of splitter.push(chunk)) yield `${JSON.stringify(await this.#answer(line))}\n`;
        } catch (error) {
          if (!(error instanceof GatewayError)) throw error;
          yield `${JSON.stringify({ id: null, error: asControlError(error) })}\n`;
          return; // where the next line begins is not known any more
        }
        cancelSilence = this.#limitSilence(socket);
      }
    } finally {
      cancelSilence();
    }
  }

  #limitSilence(socket: Socket): CancelTimer {
    return this.#options.clock.after(CONTROL_TIMEOUT_MS, () => socket.destroy());
  }

  async #answer(line: string): Promise<Answer> {
    let id: RequestId | null = null;
    try {
      const request = parseRequest(line);
      id = request.id;
      const command = Object.hasOwn(this.#options.commands, request.command) ? this.#options.commands[request.command] : undefined;
      if (command === undefined) return { id, error: this.#unknown(request.command) };
      return { id, ok: (await command.run(request.parameters)) ?? null };
    } catch (error) {
      if (!(error instanceof GatewayError)) this.#options.log.error('control command failed', { cause: error instanceof Error ? error.stack : String(error) });
      return { id, error: asControlError(error) };
    }
  }

  #unknown(command: string): ControlError {
    return { code: 'UNKNOWN_COMMAND', message: `${JSON.stringify(command.slice(0, 64))} is not a command: ${Object.keys(this.#options.commands).join(', ')}` };
  }
}

function asControlError(error: unknown): ControlError {
  if (error instanceof GatewayError) return { code: error.code, message: error.message };
  return { code: 'FAILED', message: 'the command failed; the log of the gateway says why' };
}

/** Removes a socket nobody listens on any more. */
async function makeWay(path: string): Promise<void> {
  const problem = await probe(path);
  if (problem === 'absent') return;
  if (problem === 'answers') {
    throw new GatewayError(
      'ADDRESS_UNAVAILABLE',
      `another gateway is running with this data directory (it answers at ${path}): stop it, or give this one its own --data`,
    );
  }
  if (!(await lstat(path)).isSocket())
    throw new GatewayError('ADDRESS_UNAVAILABLE', `${path} is in the way of the control socket: remove it or set control.socket`);
  await unlink(path);
}

function probe(path: string): Promise<'absent' | 'dead' | 'answers'> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve('answers');
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') resolve('absent');
      else if (error.code === 'ECONNREFUSED') resolve('dead');
      else reject(new GatewayError('ADDRESS_UNAVAILABLE', `cannot use the control socket ${path} (${error.message}): set control.socket`, { cause: error }));
    });
  });
}
