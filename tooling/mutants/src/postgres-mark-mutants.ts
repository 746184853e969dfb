// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the sources that are mutated hold template strings.

import { type Mutant, mutant } from './mutant.ts';

const MARK = 'low-water-mark.ts';
const LOOK = 'operations/low-water-look.ts';
const BOUNDS = 'settled-bounds.ts';

/**
 * What the contract suite does not notice: it shows only after thousands of
 * items, beside a producer that is slow, or heals within seconds. The tests of
 * the low-water mark have to notice.
 */
export const POSTGRES_MARK_MUTANTS: readonly Mutant[] = [
  mutant(
    'the mark does not wait for those who write',
    BOUNDS,
    'new Set([...writing].filter((writer) => before.has(writer) || writer === PREPARED))',
    'new Set()',
  ),
  mutant(
    'a prepared transaction is no writer',
    LOOK,
    "mode = 'RowExclusiveLock')",
    "mode = 'RowExclusiveLock' AND pid IS NOT NULL)",
  ),
  mutant('a writer that is prepared meanwhile has ended', BOUNDS, ' || writer === PREPARED', ''),
  mutant(
    'a prepared transaction is known by its name',
    LOOK,
    "CASE WHEN pid IS NULL THEN '${PREPARED}' ELSE virtualtransaction END",
    'virtualtransaction',
  ),
  mutant(
    'the mark passes what waits',
    MARK,
    'first !== undefined && first < settled ? first : settled',
    'settled',
  ),
  mutant('the mark stays at the head', MARK, 'if (settled !== undefined) {', "if (settled === '') {"),
  mutant('an undone lease does not lower the mark', MARK, 'for (const id of ids) this.#lowerTo(id);', ''),
  mutant(
    'a lease that fails leaves the mark',
    MARK,
    "if (!isStatementTimeout(error)) this.#lowerTo('');",
    '',
  ),
  mutant(
    'a lease that runs into its time limit forgets the mark',
    MARK,
    "if (!isStatementTimeout(error)) this.#lowerTo('');",
    "this.#lowerTo('');",
  ),
  mutant(
    'and the next one starts where it did',
    MARK,
    'if (!(await this.#isShort())) await this.#find();',
    '',
  ),
  mutant('what waits below a far mark is not leased', MARK, 'if (found.length > 0) return found;', ''),
  mutant(
    'and what is produced is leased before it',
    MARK,
    'if (this.#below !== undefined) return await store(undefined);',
    '',
  ),
  mutant('a walk ends at its first step', 'head-walk.ts', 'next += size;', 'return undefined;'),
  mutant(
    'nobody writes a mark down',
    'mark-notes.ts',
    'await inTurn(async () => saved?.save(table, mark));',
    '',
  ),
  mutant('nothing looks from the head again', MARK, ' || this.#isHeadDue(start)', ''),
  mutant(
    'a produce that finds something below the mark does not say so',
    MARK,
    'this.#headWanted = true;',
    '',
  ),
];
