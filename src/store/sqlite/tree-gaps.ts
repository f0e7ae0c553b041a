import type { GroupRange } from './lost-groups.ts';
import { TREE, treePage, varintAt } from './page-format.ts';
import { contentsOfPage } from './page-rows.ts';
import type { PageView } from './page-view.ts';

const DEPTH_MAX = 20;

/**
 * Where a tree is not whole, as ranges of the row ids that lay there; of an index the ranges say nothing but that there is one.
 *
 * @param range - what the page may hold, both ends included.
 */
export function* gapsBelow(view: PageView, number: number, range: GroupRange, depth = 0): Generator<GroupRange> {
  const page = depth > DEPTH_MAX ? undefined : view.page(number);
  const parts = page && treePage(page, number);
  const contents = parts?.isSound === true ? contentsOfPage(view, number) : undefined;
  if (page === undefined || parts === undefined || contents === undefined || contents.unreadable > contents.lostGroups.length) {
    yield range;
    return;
  }
  if (parts.children.length === 0) return;
  let { first } = range;
  for (const [index, child] of parts.children.entries()) {
    const cell = parts.cells[index];
    const last = cell === undefined || parts.type !== TREE.tableInterior ? range.last : (varintAt(page, cell + 4)?.value ?? range.last);
    yield* gapsBelow(view, child, { first, last }, depth + 1);
    if (parts.type === TREE.tableInterior) first = last + 1;
  }
}
