// The configuration in effect: file, then environment, then command line, each over the one before; checked as a whole.
import { isUtf8 } from 'node:buffer';
import { readFileSync, statSync } from 'node:fs';
import { type Config, complete, type Machine } from './config.ts';
import { type FilePolicy, fileFindings } from './files.ts';
import { assignedOverlays, environmentOverlays, type Overlay, type Overlays, overlaid } from './overlays.ts';
import { formatPath, isPrefix, type Path } from './paths.ts';
import { type Finding, readSettings } from './read.ts';
import { cautions, contradictions } from './rules.ts';
import { type Position, YamlSource } from './yaml-source.ts';

export interface LoadRequest {
  /** `--config`; without it there is no file. */
  readonly file: string | undefined;
  /** `--data` */
  readonly dataDirectory: string | undefined;
  /** `--set`, `key=value` each. */
  readonly assignments: readonly string[];
  readonly machine: Machine;
  readonly files: FilePolicy;
}

/** One line for a person. `where` is `postern.yaml:7:12`, `--set mqtt.receiveMax`, or the name of an environment variable. */
export interface Problem {
  readonly where: string;
  readonly message: string;
}

export type LoadOutcome =
  | {
      readonly kind: 'loaded';
      readonly config: Config;
      readonly warnings: readonly Problem[];
      /** What file, environment and command line say together, as written. */
      readonly written: unknown;
    }
  /** Every problem at once: those of the file in its order, then those of the environment and of the command line. */
  | { readonly kind: 'invalid'; readonly problems: readonly Problem[] };

const FILE_BYTES_MAX = 1_048_576;

export function load(request: LoadRequest): LoadOutcome {
  const text = request.file === undefined ? '' : readText(request.file);
  if (typeof text !== 'string') return { kind: 'invalid', problems: [text] };
  const source = new YamlSource(text);
  const given = together(environmentOverlays(request.machine.environment), assignedOverlays(request.assignments));
  const { written, overlays, problems } = overlaid(source.written, given);
  const places = new Places(request.file ?? '', source, overlays);
  const outside = problems.map(({ origin, message }) => ({ where: origin, message }));
  if (!source.isReadable) return { kind: 'invalid', problems: [...places.syntax(), ...outside] };

  const read = readSettings(written);
  const findings =
    read.kind === 'settings' ? [...contradictions(read.settings), ...fileFindings(read.settings, request.files, request.machine)] : read.findings;
  const all = [...places.syntax(), ...places.locate(findings), ...outside];
  if (read.kind === 'invalid' || all.length > 0) return { kind: 'invalid', problems: all };
  return { kind: 'loaded', config: complete(read.settings, request.machine, request.dataDirectory), warnings: places.locate(cautions(read.settings)), written };
}

function together(...parts: readonly Overlays[]): Overlays {
  return { overlays: parts.flatMap(({ overlays }) => overlays), problems: parts.flatMap(({ problems }) => problems) };
}

function readText(file: string): string | Problem {
  try {
    const size = statSync(file).size;
    if (size > FILE_BYTES_MAX) return { where: file, message: `has ${size} bytes, more than a configuration may have (${FILE_BYTES_MAX})` };
    const bytes = readFileSync(file);
    return isUtf8(bytes) ? bytes.toString('utf8') : { where: file, message: 'is not UTF-8 text' };
  } catch (error) {
    return { where: file, message: `cannot be read: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** Knows where each finding comes from. */
class Places {
  readonly #file: string;
  readonly #source: YamlSource;
  readonly #overlays: readonly Overlay[];

  constructor(file: string, source: YamlSource, overlays: readonly Overlay[]) {
    this.#file = file;
    this.#source = source;
    this.#overlays = overlays;
  }

  syntax(): Problem[] {
    return this.#source.problems.map((problem) => ({ where: this.#inFile(problem), message: problem.message }));
  }

  /** In the order of the file, then those that come from outside of it. */
  locate(findings: readonly Finding[]): Problem[] {
    const located = findings.map(({ path, role, message }) => {
      const hint = this.#source.isHidden(path) ? '; text that begins with "#" needs quotes' : '';
      return { ...this.#place(path, role), message: `${formatPath(path)} ${message}${hint}`.trimStart() };
    });
    return located.sort((a, b) => a.line - b.line || a.column - b.column).map(({ where, message }) => ({ where, message }));
  }

  #place(path: Path, role: 'key' | 'value'): Position & { readonly where: string } {
    const inFile = this.#source.locate(path, role);
    const overlay =
      this.#overlays.findLast((each) => isPrefix(each.path, path)) ?? this.#overlays.findLast((each) => sharedSteps(each.path, path) > inFile.depth);
    if (overlay !== undefined) return { where: overlay.origin, line: Number.MAX_SAFE_INTEGER, column: 0 };
    return { where: this.#inFile(inFile), line: inFile.line, column: inFile.column };
  }

  #inFile({ line, column }: Position): string {
    return `${this.#file}:${line}:${column}`;
  }
}

function sharedSteps(a: Path, b: Path): number {
  const end = a.findIndex((step, index) => step !== b[index]);
  return end === -1 ? a.length : end;
}
