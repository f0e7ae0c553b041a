// Which normative statements the title of a test names.

/** The standards whose statements are counted; `MQTT 3.1` numbers none, so that ours are called MQIsdp-1 and on. */
export const STANDARDS = ['MQTT 5.0', 'MQTT 3.1.1', 'MQTT 3.1'] as const;
export type Standard = (typeof STANDARDS)[number];

export interface StatementId {
  readonly standard: Standard;
  /** As the standard prints it: `MQTT-3.1.2-4`. */
  readonly id: string;
}

/** `MQTT-3.1.2-4, -5 to -8 and -10`, and behind it the standard where it is not the one of the file. */
const NAMED = /(MQTT-\d+(?:\.\d+)+|MQIsdp)(-\d+(?:(?:,? and |, | to )-\d+)*)( of (?:5\.0 and )?3\.1\.1)?/g;
const FOLDER_OF_3_1_1 = 'test/conformance/mqtt-3.1.1/';

/**
 * @param title - of the test, behind those of the suites it stands in.
 * @returns each statement once. An id belongs to 5.0 but in the folder of 3.1.1, behind "MQTT 3.1.1" and before "of 3.1.1"; to both before
 * "of 5.0 and 3.1.1".
 */
export function statementsNamedIn(file: string, title: string): StatementId[] {
  const named = new Map<string, StatementId>();
  for (const { 1: section = '', 2: numbers = '', 3: of, index } of title.matchAll(NAMED)) {
    const isOld = file.startsWith(FOLDER_OF_3_1_1) || title.slice(0, index).includes('MQTT 3.1.1');
    for (const standard of standardsOf(section, of, isOld)) {
      for (const number of numbersIn(numbers)) named.set(`${standard} ${section}-${number}`, { standard, id: `${section}-${number}` });
    }
  }
  return [...named.values()];
}

function standardsOf(section: string, of: string | undefined, isOld: boolean): readonly Standard[] {
  if (section === 'MQIsdp') return ['MQTT 3.1'];
  if (of?.includes('5.0') === true) return ['MQTT 5.0', 'MQTT 3.1.1'];
  return [isOld || of !== undefined ? 'MQTT 3.1.1' : 'MQTT 5.0'];
}

/** `-4, -5 to -8` → 4, 5, 6, 7, 8. */
function numbersIn(list: string): number[] {
  const numbers: number[] = [];
  for (const { 1: isRange, 2: digits } of list.matchAll(/( to )?-(\d+)/g)) {
    const number = Number(digits);
    const last = numbers.at(-1);
    if (isRange !== undefined && last !== undefined) for (let between = last + 1; between < number; between += 1) numbers.push(between);
    numbers.push(number);
  }
  return numbers;
}
