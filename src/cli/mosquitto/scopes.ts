// The lines of a mosquitto.conf by what they belong to: the whole broker, a listener, a bridge.
import { BRIDGE_OPTIONS } from './bridge-options.ts';
import { ConfError, type ConfLine } from './conf-file.ts';
import { GLOBAL_OPTIONS } from './global-options.ts';
import { LISTENER_OPTIONS, SECURITY_OPTIONS } from './listener-options.ts';
import { Draft, flag, missing, type Remark, type Row, type Table } from './rows.ts';

/** A listener, with what its own lines say. */
export interface Scope {
  /** The line that begins it; undefined for the listener that `port` and lines before any listener are about. */
  readonly begin: ConfLine | undefined;
  readonly draft: Draft;
  readonly security: Draft;
}

/** A bridge, likewise. */
export interface BridgeScope {
  readonly begin: ConfLine;
  readonly draft: Draft;
}

export interface Conf {
  readonly whole: Draft;
  /** What holds for all listeners; each has its own when `isPerListener`. */
  readonly security: Draft;
  readonly isPerListener: boolean;
  /** In the order of the file, those that are opened. */
  readonly listeners: readonly Scope[];
  readonly bridges: readonly BridgeScope[];
  readonly remarks: readonly Remark[];
}

interface Begun {
  listener: Scope;
  bridge: BridgeScope | undefined;
}

/** Options that begin with one of these are for a plugin. */
const PLUGIN_OPTION = /^(?:auth|plugin)_opt_/;
const pluginOption = missing('it is for a plugin');
const unknown = missing('this is no option of Mosquitto that is known here');
const isDefaultListenerOption = (option: string): boolean => option === 'port' || option === 'bind_address';

/** @throws ConfError */
export function scopesOf(lines: readonly ConfLine[]): Conf {
  const isPerListener = lines.some((line) => line.option === 'per_listener_settings' && flag(line.value, line));
  const sorting = new Sorting(isPerListener);
  for (const line of lines) sorting.take(line);
  return sorting.sorted();
}

class Sorting {
  readonly #isPerListener: boolean;
  readonly #whole = new Draft();
  readonly #security = new Draft();
  readonly #default = scope(undefined);
  readonly #listeners: Scope[] = [];
  readonly #bridges: BridgeScope[] = [];
  readonly #remarks: Remark[] = [];
  /** What is begun, in each reading. */
  readonly #begun = new Map<number, Begun>();

  constructor(isPerListener: boolean) {
    this.#isPerListener = isPerListener;
  }

  take(line: ConfLine): void {
    const { option } = line;
    if (option === 'per_listener_settings') return;
    const begun = this.#begunIn(line);
    if (option === 'listener') begun.listener = this.#begin(line);
    else if (option === 'connection') begun.bridge = this.#beginBridge(line);
    else this.#apply(line, begun);
  }

  sorted(): Conf {
    const { begin, draft, security } = this.#default;
    const isMeant = !draft.isEmpty || (this.#isPerListener && !security.isEmpty) || this.#listeners.length === 0;
    return {
      whole: this.#whole,
      security: this.#security,
      isPerListener: this.#isPerListener,
      listeners: isMeant ? [{ begin, draft, security }, ...this.#listeners] : this.#listeners,
      bridges: this.#bridges,
      remarks: this.#remarks,
    };
  }

  /** A file that is included begins with the default listener and no bridge, and the one around it goes on with those it had. */
  #begunIn({ reading }: ConfLine): Begun {
    const begun = this.#begun.get(reading) ?? { listener: this.#default, bridge: undefined };
    this.#begun.set(reading, begun);
    return begun;
  }

  #begin(line: ConfLine): Scope {
    const begun = scope(line);
    this.#listeners.push(begun);
    return begun;
  }

  #beginBridge(line: ConfLine): BridgeScope {
    if (line.value === '') throw new ConfError(line, 'connection needs a name');
    if (this.#bridges.some(({ begin }) => begin.value === line.value)) throw new ConfError(line, 'there is a connection of this name already');
    const begun = { begin: line, draft: new Draft() };
    this.#bridges.push(begun);
    return begun;
  }

  #apply(line: ConfLine, begun: Begun): void {
    if (isDefaultListenerOption(line.option)) begun.listener = this.#default;
    const [row, draft] = this.#rowOf(line, begun);
    const verdict = row(line, draft);
    if (verdict !== undefined) this.#remarks.push({ ...verdict, file: line.file, line: line.line, what: line.option });
  }

  #rowOf(line: ConfLine, { listener, bridge }: Begun): readonly [Row, Draft] {
    const of = (table: Table): Row | undefined => (Object.hasOwn(table, line.option) ? table[line.option] : undefined);
    const ofListener = of(LISTENER_OPTIONS);
    if (ofListener !== undefined) return [ofListener, listener.draft];
    const ofSecurity = of(SECURITY_OPTIONS);
    if (ofSecurity !== undefined) return [ofSecurity, this.#isPerListener ? listener.security : this.#security];
    const ofBridge = of(BRIDGE_OPTIONS);
    if (ofBridge !== undefined) {
      if (bridge === undefined) throw new ConfError(line, `${line.option} belongs to a connection, and none is begun`);
      return [ofBridge, bridge.draft];
    }
    return [of(GLOBAL_OPTIONS) ?? (PLUGIN_OPTION.test(line.option) ? pluginOption : unknown), this.#whole];
  }
}

function scope(begin: ConfLine | undefined): Scope {
  return { begin, draft: new Draft(), security: new Draft() };
}
