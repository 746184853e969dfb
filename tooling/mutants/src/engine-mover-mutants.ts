import { type Mutant, mutant } from './mutant.ts';

const BURIAL = 'dead-letters/dead-letter-mover.ts';

/**
 * What the simulation does not notice, or comes upon too seldom: it shows only
 * where a process sleeps for longer than a claim in the midst of a move and
 * storage gives no answer besides, or costs no more than time. The engine's
 * tests have to notice.
 */
export const ENGINE_MOVER_MUTANTS: readonly Mutant[] = [
  mutant(
    'an item that another has marked is delivered',
    BURIAL,
    'result.markedBefore.filter((id) => this.#perhapsMarked.has(id))',
    'result.markedBefore',
  ),
  mutant(
    'an item that is gone is delivered',
    BURIAL,
    'const own = [...result.marked, ...result.markedBefore.filter((id) => this.#perhapsMarked.has(id))];',
    'const own = [...ids];',
  ),
  mutant(
    'a mark of its own that gave no answer is taken for that of another',
    BURIAL,
    'for (const id of ids) this.#perhapsMarked.add(id);',
    '',
  ),
  mutant(
    'letters of items that another has marked are not looked after',
    BURIAL,
    'this.#watch(others.filter((id) => isThere.has(id)));',
    '',
  ),
  mutant(
    'letters of items that are gone are not withdrawn',
    BURIAL,
    '    this.#watch(\n      others.filter((id) => !isThere.has(id)),\n      0,\n    );\n',
    '',
  ),
  mutant(
    'letters whose items are still there are withdrawn',
    BURIAL,
    'late.filter((id) => !isThere.has(id))',
    'late.filter((id) => !isThere.has(id) || true)',
  ),
  mutant(
    'letters whose items are still there are looked after once',
    BURIAL,
    'for (const id of stillThere) this.#late.set(id, nowMs + DOUBT_MS);',
    'for (const id of stillThere) this.#late.delete(id);',
  ),
  mutant(
    'letters that may still come are withdrawn too early',
    BURIAL,
    'filter(([, fromMs]) => fromMs <= nowMs)',
    'filter(([, fromMs]) => fromMs <= Infinity)',
  ),
  mutant(
    'a withdrawal that failed is not repeated',
    BURIAL,
    'for (const id of ids) this.#late.delete(id);\n    return error;',
    'for (const id of gone) this.#late.delete(id);\n    return error;',
  ),
  mutant(
    'nothing reminds of letters that are to be withdrawn',
    BURIAL,
    'return this.#late.size > 0 ? Math.max(this.#nextTryMs, ...this.#late.values()) - nowMs : undefined;',
    'return undefined;',
  ),
  mutant(
    'claims are made use of after their end',
    BURIAL,
    'if (nowMs > this.#heldUntilMs) {',
    'if (nowMs > this.#heldUntilMs + 1e9) {',
  ),
  mutant(
    'a claim begins when its answer is read',
    BURIAL,
    'this.#heldUntilMs = askedAtMs + HOLD_MS;',
    'this.#heldUntilMs = nowMs + HOLD_MS + 0 * askedAtMs;',
  ),
  mutant(
    'what is to be moved stays when the queue has no dead-letter queue any more',
    BURIAL,
    "if (deadQueue === '') return this.#delete();",
    "if (deadQueue === '') return;\n    void this.#delete;",
  ),
  mutant(
    'settings are looked at once more after the end',
    'manager/settings-watch.ts',
    'if (this.#stopped) return Promise.resolve();',
    '',
  ),
  mutant(
    'a process that slept sweeps by the settings it knew',
    'sweep/sweeper.ts',
    'if (current !== undefined) return this.#putOff(current);',
    'void current, this.#putOff;',
  ),
];
