import { type Mutant, mutant } from './mutant.ts';

const BURIAL = 'dead-letters/dead-letter-mover.ts';
const DEAD_LETTER = 'dead-letters/dead-letter.ts';
const LETTERS = 'dead-letters/prepared-letters.ts';

/** The way of dead items into their dead-letter queue, broken one step at a time. */
export const ENGINE_LETTER_MUTANTS: readonly Mutant[] = [
  mutant(
    'a dead letter forgets where it came from',
    DEAD_LETTER,
    'sourceId: id,',
    'sourceId: undefined as never,',
  ),
  mutant(
    'a letter may go to any partition',
    DEAD_LETTER,
    'let hash = 0;',
    'const sent = globalThis as { sent?: number };\n  sent.sent = (sent.sent ?? 0) + 1;\n  let hash = sent.sent;',
  ),
  mutant(
    'a move to the dead-letter queue that failed is taken for done',
    LETTERS,
    'return { ids: [], error, inDoubt: isUnknown ? ids : [] };',
    'return { ids, inDoubt: isUnknown ? [] : [] };',
  ),
  mutant('delivered letters wake nobody', LETTERS, 'this.#hooks.stored(lane, { waiting });', 'void waiting;'),
  mutant(
    'letters are held for no time',
    LETTERS,
    'return milliseconds(Math.min(this.#deps.limits.letterHoldMs, toMilliseconds(expireTimeout) / 2));',
    'return milliseconds(0 * toMilliseconds(expireTimeout));',
  ),
  mutant(
    'letters are held until they expire',
    LETTERS,
    'Math.min(this.#deps.limits.letterHoldMs, toMilliseconds(expireTimeout) / 2)',
    'Math.max(this.#deps.limits.letterHoldMs, toMilliseconds(expireTimeout))',
  ),
  mutant(
    'moved items stay where they died',
    BURIAL,
    'this.#done = [...this.#done, ...ids];\n    this.#deps.observer.items(this.#where.queue',
    'this.#deps.observer.items(this.#where.queue',
  ),
  mutant(
    'items whose letters could not be delivered are removed',
    BURIAL,
    'this.#done = [...this.#done, ...ids];\n    this.#deps.observer.items(this.#where.queue',
    'this.#done = [...this.#done, ...marked];\n    this.#deps.observer.items(this.#where.queue',
  ),
  mutant(
    'letters are delivered before their items are marked',
    BURIAL,
    'if (ids.length > 0) await this.#mark(ids);',
    'if (ids.length > 0) await settled(this.#letterBoxes.deliver(deadQueue, ids));\n    if (ids.length > 0) await this.#mark(ids);',
  ),
  mutant(
    'items are removed before their letters are delivered',
    BURIAL,
    'if (marked.length === 0) return undefined;',
    'if (marked.length === 0) return undefined;\n    await this.#lane.store.remove(marked).catch(() => {});',
  ),
  mutant(
    'items are not marked',
    BURIAL,
    'result = await this.#lane.store.markMoved(ids);',
    'result = { marked: ids, markedBefore: [] };',
  ),
  mutant(
    'what others have marked is not gone on with',
    BURIAL,
    'this.#marked = moved;',
    'this.#marked = [];',
  ),
  mutant(
    'a letter that was stored in doubt is forgotten',
    BURIAL,
    'for (const id of inDoubt) this.#inDoubt.set(id, this.#nowMs() + DOUBT_MS);',
    'void inDoubt;',
  ),
  mutant(
    'nobody looks for letters in doubt when their items have gone',
    BURIAL,
    'this.#watch(ids.filter((id) => this.#inDoubt.has(id)));',
    '',
  ),
  mutant(
    'a move that failed is not tried again before its claim has run out',
    'sweep/sweeper.ts',
    'await this.#burial.goOn();',
    '',
  ),
];
