import { describe, expect, test } from 'vitest';
import { linesOf, loadWith } from './config-file.ts';

function problems(yaml: string): string[] {
  return linesOf(loadWith({ yaml, files: 'ignored' }));
}

function tls(keys: string): string[] {
  return problems(`mqtt: {tls: {enabled: true, ${keys}}}`).map((line) => line.replace(/^postern\.yaml:1:\d+: /, ''));
}

describe('keys of TLS that need or exclude each other', () => {
  test.each<[string, string[]]>([
    ['certFile: a, keyFile: b', []],
    ['certFile: a', ['mqtt.tls.enabled needs mqtt.tls.keyFile']],
    ['pskFile: a', []],
    ['pskFile: a, pskHint: b', []],
    ['pskFile: a, minVersion: 1.3', ['mqtt.tls.minVersion must be 1.2 with pskFile: pre-shared keys are taken in TLS 1.2 only']],
    ['certFile: a, keyFile: b, pskHint: c', ['mqtt.tls.pskHint needs pskFile']],
    ['pskFile: a, clientCertificate: optional', ['mqtt.tls.clientCertificate needs certFile: only a server that shows a certificate can ask for one']],
    ['pskFile: a, sni: [{serverName: x.example, certFile: c, keyFile: d}]', ['mqtt.tls.sni needs certFile, for clients that ask for none of these names']],
    ['certFile: a, keyFile: b, clientCertificate: required, caFile: c, crlFile: d', []],
    ...['required', 'optional', 'required, crlFile: d'].map((keys): [string, string[]] => [
      `certFile: a, keyFile: b, clientCertificate: ${keys}`,
      ['mqtt.tls.clientCertificate needs caFile, who may issue them: else whoever has a certificate of a public authority is let in by it'],
    ]),
    ['certFile: a, keyFile: b, caFile: c, crlFile: d', ['mqtt.tls.crlFile needs clientCertificate: optional or required']],
    [
      'certFile: a, keyFile: b, sni: [{serverName: X.example, certFile: c, keyFile: d}, {serverName: x.example, certFile: c, keyFile: d}]',
      ['mqtt.tls.sni[1].serverName x.example is already taken by mqtt.tls.sni[0]'],
    ],
    [
      'certFile: a, keyFile: b, sni: [{serverName: "a.*.example", certFile: c, keyFile: d}]',
      ['mqtt.tls.sni[0].serverName must be a host name, perhaps with *. before it, not "a.*.example"'],
    ],
  ])('%s: %j', (keys, expected) => {
    expect(tls(keys)).toEqual(expected);
  });

  test('a listener of the list has them in a section of its own', () => {
    expect(problems('mqtt: {listeners: [{name: a, type: tls, bind: "127.0.0.1:1", tls: {pskFile: b, minVersion: 1.3}}]}')).toEqual([
      'postern.yaml:1:92: mqtt.listeners[0].tls.minVersion must be 1.2 with pskFile: pre-shared keys are taken in TLS 1.2 only',
    ]);
  });
});

describe('keys of a listener behind a proxy', () => {
  test.each<[string, string[]]>([
    ['proxyProtocol: v2, proxyTrusted: [127.0.0.1, "fd00::/8"]', []],
    ['proxyProtocol: v2', ['mqtt.tcp.proxyProtocol needs proxyTrusted, the addresses of the proxies: anybody else could claim any address']],
    ['proxyTrusted: [127.0.0.1]', ['mqtt.tcp.proxyTrusted needs proxyProtocol: v1, v2 or both']],
    [
      'proxyProtocol: both, proxyTrusted: [10.0.0.0/33]',
      ['mqtt.tcp.proxyTrusted must be a list of at most 256 IP addresses and ranges (10.0.0.0/8, fd00::/8), not ["10.0.0.0/33"]'],
    ],
  ])('%s: %j', (keys, expected) => {
    expect(problems(`mqtt: {tcp: {${keys}}}`).map((line) => line.replace(/^postern\.yaml:1:\d+: /, ''))).toEqual(expected);
  });

  test('a Unix socket needs no list: who may write to it is trusted', () => {
    expect(problems('mqtt: {listeners: [{name: a, type: unix, path: /s, proxyProtocol: v2}]}')).toEqual([]);
  });

  test('others reach it through the proxy, though it listens on this host only', () => {
    const [line] = problems('mqtt: {tcp: {proxyProtocol: v2, proxyTrusted: [127.0.0.1]}}\naccess: {anonymous: always}');
    expect(line).toMatch(/access\.anonymous is always, and other hosts can reach mqtt\.tcp\.bind \(127\.0\.0\.1:1883\)/);
  });
});
