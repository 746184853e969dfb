import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/**
 * Known faults of the reference server in Go that concern queues, items, storage
 * or the API. Each has a test here that it does not occur in this server. Other
 * tests cover access control (G31, G42 to G46) and the daemon (G32).
 */
const GAPS =
  `G1 G1b G2 G3 G4 G5 G6 G7 G8 G9 G10 G11 G12 G13 G14 G15 G15b G16 G17 G18 G18b G18c G19 G20 G21 G22 G23
  G24 G25 G26 G27 G28 G29 G30 G33 G34 G35 G36 G37 G38 G39 G40 G41 G47`.split(/\s+/);

const titles = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith('.test.ts'))
  .flatMap((name) => readFileSync(join(import.meta.dirname, name), 'utf8').split('\n'))
  .join('\n');

test.each(GAPS)('the gap %s has a test with its number in the title', (gap) => {
  // The title of a test may be on the line after its call.
  expect(titles).toMatch(new RegExp(`\\(\\s*['\`]${gap}: `));
});
