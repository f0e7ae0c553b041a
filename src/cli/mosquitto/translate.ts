// A mosquitto.conf as the files of a gateway that does the same, and what is to be said of lines that have no equivalent.
import { join } from 'node:path';
import { stringify } from 'yaml';
import { accessOf } from './access.ts';
import { bridgesOf } from './bridges.ts';
import type { ConfLine } from './conf-file.ts';
import { LEAST_SERIOUS_FIRST, LOG_LEVELS, PACKET_SIZE } from './global-options.ts';
import { listenersOf, remark } from './listeners.ts';
import { type OutputFile, outputFiles, type Pieces, type Places } from './output-files.ts';
import { Draft, oneOf, type Remark } from './rows.ts';
import { type Conf, scopesOf } from './scopes.ts';

export interface Translation {
  /** The other files; their places are in the configuration, so it is made for a directory. */
  readonly files: readonly OutputFile[];
  /** In the order of the lines. */
  readonly remarks: readonly Remark[];
  /** @param directory - where the files will lie, absolute. */
  yaml(directory: string): string;
}

/**
 * @param source - how the configuration calls the file it was made of.
 * @throws ConfError - Mosquitto would not start with it either. @throws GatewayError CONFIG_INVALID - a file cannot be read.
 */
export function translate(lines: readonly ConfLine[], { hostname, source }: { readonly hostname: string; readonly source: string }): Translation {
  const conf = scopesOf(lines);
  const { listeners, remarks } = listenersOf(conf.listeners);
  const isLocalOnly = conf.listeners.every(({ begin, draft }) => begin === undefined && draft.last('port', 'bind_address') === undefined);
  const pieces = { conf, listeners, bridges: bridgesOf(conf.bridges, hostname), access: accessOf(conf, listeners, isLocalOnly) };
  const { files, places } = outputFiles(pieces);
  const whole = wholeOf(conf);
  const all = [conf, pieces.access, ...listeners, ...pieces.bridges].flatMap((piece) => piece.remarks);
  return {
    files,
    remarks: [...all, ...remarks, ...whole.remarks].sort(byPlace),
    yaml: (directory) =>
      `# Made by postern import mosquitto of ${source}.\n${stringify(
        treeOf(pieces, whole.draft, (owner) => placed(places, owner, directory)),
        { lineWidth: 0 },
      )}`,
  };
}

function byPlace(a: Remark, b: Remark): number {
  return a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1;
}

/** What several options of the whole broker say together. */
function wholeOf({ whole }: Conf): { readonly draft: Draft; readonly remarks: readonly Remark[] } {
  const remarks: Remark[] = [];
  const levels = whole.all('log_type').map((line) => oneOf(LOG_LEVELS)(line.value, line));
  const level = LEAST_SERIOUS_FIRST.find((each) => levels.includes(each));
  if (level !== undefined) whole.put('log.level', level);
  const size = whole.last('max_packet_size', 'message_size_limit');
  const verdict = size === undefined ? undefined : PACKET_SIZE[size.option]?.(size, whole);
  if (size !== undefined && verdict !== undefined) remarks.push(remark(size, verdict.kind, verdict.reason));
  const payload = whole.last('message_size_limit');
  if (payload !== undefined && payload !== size) remarks.push(remark(payload, 'differs', 'the limit is that on whole packets, of max_packet_size'));
  return { draft: whole, remarks };
}

function placed(places: Places, owner: object, directory: string): readonly (readonly [key: string, path: string])[] {
  return Object.entries(places.get(owner) ?? {}).map(([key, name]) => [key, join(directory, name)]);
}

type PathsOf = (owner: object) => readonly (readonly [key: string, path: string])[];

function treeOf(pieces: Pieces, whole: Draft, pathsOf: PathsOf): object {
  const { listeners, bridges, access } = pieces;
  const withPaths = (owner: object, item: object): object => {
    const draft = new Draft();
    Object.assign(draft.tree, structuredClone(item));
    for (const [key, path] of pathsOf(owner)) draft.put(key, path);
    return draft.tree;
  };
  const { mqtt, ...rest } = structuredClone(whole.tree);
  return {
    mqtt: { tcp: { enabled: false }, listeners: listeners.map((listener) => withPaths(listener, listener.item)), ...Object(mqtt) },
    mqttSn: { udp: { enabled: false } },
    access: withPaths(access, {
      anonymous: access.anonymous,
      ...(access.anonymous === 'always' ? { allowAnonymousBeyondLoopback: true } : {}),
      systemTopics: 'all',
    }),
    ...(bridges.length === 0 ? {} : { bridges: bridges.map((bridge) => withPaths(bridge, bridge.item)) }),
    ...rest,
  };
}
