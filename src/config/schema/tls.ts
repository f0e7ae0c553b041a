// Keys that every listener with TLS, and every one behind a proxy, has.
import { CIPHERS_TEXT_BYTES_MAX, PROXIES_MAX, SERVER_NAMES_MAX } from '../../model/limits.ts';
import { key, list, optionalKey, requiredKey, section } from './nodes.ts';
import { addressRanges, choice, file, keyFile, secretFile, serverName, text, texts } from './values.ts';

export const serverTlsEntries = {
  certFile: optionalKey(file, 'Own certificate with its chain, PEM.', '/etc/postern/server.pem'),
  keyFile: optionalKey(keyFile, 'Private key of the certificate, PEM.', '/etc/postern/server.key'),
  sni: list(
    'Further certificates, for clients that ask for another server name.',
    SERVER_NAMES_MAX,
    section('One certificate.', {
      serverName: requiredKey(serverName, 'Name that clients ask for; *.example.org is every name one level below.', '*.example.org'),
      certFile: requiredKey(file, 'Certificate for it with its chain, PEM.', '/etc/postern/example.pem'),
      keyFile: requiredKey(keyFile, 'Private key of that certificate, PEM.', '/etc/postern/example.key'),
    }),
  ),
  clientCertificate: key(
    choice(['none', 'optional', 'required']),
    'Whether clients show a certificate; one that is shown and does not verify is refused.',
    'none',
  ),
  certificateIdentity: key(
    choice(['common-name', 'subject']),
    'What names a client that showed a certificate: its common name (valve-1), or its whole subject (C=DE,O=Acme,CN=valve-1).',
    'common-name',
  ),
  caFile: optionalKey(file, 'Authorities that may issue client certificates, PEM.', '/etc/postern/clients-ca.pem'),
  crlFile: optionalKey(
    file,
    'Revocation lists, PEM, one of every authority in a chain: who is on one is refused, and so is everybody once a list has expired.',
    '/etc/postern/clients.crl',
  ),
  pskFile: optionalKey(
    secretFile,
    'Pre-shared keys, a line identity:key for each with the key in hexadecimal; clients that have one need no certificate, and all speak TLS 1.2.',
    '/etc/postern/psk',
  ),
  pskHint: optionalKey(text(128), 'Text that tells clients which of their keys to use.', 'greenhouse'),
  alpn: key(texts(8, 255), 'Application protocols to agree on, in order of preference.', []),
  minVersion: key(choice(['1.2', '1.3']), 'Oldest version of TLS that is spoken.', '1.2'),
  ciphers: optionalKey(
    text(CIPHERS_TEXT_BYTES_MAX),
    'Cipher suites as OpenSSL names them, in order of preference; those of Node.js unless given, and with pskFile the ones for pre-shared keys before them.',
    'TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES128-GCM-SHA256',
  ),
};

export const proxyEntries = {
  proxyProtocol: key(
    choice(['off', 'v1', 'v2', 'both']),
    'Whether connections come through a proxy that says for whom it connects, and in which versions of the PROXY protocol.',
    'off',
  ),
  proxyTrusted: key(addressRanges(PROXIES_MAX), 'Addresses and ranges of these proxies; who connects from elsewhere is refused.', []),
};
