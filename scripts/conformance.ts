// `npm run conformance [-- --list]`: every normative statement of MQTT 3.1, 3.1.1 and 5.0 with the tests that name it, or why it does not apply.
// The tests run first; with --list their titles are only read. Ends with 1 where a statement is left over, a test fails or names what is no statement.

import { MQTT_3_1_1 } from '../test/conformance/statements/mqtt-3.1.1.ts';
import { MQTT_3_1 } from '../test/conformance/statements/mqtt-3.1.ts';
import { MQTT_5 } from '../test/conformance/statements/mqtt-5.ts';
import { matrixOf } from './conformance/matrix.ts';
import { print } from './conformance/print.ts';
import { listedTests, runTests } from './conformance/tests.ts';

const EXIT_USAGE = 64; // sysexits.h
const [mode, ...rest] = process.argv.slice(2);
if (rest.length > 0 || (mode !== undefined && mode !== '--list')) {
  process.stderr.write('usage: npm run conformance [-- --list]\n');
  process.exit(EXIT_USAGE);
}
const { tests, failures } = mode === '--list' ? { tests: listedTests(), failures: [] } : runTests();
const matrix = matrixOf({ 'MQTT 5.0': MQTT_5, 'MQTT 3.1.1': MQTT_3_1_1, 'MQTT 3.1': MQTT_3_1 }, tests);
const violations = [...failures, ...matrix.violations];
process.stdout.write(print(matrix));
for (const violation of violations) process.stdout.write(`FAILED: ${violation}\n`);
process.exitCode = violations.length > 0 ? 1 : 0;
