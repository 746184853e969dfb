import type { History, Operation } from '../history/history.ts';
import { DEFAULT_ALLOWANCES } from './allowances.ts';
import { checkHistory } from './check-history.ts';
import type { Violation } from './violation.ts';

/** Identifies a violation in a smaller history. */
function isSame(a: Violation, b: Violation): boolean {
  return (
    a.rule === b.rule && a.items.length === b.items.length && a.items.every((item) => b.items.includes(item))
  );
}

/**
 * Reduces a history while it shows the same violation: first items, then
 * operations and disturbances. What is removed cannot have excused the violation,
 * since it was found with everything in place.
 */
export function minimise(history: History, violation: Violation, allowances = DEFAULT_ALLOWANCES): History {
  const shows = (candidate: History) =>
    checkHistory(candidate, allowances).some((found) => isSame(found, violation));
  const items = [...new Set(history.operations.flatMap(itemsOf))];
  const kept = smallest(items, (some) => shows(onlyItems(history, new Set(some))));
  const fewer = onlyItems(history, new Set(kept));
  const operations = smallest(fewer.operations, (some) => shows({ ...fewer, operations: some }));
  const small = { ...fewer, operations };
  const disturbances = smallest(small.disturbances, (some) => shows({ ...small, disturbances: some }));
  return { ...small, disturbances };
}

function itemsOf(operation: Operation): readonly string[] {
  if (operation.call === 'produce') return operation.items;
  return operation.call === 'lease' ? operation.given.map(({ item }) => item) : [];
}

/** The part of the history about these items. */
function onlyItems(history: History, items: ReadonlySet<string>): History {
  const ids = new Set<string>();
  const operations: Operation[] = [];
  for (const operation of history.operations) {
    if (operation.call === 'produce') {
      const left = operation.items.filter((item) => items.has(item));
      if (left.length > 0) operations.push({ ...operation, items: left });
    } else if (operation.call === 'lease') {
      const given = operation.given.filter(({ item }) => items.has(item));
      for (const { id } of given) ids.add(id);
      if (given.length > 0 || operation.given.length === 0) operations.push({ ...operation, given });
    } else if (operation.call === 'list') {
      const letters = operation.letters.filter(({ item }) => items.has(item));
      if (letters.length > 0) operations.push({ ...operation, letters });
    } else {
      operations.push(operation);
    }
  }
  const settled = operations.flatMap((operation): readonly Operation[] => {
    if (!('ids' in operation)) return [operation];
    const left = operation.ids.filter((id) => ids.has(id));
    return left.length > 0 ? [{ ...operation, ids: left }] : [];
  });
  return { ...history, operations: settled };
}

/** Delta debugging: removes ever smaller parts of a list while the rest still passes. */
function smallest<T>(all: readonly T[], passes: (some: readonly T[]) => boolean): readonly T[] {
  if (passes([])) return [];
  let kept = all;
  let parts = 2;
  while (kept.length > 1) {
    const size = Math.ceil(kept.length / parts);
    const current = kept;
    const chunks = Array.from({ length: Math.ceil(current.length / size) }, (_, n) => n * size);
    const start = chunks.find((from) => passes([...current.slice(0, from), ...current.slice(from + size)]));
    if (start !== undefined) {
      kept = [...current.slice(0, start), ...current.slice(start + size)];
      parts = Math.max(parts - 1, 2);
    } else if (size === 1) {
      break;
    } else {
      parts = Math.min(parts * 2, kept.length);
    }
  }
  return kept;
}
