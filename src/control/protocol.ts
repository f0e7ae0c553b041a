// JSON lines: one request per line, one answer per request, in the order of the requests. See docs/reference/control-socket.md.
import { GatewayError } from '../model/errors.ts';

/** What a caller gives a request to know its answer by. */
export type RequestId = string | number;

export interface Request {
  readonly id: RequestId;
  readonly command: string;
  /** The members of the request that belong to the command. */
  readonly parameters: Readonly<Record<string, unknown>>;
}

export interface ControlError {
  /** Stable, for programs: UNKNOWN_COMMAND, FAILED, or the code of a GatewayError. */
  readonly code: string;
  /** For people. */
  readonly message: string;
}

export type Answer = { readonly id: RequestId | null; readonly ok: unknown } | { readonly id: RequestId | null; readonly error: ControlError };

/** One command of the table. What it returns is the `ok` of the answer; it may only hold what JSON can. */
export interface Command {
  /** One sentence. */
  readonly about: string;
  run(parameters: Readonly<Record<string, unknown>>): unknown | Promise<unknown>;
}

export type CommandTable = Readonly<Record<string, Command>>;

/** @throws GatewayError PROTOCOL_VIOLATION - not a request. */
export function parseRequest(line: string): Request {
  const { id, command, ...parameters } = parseObject(line);
  if (typeof id !== 'string' && typeof id !== 'number') throw malformed('"id" must be a text or a number');
  if (typeof command !== 'string') throw malformed('"command" must be a text');
  return { id, command, parameters };
}

/** @throws GatewayError PROTOCOL_VIOLATION - not an answer. */
export function parseAnswer(line: string): Answer {
  const answer = parseObject(line);
  const { id, error } = answer;
  if (typeof id !== 'string' && typeof id !== 'number' && id !== null) throw malformed('"id" must be a text, a number or null');
  if ('ok' in answer) return { id, ok: answer['ok'] };
  if (!isRecord(error) || typeof error['code'] !== 'string' || typeof error['message'] !== 'string') throw malformed('neither "ok" nor "error"');
  return { id, error: { code: error['code'], message: error['message'] } };
}

function parseObject(line: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw malformed(error instanceof SyntaxError ? error.message : 'not JSON');
  }
  if (!isRecord(value)) throw malformed('a line must hold one JSON object');
  return value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function malformed(message: string): GatewayError {
  return new GatewayError('PROTOCOL_VIOLATION', `malformed control line: ${message}`);
}
