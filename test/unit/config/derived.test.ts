import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { derivedFiles } from '../../../scripts/print-config/derived-files.ts';
import { environmentName, environmentSteps, follow, formatPath, keysOf, upperSnake } from '../../../src/config/paths.ts';
import { printYaml } from '../../../src/config/print-yaml.ts';
import { isMapping } from '../../../src/config/read.ts';
import type { Node } from '../../../src/config/schema/nodes.ts';
import { SCHEMA } from '../../../src/config/schema/schema.ts';
import { configWith, linesOf, loadWith } from './config-file.ts';

const KEYS = [...keysOf(SCHEMA)].map(({ path, key }) => [formatPath(path), path, key] as const);

/** Takes the `#` off every key, also off the examples. */
function uncommented(yaml: string): string {
  return yaml.replace(/^(\s*)#(?=[-\w])/gm, '$1');
}

/** What of a configuration has a default: neither keys without one nor the items of lists. */
function withoutExamples(node: Node, value: unknown): unknown {
  if (node.node === 'list') return [];
  if (node.node === 'key' || !isMapping(value)) return value;
  const entries = Object.entries(node.entries).filter(([, child]) => child.node !== 'key' || child.default !== undefined);
  return Object.fromEntries(entries.map(([name, child]) => [name, withoutExamples(child, value[name])]));
}

describe('files printed from the schema are what it prints now (else: node scripts/print-config.ts)', () => {
  test.each(Object.entries(derivedFiles()))('%s', (path, text) => {
    expect(readFileSync(path, 'utf8')).toBe(text);
  });
});

describe('config/postern.yaml', () => {
  const sample = readFileSync('config/postern.yaml', 'utf8');

  test('as it is, it changes nothing', () => {
    expect(configWith({ yaml: sample })).toEqual(configWith({}));
  });

  test('with every key uncommented it is valid, and what has a default has that default', () => {
    const outcome = loadWith({ yaml: uncommented(sample), files: 'ignored' });
    expect(linesOf(outcome)).toEqual([]);
    const config = configWith({ yaml: uncommented(sample), files: 'ignored' });
    expect(withoutExamples(SCHEMA, config)).toEqual(withoutExamples(SCHEMA, configWith({})));
  });

  test.each(KEYS)('%s has a line and a sentence', (_, path, key) => {
    expect(sample).toMatch(new RegExp(`#(- )?${String(path.at(-1))}: `));
    expect(key.about).toMatch(/^[A-Za-z0-9].*\.$/);
  });
});

describe('examples', () => {
  test.each(readdirSync('config/examples'))('%s is valid', (name) => {
    expect(linesOf(loadWith({ yaml: readFileSync(`config/examples/${name}`, 'utf8'), files: 'checked' }))).toEqual([]);
  });

  test('interop.yaml is what other suites expect', () => {
    const config = configWith({ yaml: readFileSync('config/examples/interop.yaml', 'utf8') });
    expect(config.mqtt).toMatchObject({ topicAliasMax: 10, topicAliasOutMax: 10, packetBytesMax: 2_000_000, receiveMax: 20, keepAliveMaxSeconds: 60 });
    expect(config.mqttSn).toMatchObject({ qosMinusOne: true, predefinedTopics: [{ id: 1, topic: 'ty4tw/predefinedTopic1', clientId: '*' }] });
    const denied = config.access.rules.map(({ permission, action, topic }) => `${permission} ${action} ${topic}`);
    expect(config.access.anonymous).toBe('loopback');
    expect(denied).toEqual(['deny subscribe test/nosubscribe', 'deny subscribe nosubscribe', 'deny publish test_qos_1_2_errors']);
  });
});

describe('check --print', () => {
  test('what it prints loads to the same configuration', () => {
    const parts = {
      yaml: 'mqtt: {receiveMax: 7, packetBytesMax: 64KiB, tcp: {bind: "[::1]:9"}}\naccess: {rules: [{permission: allow, topic: "#"}, {permission: deny, topic: a/%c}]}',
      set: [
        'bridges=[{name: a, address: "b:1", protocol: 3.1.1, tls: {alpn: [x, y]}, topics: [{filter: "+/#", localPrefix: ""}]}]',
        'mqttSn.sessionExpirySeconds=60',
      ],
    };
    const outcome = loadWith(parts);
    const printed = outcome.kind === 'loaded' ? printYaml(outcome.written) : '';
    expect(configWith({ yaml: printed })).toEqual(configWith(parts));
    expect(printed).toContain('\n  receiveMax: 7\n');
    expect(printed).toContain('\n  #inflightMax: 1024\n');
    expect(printed).toContain('\n    - permission: allow\n');
    expect(printed).toContain('\n      topic: "#"\n');
  });
});

describe('environment names', () => {
  test.each(KEYS)('%s: the name leads back to the key', (_, path) => {
    const name = environmentName(path);
    expect(name).toMatch(/^POSTERN(_+[A-Z0-9]+)+$/);
    expect(follow(SCHEMA, environmentSteps(name, SCHEMA) ?? [], upperSnake)).toMatchObject({ kind: 'found', path });
  });

  test('no two keys share one', () => {
    const names = KEYS.map(([, path]) => environmentName(path));
    expect(new Set(names).size).toBe(names.length);
  });

  test.each([
    ['mqtt.tcp.bind', 'POSTERN_MQTT__TCP__BIND'],
    ['mqttSn.qosMinusOne', 'POSTERN_MQTT_SN__QOS_MINUS_ONE'],
    ['qos2.quarantineSeconds', 'POSTERN_QOS2__QUARANTINE_SECONDS'],
    ['bridges[0].passwordFile', 'POSTERN_BRIDGES__0__PASSWORD_FILE'],
  ])('%s is %s', (text, name) => {
    expect(KEYS.flatMap(([key, path]) => (key === text ? [environmentName(path)] : []))).toEqual([name]);
  });
});
