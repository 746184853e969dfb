import { MEMORY_LETTER_MUTANTS } from './memory-letter-mutants.ts';
import { type Mutant, mutant } from './mutant.ts';

const STORE = 'memory-partition-store.ts';
const TABLE = 'item-table.ts';
const SWEEP = 'sweep-table.ts';

/** Rules of the queue, broken one by one in the driver for memory. */
export const MEMORY_MUTANTS: readonly Mutant[] = [
  mutant(
    'the life of a scheduled item begins before its time',
    'memory-partition-store.ts',
    'expireDeadlineFrom(enqueueAt ?? now',
    'expireDeadlineFrom(now',
  ),
  mutant(
    'a page ignores its size',
    STORE,
    '      if (page.length >= 2 && maxBytes !== undefined && bytes >= maxBytes) break;\n',
    '',
  ),
  mutant('a page may end with its first item', STORE, 'page.length >= 2 &&', 'page.length >= 1 &&'),
  mutant(
    'requeue keeps the old id, and the old place',
    STORE,
    "      id: this.#ids.next(),\n      state: 'waiting',",
    "      state: 'waiting',",
  ),
  mutant(
    'requeue loses the source id',
    STORE,
    '      ...entry,\n',
    '      ...entry,\n      sourceId: undefined,\n',
  ),
  mutant(
    'requeue starts the attempts anew',
    STORE,
    '      ...entry,\n',
    '      ...entry,\n      attempts: 0,\n',
  ),
  mutant(
    'lease takes the newest first',
    TABLE,
    'const next = this.#inOrder[this.#cursor];\n    if (released',
    "const next = this.#inOrder.findLast((entry) => entry.state === 'waiting');\n    if (released",
  ),
  mutant(
    'a released item waits behind all others',
    TABLE,
    'released.id < next.id ?',
    'released.id > next.id ?',
  ),
  mutant(
    'lease does not count the attempt',
    STORE,
    '      entry.attempts = Math.min(entry.attempts, ATTEMPTS_MAX - 1) + 1;\n',
    '',
  ),
  mutant(
    'release does not give the attempt back',
    STORE,
    '      entry.attempts = Math.max(entry.attempts - 1, 0);\n',
    '',
  ),
  mutant(
    'complete takes items nobody holds',
    'find-leased.ts',
    "if (entry?.state === 'waiting') return { ok: false, error: itemNotLeased(id, action) };",
    "if (entry?.state === 'waiting') {\n      entries.push(entry);\n      continue;\n    }",
  ),
  mutant(
    'complete takes condemned items',
    'find-leased.ts',
    "if (entry?.state !== 'leased')",
    "if (entry === undefined || (entry.state !== 'leased' && entry.state !== 'condemned'))",
  ),
  mutant(
    'complete removes the good ones of a bad request',
    STORE,
    'if (!found.ok) return found;\n      for (const entry of found.value) table.remove(entry);',
    "for (const id of ids) {\n        const entry = table.get(id);\n        if (entry?.state === 'leased') table.remove(entry);\n      }\n      if (!found.ok) return found;",
  ),
  mutant(
    'a schedule exactly at the threshold is for now',
    'entry-state.ts',
    'at >= addDuration(now, SCHEDULE_THRESHOLD)',
    'at > addDuration(now, SCHEDULE_THRESHOLD)',
  ),
  mutant(
    'retry ignores the attempts',
    STORE,
    'dead || (rules.maxAttempts !== 0 && entry.attempts >= rules.maxAttempts)',
    'dead',
  ),
  mutant(
    'a lease that runs out ignores the attempts',
    SWEEP,
    '(maxAttempts !== 0 && entry.attempts >= maxAttempts) || ',
    '',
  ),
  mutant(
    'a lease that runs out allows one attempt too many',
    SWEEP,
    'entry.attempts >= maxAttempts',
    'entry.attempts > maxAttempts',
  ),
  mutant('what is due is done a moment early', TABLE, 'alarm.at >= now', 'alarm.at > now'),
  mutant(
    'items due at the same time enter in reverse',
    'deadlines.ts',
    'a.entry.id < b.entry.id',
    'a.entry.id > b.entry.id',
  ),
  mutant(
    'an item past its time dies under a valid lease',
    TABLE,
    "    this.#deadlines[state].set(entry, due);\n    if (state === 'waiting')",
    "    this.#deadlines[state].set(entry, due < entry.expireDeadline ? due : entry.expireDeadline);\n    if (state === 'waiting')",
  ),
  mutant('a claim on dead items does not last', SWEEP, "'condemned', claimedUntil", "'condemned', now"),
  mutant(
    'remove takes items that are not condemned',
    STORE,
    'if (entry !== undefined && isCondemned(entry)) table.remove(entry);',
    'if (entry !== undefined) table.remove(entry);',
  ),
  mutant(
    'import stores a source id twice',
    STORE,
    '      if (item.sourceId !== undefined && table.bySource(item.sourceId) !== undefined) return undefined;\n',
    '',
  ),
  mutant(
    'a source id is never free again',
    TABLE,
    '    if (entry.sourceId !== undefined) this.#bySource.delete(entry.sourceId);\n',
    '',
  ),
  mutant('a page starts after the pivot', TABLE, '.id < pivot) low', '.id <= pivot) low'),
  mutant(
    'clear takes leased items too',
    STORE,
    '{ ...request, ...alike,',
    '{ ...request, leased: true, ...alike,',
  ),
  mutant('drop leaves the items', 'memory-backend.ts', '        this.#tables.delete(key);\n', ''),
  mutant(
    'concurrent updates of a queue lose one',
    'memory-queue-store.ts',
    '    if (stored === undefined) return undefined;\n',
    '    if (stored === undefined) return undefined;\n    await Promise.resolve();\n',
  ),
  mutant(
    'a deletion is not noted',
    'memory-queue-store.ts',
    'this.#deleted.add(noteOf(name, stored.createdAt));',
    '',
  ),
  ...MEMORY_LETTER_MUTANTS,
];
