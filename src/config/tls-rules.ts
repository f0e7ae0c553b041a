// Keys of a TLS listener, and of one behind a proxy, that need or exclude each other.
import { type MqttListenerSettings, type TlsListener, tlsPath } from './mqtt-listeners.ts';
import { formatPath, type Path } from './paths.ts';
import type { Finding } from './read.ts';

type ServerTlsSection = TlsListener['tls'];

/** What a listener says of its TLS and its proxies; whether it has certificate and key is asked elsewhere. */
export function connectionContradictions(listener: MqttListenerSettings): Finding[] {
  return [...('tls' in listener ? tlsContradictions(listener.tls, tlsPath(listener)) : []), ...proxyContradictions(listener)];
}

function tlsContradictions(tls: ServerTlsSection, path: Path): Finding[] {
  const { certFile, pskFile, pskHint, caFile, crlFile, clientCertificate, minVersion, sni } = tls;
  const findings: Finding[] = [];
  const find = (isWrong: boolean, name: keyof ServerTlsSection, message: string): void => {
    if (isWrong) findings.push({ path: [...path, name], role: 'value', message });
  };
  find(sni.length > 0 && certFile === undefined, 'sni', 'needs certFile, for clients that ask for none of these names');
  find(clientCertificate !== 'none' && certFile === undefined, 'clientCertificate', 'needs certFile: only a server that shows a certificate can ask for one');
  find(
    clientCertificate !== 'none' && certFile !== undefined && caFile === undefined,
    'clientCertificate',
    'needs caFile, who may issue them: else whoever has a certificate of a public authority is let in by it',
  );
  find(crlFile !== undefined && clientCertificate === 'none', 'crlFile', 'needs clientCertificate: optional or required');
  find(pskFile !== undefined && minVersion === '1.3', 'minVersion', 'must be 1.2 with pskFile: pre-shared keys are taken in TLS 1.2 only');
  find(pskHint !== undefined && pskFile === undefined, 'pskHint', 'needs pskFile');
  return [...findings, ...repeatedNames(sni, path)];
}

function proxyContradictions({ at, path: socket, proxy: { proxyProtocol, proxyTrusted } }: MqttListenerSettings): Finding[] {
  const find = (key: string, message: string): Finding[] => [{ path: [...at, key], role: 'value', message }];
  if (proxyProtocol === 'off') return proxyTrusted.length === 0 ? [] : find('proxyTrusted', 'needs proxyProtocol: v1, v2 or both');
  if (proxyTrusted.length > 0 || socket !== undefined) return []; // who may write to a Unix socket is trusted
  return find('proxyProtocol', 'needs proxyTrusted, the addresses of the proxies: anybody else could claim any address');
}

function repeatedNames(sni: ServerTlsSection['sni'], path: Path): Finding[] {
  return sni.flatMap(({ serverName }, index): Finding[] => {
    const first = sni.findIndex((other) => other.serverName === serverName);
    const message = `${serverName} is already taken by ${formatPath([...path, 'sni', first])}`;
    return first === index ? [] : [{ path: [...path, 'sni', index, 'serverName'], role: 'value', message }];
  });
}
