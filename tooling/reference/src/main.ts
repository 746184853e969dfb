/**
 * Writes the generated tables into the pages of docs/reference, and the OpenAPI document.
 *
 *   npm run reference
 */
import process from 'node:process';
import { fillBlocks } from './blocks.ts';
import { OPENAPI_FILES, readOpenApi, renderOpenApi, writeOpenApi } from './openapi/files.ts';
import { pageNames, readPage, writePage } from './pages.ts';

for (const name of pageNames()) {
  const text = readPage(name);
  const filled = fillBlocks(text);
  if (filled === text) continue;
  writePage(name, filled);
  process.stdout.write(`docs/reference/${name} updated\n`);
}

const rendered = renderOpenApi();
for (const name of OPENAPI_FILES) {
  if (readOpenApi(name) === rendered[name]) continue;
  writeOpenApi(name, rendered[name]);
  process.stdout.write(`packages/protocol/gen/${name} updated\n`);
}
