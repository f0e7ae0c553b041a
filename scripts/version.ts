// Version gate: one version of the project and one of its Node, told the same everywhere they are written.
import { readFileSync } from 'node:fs';

interface Manifest {
  readonly version: string;
  readonly optionalDependencies: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
}

const manifest: Manifest = JSON.parse(readFileSync('package.json', 'utf8'));
const lock: { version: string; packages: Record<string, { version?: string }> } = JSON.parse(readFileSync('package-lock.json', 'utf8'));
const released = /^## (\S+)/m.exec(readFileSync('CHANGELOG.md', 'utf8'))?.[1] ?? 'none';
const findings: string[] = [];
const demand = (isMet: boolean, finding: string): void => void (isMet || findings.push(finding));

const { version, optionalDependencies, dependencies } = manifest;
demand(/^\d+\.\d+\.\d+$/.test(version), `version-not-semver: package.json says ${version}`);
demand(lock.version === version && lock.packages['']?.version === version, `version-in-lock: package-lock.json says ${lock.version}, package.json ${version}`);
demand(released === version, `version-in-changelog: the first heading of CHANGELOG.md is ${released}, package.json says ${version}`);
const nodes = Object.entries(optionalDependencies).filter(([name]) => name.startsWith('node-linux-'));
demand(nodes.length > 0 && new Set(nodes.map(([, node]) => node)).size === 1, `node-pins-differ: ${nodes.map((pin) => pin.join(' ')).join(', ')}`);
for (const [name, wanted] of [...Object.entries(dependencies), ...nodes]) demand(/^\d+\.\d+\.\d+$/.test(wanted), `dependency-not-pinned: ${name} ${wanted}`);

for (const finding of findings) process.stdout.write(`${finding}\n`);
process.stdout.write(`version: ${version}, Node ${nodes[0]?.[1] ?? 'not pinned'}\n`);
process.exitCode = findings.length > 0 ? 1 : 0;
