import { type Mutant, mutant } from './mutant.ts';

const STORE = 'memory-partition-store.ts';
const SWEEP = 'sweep-table.ts';

/** The rules by which dead letters are moved, broken one by one in the driver for memory. */
export const MEMORY_LETTER_MUTANTS: readonly Mutant[] = [
  mutant(
    'markMoved marks items that are not condemned',
    STORE,
    "if (entry?.state !== 'condemned') continue;",
    'if (entry === undefined) continue;',
  ),
  mutant(
    'markMoved does not tell of those marked before',
    STORE,
    "if (entry?.state === 'moved') markedBefore.push(id);",
    '',
  ),
  mutant(
    'markMoved names an id twice',
    STORE,
    'for (const id of new Set(ids)) {\n      const entry = table.get(id);\n      if (entry?.state ===',
    'for (const id of ids) {\n      const entry = table.get(id);\n      if (entry?.state ===',
  ),
  mutant('markMoved leaves no mark', STORE, "'moved', entry.due", "'condemned', entry.due"),
  mutant('a mark ends the claim', STORE, "'moved', entry.due", "'moved', AT_ONCE"),
  mutant('a sweep reports marked items as dead', SWEEP, "entry.state === 'moved'", "entry.state === 'gone'"),
  mutant('a sweep undoes the mark', SWEEP, "'moved', claimedUntil", "'condemned', claimedUntil"),
  mutant('a claim on marked items does not last', SWEEP, "'moved', claimedUntil", "'moved', now"),
  mutant('marked items are not counted', SWEEP, 'reported.length + moved.length', 'reported.length'),
  mutant(
    'marked items have a limit of their own',
    SWEEP,
    'reported.length + moved.length',
    'reported.length, moved.length',
  ),
  mutant(
    'marked items outlive a queue without a dead-letter queue',
    SWEEP,
    "dead === 'delete'",
    "dead === 'delete' && entry.state !== 'moved'",
  ),
  mutant(
    'remove takes marked items only',
    STORE,
    'if (entry !== undefined && isCondemned(entry)) table.remove(entry);',
    "if (entry?.state === 'moved') table.remove(entry);",
  ),
  mutant(
    'remove leaves marked items',
    STORE,
    'if (entry !== undefined && isCondemned(entry)) table.remove(entry);',
    "if (entry?.state === 'condemned') table.remove(entry);",
  ),
  mutant(
    'complete takes marked items',
    'find-leased.ts',
    "if (entry?.state !== 'leased')",
    "if (entry === undefined || (entry.state !== 'leased' && entry.state !== 'moved'))",
  ),
  mutant('clear leaves marked items', STORE, 'moved: request.leased', 'moved: false'),
  mutant('stats leave marked items out', 'tally.ts', 'condemned + moved', 'condemned'),
  mutant(
    'marked items are listed as if nobody had them',
    'entry.ts',
    'isCondemned(entry),',
    "entry.state === 'condemned',",
  ),
  mutant(
    'letters are offered at once',
    STORE,
    '{ isLeased: true, leaseDeadline, attempts: 0,',
    '{ isLeased: false, leaseDeadline, attempts: 0,',
  ),
  mutant(
    'a hold counts as an attempt',
    STORE,
    '{ isLeased: true, leaseDeadline, attempts: 0,',
    '{ isLeased: true, leaseDeadline, attempts: 1,',
  ),
  mutant(
    'a hold does not end',
    STORE,
    'addDuration(this.#clock.now(), holdTimeout)',
    'addDuration(this.#clock.now(), expireTimeout)',
  ),
  mutant(
    'a letter brings more than its content',
    STORE,
    `letters.map(({ sourceId, encoding, kind, reference, payload }) => {
      return { sourceId, encoding, kind, reference, payload, ...held };
    });`,
    'letters.map((letter) => ({ ...letter, ...held }));',
  ),
  mutant(
    'letters are delivered in the order of the call',
    STORE,
    'this.#heldLetters(sourceIds).sort((a, b) => (a.id < b.id ? -1 : 1));',
    'this.#heldLetters(sourceIds);',
  ),
  mutant(
    'a letter is delivered at its old place',
    STORE,
    'for (const entry of held) this.#requeue(this.#table(), entry);',
    "for (const entry of held) this.#table().change(entry, 'waiting', entry.expireDeadline);",
  ),
  mutant(
    'a letter that is named twice is delivered twice',
    STORE,
    '[...new Set(sourceIds)]',
    '[...sourceIds]',
  ),
  mutant(
    'a letter is taken from its consumer',
    STORE,
    "filter(({ state }) => state === 'held')",
    "filter(({ state }) => state === 'held' || state === 'leased')",
  ),
  mutant(
    'a letter that waits is taken for held',
    STORE,
    "filter(({ state }) => state === 'held')",
    "filter(({ state }) => state === 'held' || state === 'waiting')",
  ),
  mutant(
    'letters are withdrawn whatever their state',
    STORE,
    "filter(({ state }) => state === 'held')",
    "filter(({ state }) => state !== 'gone')",
  ),
  mutant(
    'held letters are listed',
    'entry-state.ts',
    "state === 'scheduled' || state === 'held'",
    "state === 'scheduled'",
  ),
  mutant('a hold never ends', 'sweep-table.ts', " || entry.state === 'held'", ''),
  mutant('an import makes held letters', STORE, "expireTimeout, 'leased');", "expireTimeout, 'held');"),
  mutant('withdrawn letters stay', STORE, '    for (const entry of held) this.#table().remove(entry);\n', ''),
];
