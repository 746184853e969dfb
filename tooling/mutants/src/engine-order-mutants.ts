import { type Mutant, mutant } from './mutant.ts';

const LEASE = 'loops/lease-loop.ts';

/** Items that are passed over, though each answer alone is in order. */
export const ENGINE_ORDER_MUTANTS: readonly Mutant[] = [
  {
    name: 'a partition is asked for more while items are being put back there',
    edits: [
      { file: LEASE, find: 'if (leftOver.length > 0) this.#close(lane);', replace: '' },
      { file: LEASE, find: 'if (leftOver.length > 0) this.#reopen(lane);', replace: '' },
    ],
  },
  {
    name: 'a partition is asked for more while a statement is slow there',
    edits: [
      { file: LEASE, find: 'fetch.slow = true;\n      this.#close(lane);', replace: 'fetch.slow = true;' },
      { file: LEASE, find: 'if (fetch.slow) this.#reopen(lane);', replace: '' },
      {
        file: 'loops/statements-in-flight.ts',
        find: 'if (millisecondsBetween(slot.since, now) >= slot.slowAfterMs) return true;',
        replace: 'if (millisecondsBetween(slot.since, now) >= 1e9) return true;',
      },
    ],
  },
  mutant(
    'of what a statement brought the last items are handed out, and the first are put back',
    'loops/lease-requests.ts',
    'let dealt = deal(items, takers);',
    `const wanted = takers.reduce((sum, { limit }) => sum + limit, 0);
    if (wanted > 0 && wanted < items.length) items = [...items.slice(-wanted), ...items.slice(0, -wanted)];
    let dealt = deal(items, takers);`,
  ),
  mutant(
    'several items are held back for a moment, and a single one is handed out',
    LEASE,
    'const items = await take();',
    `const items = await take();
    if (items.length > 1) await new Promise<void>((resolve) => this.#deps.clock.startTimer(3, resolve));`,
  ),
];
