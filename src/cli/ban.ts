// `postern ban`: whom the running gateway does not let in, through its control socket.
import { BANNED_KINDS } from '../control/running-gateway.ts';
import { harmless } from '../observe/text-line.ts';
import { askGateway } from './ask-gateway.ts';
import type { ConfigOptions } from './config-options.ts';
import { EXIT } from './exit-codes.ts';
import type { Surroundings } from './surroundings.ts';

export interface AddBanOptions extends ConfigOptions {
  /** `90s`, `10m`, `2h`, `7d`; for good when absent. */
  readonly for?: string;
  readonly reason?: string;
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

export async function addBan([kind, value]: readonly [string, string], options: AddBanOptions, surroundings: Surroundings): Promise<number> {
  const seconds = options.for === undefined ? null : secondsOf(options.for);
  if (seconds === undefined) return misuse(surroundings, `--for must be a time like 90s, 10m, 2h or 7d, not ${JSON.stringify(options.for)}`);
  if (!isKind(kind)) return misuse(surroundings, notAKind(kind));
  return askGateway(
    options,
    surroundings,
    { command: 'ban.add', kind, value, seconds, ...(options.reason === undefined ? {} : { reason: options.reason }) },
    (answer) => {
      const { ended } = Object(answer);
      return `${kind} ${value} banned${ended === 0 ? '' : `; links ended: ${ended}`}\n`;
    },
  );
}

export async function removeBan([kind, value]: readonly [string, string], options: ConfigOptions, surroundings: Surroundings): Promise<number> {
  if (!isKind(kind)) return misuse(surroundings, notAKind(kind));
  return askGateway(options, surroundings, { command: 'ban.remove', kind, value }, (answer) =>
    Object(answer).removed === true ? `${kind} ${value} may come in again\n` : `${kind} ${value} was not banned\n`,
  );
}

export function listBans(options: ConfigOptions, surroundings: Surroundings): Promise<number> {
  return askGateway(options, surroundings, { command: 'ban.list' }, (answer) => (Array.isArray(answer) ? answer.map(lineOf).join('') : ''));
}

function lineOf(ban: unknown): string {
  const { kind, value, seconds, reason } = Object(ban);
  const rest = seconds === null ? 'for good' : `${seconds} s left`;
  return `${harmless(`${kind} ${value}  ${rest}${reason === '' ? '' : `  ${reason}`}`)}\n`; // client ids are what devices say
}

function secondsOf(text: string): number | undefined {
  const [, amount, unit = 's'] = /^(\d{1,9})([smhd]?)$/.exec(text) ?? [];
  const seconds = Number(amount) * (UNIT_SECONDS[unit === '' ? 's' : unit] ?? 0);
  return seconds > 0 ? seconds : undefined;
}

function isKind(kind: string): boolean {
  return BANNED_KINDS.some((each) => each === kind);
}

function notAKind(kind: string): string {
  return `${JSON.stringify(kind)} is none of ${BANNED_KINDS.join(', ')}`;
}

function misuse(surroundings: Surroundings, message: string): number {
  surroundings.complain(`postern: ${message}\n`);
  return EXIT.usage;
}
