import { describe, expect, test } from 'vitest';
import { fileProblems } from '../../../src/runtime/named-files.ts';
import { TLS_FILES, writtenFile } from '../../support/tls-files.ts';
import { configWith } from '../config/config-file.ts';

const { server, client, authority } = TLS_FILES;

describe('postern check: the files a bridge names are read as a start reads them', () => {
  const cut = writtenFile('cut.pem', '-----BEGIN CERTIFICATE-----\nAAAA\n');
  test.each<[tls: string, problem: RegExp | undefined]>([
    [`caFile: ${authority}, certFile: ${client.certFile}, keyFile: ${client.keyFile}`, undefined],
    [`caFile: ${cut}`, /^tls\.caFile of bridge centre \(.*cut\.pem\), line 1: BEGIN CERTIFICATE without its END$/],
    [`caFile: ${server.keyFile}`, /^tls\.caFile of bridge centre \(.*server\.key\) holds no certificate in PEM form, but PRIVATE KEY$/],
    [
      `certFile: ${client.certFile}, keyFile: ${server.keyFile}`,
      /^tls\.keyFile of bridge centre \(.*server\.key\) does not belong to the certificate in .*client\.pem$/,
    ],
  ])('%s', async (tls, problem) => {
    const config = configWith({ yaml: `bridges: [{name: centre, address: "centre.example:8883", tls: {enabled: true, ${tls}}}]` });
    expect(await fileProblems(config)).toEqual(problem === undefined ? [] : [expect.stringMatching(problem)]);
  });

  test('not where TLS is switched off', async () => {
    const yaml = `bridges: [{name: centre, address: "centre.example:8883", tls: {enabled: false, caFile: ${cut}}}]`;
    expect(await fileProblems(configWith({ yaml }))).toEqual([]);
  });
});
