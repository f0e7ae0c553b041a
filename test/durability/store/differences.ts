/** Where two plain values differ, as paths in words. */
export function differences(expected: unknown, found: unknown, path = 'the store'): string[] {
  if (Object.is(expected, found)) return [];
  if (!isBranch(expected) || !isBranch(found)) return [`${path} is ${brief(found)} instead of ${brief(expected)}`];
  const left = named(expected);
  const right = named(found);
  const all: string[] = [];
  for (const [name, value] of left) {
    const at = `${path} / ${name}`;
    if (right.has(name)) all.push(...differences(value, right.get(name), at));
    else all.push(`${at} is missing (loss)`);
  }
  for (const name of right.keys()) if (!left.has(name)) all.push(`${path} / ${name} is there again (duplicate)`);
  return all;
}

function isBranch(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Lists of entries are compared by their first value: a sequence, an id, a name. */
function named(value: object): Map<string, unknown> {
  if (!Array.isArray(value)) return new Map(Object.entries(value));
  const isKeyed = value.every((each) => Array.isArray(each) && each.length > 1);
  return new Map(value.map((each, index) => [isKeyed ? String(each[0]) : String(index), isKeyed ? each.slice(1) : each]));
}

function brief(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 80);
}
