// The programs the tests talk to, compile with or check against, and the Debian packages that bring them.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/** Program, or absolute path of a file → Debian package. */
export const PEERS = {
  mosquitto: 'mosquitto',
  mosquitto_passwd: 'mosquitto',
  mosquitto_pub: 'mosquitto-clients',
  mosquitto_sub: 'mosquitto-clients',
  mosquitto_rr: 'mosquitto-clients',
  '/usr/bin/python3': 'python3',
  '/usr/lib/python3/dist-packages/paho/mqtt/client.py': 'python3-paho-mqtt',
  gcc: 'gcc',
  '/usr/include/stdio.h': 'libc6-dev',
  openssl: 'openssl',
  'systemd-analyze': 'systemd',
  stdbuf: 'coreutils',
} as const;

/** The same for the commands beside `npm test`, which say themselves what they miss. */
const PEERS_OF_LONG_RUNS = {
  'qemu-storage-daemon': 'qemu-system-common',
  mke2fs: 'e2fsprogs',
  e2fsck: 'e2fsprogs',
  mount: 'mount',
} as const;

const PACKAGES = { ...PEERS, ...PEERS_OF_LONG_RUNS };
export type Peer = keyof typeof PACKAGES;

/** @returns the absolute path of a peer; daemons are also looked for where only root's PATH leads. */
export function findPeer(peer: Peer, path = process.env['PATH'] ?? ''): string | undefined {
  if (peer.startsWith('/')) return existsSync(peer) ? peer : undefined;
  return [...path.split(':'), '/usr/sbin', '/sbin'].map((directory) => `${directory}/${peer}`).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** @returns the packages that bring what is missing of `peers`, each once. */
export function missingPackages(peers: readonly Peer[] = Object.keys(PEERS).filter(isPeer)): string[] {
  return [...new Set(peers.filter((peer) => findPeer(peer) === undefined).map((peer) => PACKAGES[peer]))];
}

function isPeer(name: string): name is keyof typeof PEERS {
  return name in PEERS;
}

/** What a person types to get `packages`. */
export function installCommand(packages: readonly string[]): string {
  return `sudo apt-get install --no-install-recommends ${packages.join(' ')}`;
}

/** Whether this process may install: it is root, on Debian. */
export function mayInstall(): boolean {
  return process.getuid?.() === 0 && isProgram('/usr/bin/apt-get');
}

/** Installs `packages` and leaves no service of theirs running or enabled; the tests start their own brokers on ports of their own. */
export function install(packages: readonly string[]): void {
  const allowServices = forbidServices();
  try {
    aptGet('update', '--quiet', '--quiet');
    aptGet('install', '--yes', '--quiet', '--quiet', '--no-install-recommends', ...packages);
  } finally {
    allowServices();
  }
  if (packages.includes(PEERS.mosquitto)) spawnSync('systemctl', ['disable', 'mosquitto.service'], { stdio: 'ignore' });
}

function aptGet(...args: string[]): void {
  const options = ['--option=DPkg::Lock::Timeout=120', '--option=Acquire::Retries=3', '--option=Dpkg::Use-Pty=0'];
  spawnSync('apt-get', [...options, ...args], { stdio: ['ignore', 2, 2], env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } });
}

const POLICY = '/usr/sbin/policy-rc.d';
const POLICY_ASIDE = `${POLICY}.before-postern-tests`;
const FORBID_ALL = '#!/bin/sh\n# Written by the tests of postern while they install packages: no package starts a service. Safe to delete.\nexit 101\n';

/** Debian asks policy-rc.d before a package starts its service; a policy that already forbids is left alone. */
function forbidServices(): () => void {
  if (existsSync(POLICY) && readFileSync(POLICY, 'utf8') !== FORBID_ALL) {
    if (spawnSync(POLICY, ['mosquitto', 'start']).status === 101) return () => undefined;
    renameSync(POLICY, POLICY_ASIDE);
  }
  writeFileSync(POLICY, FORBID_ALL, { mode: 0o755 });
  return () => {
    rmSync(POLICY);
    if (existsSync(POLICY_ASIDE)) renameSync(POLICY_ASIDE, POLICY);
  };
}
