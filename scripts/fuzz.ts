// `npm run fuzz`: every codec's fuzzer, and those of whole conversations. SEED (default: the time), COUNT (inputs each) and
// SECONDS (each ends after so long) in the environment; names as arguments pick some.
import type { Fuzzer } from '../test/fuzz/fuzzer.ts';
import { fuzzMqttCodec } from '../test/fuzz/mqtt-codec.ts';
import { fuzzMqttConnection } from '../test/fuzz/mqtt-connection.ts';
import { fuzzRecordedCodec, fuzzRecordedConnection } from '../test/fuzz/mqtt-recorded.ts';
import { fuzzMqttSnCodec } from '../test/fuzz/mqtt-sn-codec.ts';

const FUZZERS: Readonly<Record<string, Fuzzer>> = {
  'mqtt-codec': fuzzMqttCodec,
  'mqtt-connection': fuzzMqttConnection,
  'mqtt-recorded-codec': fuzzRecordedCodec,
  'mqtt-recorded-connection': fuzzRecordedConnection,
  'mqtt-sn-codec': fuzzMqttSnCodec,
};

const names = process.argv.slice(2);
const unknown = names.filter((name) => FUZZERS[name] === undefined);
const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
const count = Number(process.env['COUNT'] ?? 100_000);
const secondsMax = Number(process.env['SECONDS'] ?? 300);

if (unknown.length > 0 || !Number.isSafeInteger(seed) || !Number.isSafeInteger(count) || !(secondsMax > 0)) {
  process.stderr.write(`usage: [SEED=integer] [COUNT=integer] [SECONDS=number] npm run fuzz -- [${Object.keys(FUZZERS).join(' | ')}]...\n`);
  process.exit(64);
}
let failed = 0;
for (const [name, fuzz] of Object.entries(FUZZERS)) {
  if (names.length > 0 && !names.includes(name)) continue;
  const started = performance.now();
  try {
    const { inputs, refused } = await fuzz({ seed, count, secondsMax });
    process.stdout.write(`${name}: seed ${seed}, ${inputs} inputs, ${refused} refused, ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
  } catch (finding) {
    failed += 1;
    process.stdout.write(`${name}: FAILED\n${finding instanceof Error ? finding.message : String(finding)}\n`);
  }
}
process.exitCode = failed > 0 ? 1 : 0;
