import { type Variant, variant } from './variant.ts';

const STORE = 'packages/storage-memory/src/memory-partition-store.ts';
const FIND_LEASED = 'packages/storage-memory/src/find-leased.ts';
const PRODUCE = 'packages/engine/src/loops/produce-loop.ts';
const COMMIT = 'packages/engine/src/loops/group-commit.ts';

/** Rules broken in the engine, and in the driver for memory: each is caught in a second or two. */
export const MEMORY_VARIANTS: readonly Variant[] = [
  variant(
    'two consumers get one item',
    STORE,
    "table.change(entry, 'leased', leaseDeadline);",
    "table.change(entry, 'leased', leaseDeadline);\n      if (Math.random() < 0.05) table.change(entry, 'waiting', entry.expireDeadline);",
  ),
  variant(
    'a lease ends before the deadline that was told',
    STORE,
    "table.change(entry, 'leased', leaseDeadline);",
    "table.change(entry, 'leased', (leaseDeadline - 60_000n) as never);",
  ),
  variant(
    'a lease that runs out keeps the id',
    STORE,
    "      id: this.#ids.next(),\n      state: 'waiting',",
    "      state: 'waiting',",
  ),
  variant(
    'a lease is not counted as an attempt',
    STORE,
    '      entry.attempts = Math.min(entry.attempts, ATTEMPTS_MAX - 1) + 1;\n',
    '      entry.attempts = Math.max(entry.attempts, 1);\n',
  ),
  variant(
    'items come out in the order of chance',
    STORE,
    'return leased;',
    'return leased.sort(() => Math.random() - 0.5);',
  ),
  variant(
    'the items of a produce are stored backwards',
    STORE,
    'for (const item of items) {\n        const enqueueAt',
    'for (const item of items.toReversed()) {\n        const enqueueAt',
  ),
  variant(
    'a complete that comes too late is accepted',
    FIND_LEASED,
    "if (entry?.state !== 'leased')",
    "if (entry === undefined) continue;\n    if (entry.state !== 'leased')",
  ),
  variant(
    'a refused complete takes the good ones',
    STORE,
    'if (!found.ok) return found;\n      for (const entry of found.value) table.remove(entry);',
    "for (const id of ids) {\n        const entry = table.get(id);\n        if (entry?.state === 'leased') table.remove(entry);\n      }\n      if (!found.ok) return found;",
  ),
  variant(
    'what is given back is lost',
    STORE,
    "'retried',\n      );\n      if (!found.ok) return found;",
    "'retried',\n      );\n      if (!found.ok) return found;\n      for (const entry of found.value) table.remove(entry);\n      if (items.length > 0) return { ok: true, value: { waiting: items.length, scheduled: 0, condemned: 0, deleted: 0 } };",
  ),
  variant(
    'what is scheduled is there at once',
    STORE,
    'const enqueueAt = laterThanThreshold(item.enqueueAt, now);',
    'const enqueueAt = laterThanThreshold(undefined, now);',
  ),
  variant(
    'a clear forgets some',
    STORE,
    'for (const entry of entries) table.remove(entry);',
    'for (const entry of entries.slice(entries.length / 2)) table.remove(entry);',
    6,
  ),
  variant(
    'a produce is acknowledged before it is stored',
    PRODUCE,
    '    for (const request of requests) request.sent = true;\n',
    '    for (const request of requests) request.sent = true;\n    for (const { waiter } of requests) waiter.resolve();\n',
    12,
  ),
  variant(
    'a produce with an unknown outcome is sent again',
    PRODUCE,
    "const certain = error instanceof StorageError && error.outcome === 'not-applied';",
    'const certain = error instanceof StorageError;',
    12,
  ),
  variant(
    'a complete that storage did not do is acknowledged',
    COMMIT,
    'for (const { reject } of entries) reject(answer);',
    'for (const { resolve } of entries) resolve({ waiting: 1, scheduled: 0, condemned: 0, deleted: 0 } as never);\n      void answer;',
    12,
  ),
];
