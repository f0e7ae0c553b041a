// Which queue, and which of its entries, as the command line says it and the control socket takes it.
import { type Command, Option } from 'commander';
import { HEX } from '../control/queue-parameters.ts';
import { DEAD_LETTER_REALM } from '../model/queue-selection.ts';
import { withConfigOptions } from './config-options.ts';

export interface SelectionOptions {
  readonly realm?: string;
  readonly deadLetters?: boolean;
  readonly topics?: string;
  readonly contains?: string;
  readonly hex?: string;
  readonly publisher?: string;
  readonly olderThan?: string;
  readonly newerThan?: string;
  readonly qos?: string;
  readonly sequence?: readonly string[];
}

const SECONDS_OF: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

export function withSelection(command: Command): Command {
  return withConfigOptions(command)
    .option('-t, --topics <filter>', 'messages whose topic this filter selects')
    .option('--contains <text>', 'messages with this text in their payload')
    .option('--hex <bytes>', 'messages with these bytes in their payload, as hexadecimal digits')
    .option('--publisher <client>', 'messages this client published: its client id, or "mqtt boiler-3"')
    .option('--older-than <time>', 'messages that came before this time: 90s, 15m, 12h, 3d')
    .option('--newer-than <time>', 'messages that came since then')
    .addOption(new Option('--qos <qos>', 'messages of this QoS').choices(['0', '1', '2']))
    .addOption(new Option('--sequence <number...>', 'the messages of these numbers'))
    .option('--dead-letters', 'what the remote of a bridge would not take, instead of its queue')
    .option('--realm <name>', 'where more than one queue has that client id');
}

/** The parameters of a request. @returns a sentence: what is wrong with the options. */
export function selectionParameters(clientId: string, options: SelectionOptions): Readonly<Record<string, unknown>> | string {
  const { topics, contains, hex, publisher, qos } = options;
  const sequences = options.sequence?.map(Number);
  if (sequences?.some((each) => !Number.isSafeInteger(each) || each < 1)) return '--sequence must be a number as `postern queue peek` shows it';
  if (contains === '') return '--contains must be some text: each payload has the empty one';
  if (hex !== undefined && !HEX.test(hex)) return '--hex must be pairs of hexadecimal digits, as 0d0a';
  const [olderThanSeconds, newerThanSeconds] = [seconds(options.olderThan), seconds(options.newerThan)];
  if (Number.isNaN(olderThanSeconds) || Number.isNaN(newerThanSeconds)) return '--older-than and --newer-than must be a time, as 90s, 15m, 12h or 3d';
  const optional = {
    ...queueParameters(options),
    topics,
    contains,
    hex,
    publisher,
    olderThanSeconds,
    newerThanSeconds,
    qos: qos === undefined ? undefined : Number(qos),
    sequences,
  };
  return { clientId, ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)) };
}

export function queueParameters({ realm, deadLetters }: SelectionOptions): { readonly realm?: string } {
  const of = deadLetters === true ? DEAD_LETTER_REALM : realm;
  return of === undefined ? {} : { realm: of };
}

export function isSelective({ topics, contains, hex, publisher, olderThan, newerThan, qos, sequence }: SelectionOptions): boolean {
  return [topics, contains, hex, publisher, olderThan, newerThan, qos, sequence].some((each) => each !== undefined);
}

/** @returns NaN for what is no time. */
function seconds(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, count = '', unit = 's'] = /^(\d{1,9})([smhd]?)$/.exec(text) ?? [];
  return count === '' ? Number.NaN : Number(count) * (SECONDS_OF[unit] ?? 1);
}
