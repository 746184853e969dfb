/**
 * Writes the generated tables into the pages of docs/reference.
 *
 *   npm run reference
 */
import process from 'node:process';
import { fillBlocks } from './blocks.ts';
import { pageNames, readPage, writePage } from './pages.ts';

for (const name of pageNames()) {
  const text = readPage(name);
  const filled = fillBlocks(text);
  if (filled === text) continue;
  writePage(name, filled);
  process.stdout.write(`docs/reference/${name} updated\n`);
}
