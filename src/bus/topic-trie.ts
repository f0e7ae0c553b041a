import { hasWildcard, type TopicFilter, type TopicName } from '../model/topic.ts';

interface Node<V> {
  /** What leads here from the node above. */
  readonly level: string;
  /** One of the nodes below by their literal levels: most nodes have no other, and a map costs as much as four nodes. */
  child: Node<V> | undefined;
  /** The others; made when the second one comes. */
  children: Map<string, Node<V>> | undefined;
  /** The level `+`. */
  anyLevel: Node<V> | undefined;
  /** Of the filter that ends here. */
  value: V | undefined;
  /** Of the filter that goes on with `#`: it selects this level as well as all below it (MQTT 5 §4.7.1.2). */
  valueBelow: V | undefined;
}

function emptyNode<V>(level: string): Node<V> {
  return { level, child: undefined, children: undefined, anyLevel: undefined, value: undefined, valueBelow: undefined };
}

/**
 * A map whose keys are topic filters and that finds every filter selecting a topic. Recursion is as deep as a filter has levels, which
 * `topicFilter` bounds by TOPIC_LEVELS_MAX.
 */
export class TopicTrie<V extends object> {
  /** Filters without wildcards select the topic of their own text: one look-up, however many there are. */
  readonly #literal = new Map<string, V>();
  readonly #root: Node<V> = emptyNode('');
  #wildcardCount = 0;

  get size(): number {
    return this.#literal.size + this.#wildcardCount;
  }

  get(filter: TopicFilter): V | undefined {
    if (!hasWildcard(filter)) return this.#literal.get(filter);
    const { levels, isOpen } = split(filter);
    let node: Node<V> | undefined = this.#root;
    for (const level of levels) {
      node = level === '+' ? node.anyLevel : literalChild(node, level);
      if (node === undefined) return undefined;
    }
    return isOpen ? node.valueBelow : node.value;
  }

  /** The filter's value, which `make` gives when there is none. */
  getOrMake(filter: TopicFilter, make: () => V): V {
    if (!hasWildcard(filter)) return this.#literalOrMade(filter, make);
    const { levels, isOpen } = split(filter);
    let node = this.#root;
    for (const level of levels) node = childOf(node, level);
    const known = isOpen ? node.valueBelow : node.value;
    if (known !== undefined) return known;
    const made = make();
    this.#wildcardCount += 1;
    if (isOpen) node.valueBelow = made;
    else node.value = made;
    return made;
  }

  #literalOrMade(filter: TopicFilter, make: () => V): V {
    const known = this.#literal.get(filter);
    if (known !== undefined) return known;
    const made = make();
    this.#literal.set(filter, made);
    return made;
  }

  /** The filter must be in the map. */
  delete(filter: TopicFilter): void {
    if (!hasWildcard(filter)) {
      this.#literal.delete(filter);
      return;
    }
    const { levels, isOpen } = split(filter);
    prune(this.#root, levels, 0, isOpen);
    this.#wildcardCount -= 1;
  }

  /** Appends to `found` the value of every filter that selects `topic`, each once. */
  collect(topic: TopicName, found: V[]): void {
    const literal = this.#literal.get(topic);
    if (literal !== undefined) found.push(literal);
    if (this.#wildcardCount === 0) return;
    const levels = topic.split('/');
    if (!topic.startsWith('$')) {
      collectFrom(this.#root, levels, 0, found);
      return;
    }
    const root = literalChild(this.#root, levels[0] ?? ''); // MQTT-4.7.2-1: a leading wildcard does not select it
    if (root !== undefined) collectFrom(root, levels, 1, found);
  }
}

function split(filter: TopicFilter): { levels: string[]; isOpen: boolean } {
  const levels = filter.split('/');
  const isOpen = levels.at(-1) === '#';
  if (isOpen) levels.pop();
  return { levels, isOpen };
}

function literalChild<V>({ child, children }: Node<V>, level: string): Node<V> | undefined {
  return child?.level === level ? child : children?.get(level);
}

function childOf<V>(node: Node<V>, level: string): Node<V> {
  if (level === '+') {
    node.anyLevel ??= emptyNode(level);
    return node.anyLevel;
  }
  const known = literalChild(node, level);
  if (known !== undefined) return known;
  const child = emptyNode<V>(level);
  if (node.child === undefined) node.child = child;
  else {
    node.children ??= new Map();
    node.children.set(level, child);
  }
  return child;
}

function collectFrom<V>(node: Node<V>, levels: readonly string[], depth: number, found: V[]): void {
  if (node.valueBelow !== undefined) found.push(node.valueBelow);
  const level = levels[depth];
  if (level === undefined) {
    if (node.value !== undefined) found.push(node.value);
    return;
  }
  const child = literalChild(node, level);
  if (child !== undefined) collectFrom(child, levels, depth + 1, found);
  if (node.anyLevel !== undefined) collectFrom(node.anyLevel, levels, depth + 1, found);
}

/** Takes the filter out below `node`. @returns whether `node` now holds nothing. */
function prune<V>(node: Node<V>, levels: readonly string[], depth: number, isOpen: boolean): boolean {
  const level = levels[depth];
  if (level === undefined) {
    if (isOpen) node.valueBelow = undefined;
    else node.value = undefined;
  } else if (level === '+') {
    if (node.anyLevel !== undefined && prune(node.anyLevel, levels, depth + 1, isOpen)) node.anyLevel = undefined;
  } else {
    const child = literalChild(node, level);
    if (child !== undefined && prune(child, levels, depth + 1, isOpen)) removeChild(node, child);
  }
  return isEmpty(node);
}

function removeChild<V>(node: Node<V>, child: Node<V>): void {
  if (node.child === child) node.child = undefined;
  else node.children?.delete(child.level);
}

function isEmpty<V>({ child, children, anyLevel, value, valueBelow }: Node<V>): boolean {
  return child === undefined && !children?.size && anyLevel === undefined && value === undefined && valueBelow === undefined;
}
