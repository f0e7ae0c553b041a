import { createConnection, type Socket } from 'node:net';
import type { Clock } from '../model/clock.ts';
import { GatewayError } from '../model/errors.ts';
import { CONTROL_TIMEOUT_MS } from '../model/limits.ts';
import { LineSplitter } from './line-splitter.ts';
import { type Answer, parseAnswer } from './protocol.ts';

const ID = 1;

/**
 * Asks the gateway that listens at `path`.
 *
 * @throws GatewayError CONTROL_UNAVAILABLE - nobody listens there, it is not ours to ask, or no answer came in time.
 */
export async function ask(path: string, clock: Clock, command: string, parameters: Readonly<Record<string, unknown>> = {}): Promise<Answer> {
  const socket = createConnection(path);
  const cancelTimeout = clock.after(CONTROL_TIMEOUT_MS, () =>
    socket.destroy(unavailable(`the gateway at ${path} did not answer within ${CONTROL_TIMEOUT_MS / 1_000} s`)),
  );
  try {
    socket.write(`${JSON.stringify({ ...parameters, id: ID, command })}\n`);
    return parseAnswer(await firstLine(socket, path));
  } catch (error) {
    throw error instanceof GatewayError ? error : unavailable(explain(error, path), error);
  } finally {
    cancelTimeout();
    socket.destroy();
  }
}

async function firstLine(socket: Socket, path: string): Promise<string> {
  const splitter = new LineSplitter();
  for await (const chunk of socket) {
    const [line] = splitter.push(chunk);
    if (line !== undefined) return line;
  }
  throw unavailable(noAnswer(path));
}

const EXPLANATIONS: Readonly<Record<string, (path: string) => string>> = {
  ENOENT: notRunning,
  ECONNREFUSED: notRunning,
  ECONNRESET: noAnswer,
  EPIPE: noAnswer,
  EACCES: (path) => `the control socket ${path} belongs to another user: ask as the user the gateway runs as, or with sudo`,
};

function notRunning(path: string): string {
  return `no gateway is running: nothing answers at ${path}; start one with \`postern start\`, or say with --data or --config where it is`;
}

function noAnswer(path: string): string {
  return `the gateway at ${path} closed the connection without an answer; it may be stopping or busy: ask again`;
}

function explain(error: unknown, path: string): string {
  const { code = '' } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
  return EXPLANATIONS[code]?.(path) ?? `cannot ask the gateway at ${path}: ${error instanceof Error ? error.message : String(error)}`;
}

function unavailable(message: string, cause?: unknown): GatewayError {
  return new GatewayError('CONTROL_UNAVAILABLE', message, { cause });
}
