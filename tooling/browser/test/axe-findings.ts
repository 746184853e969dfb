import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe finds on a page, as it is now: a line for each rule, with the elements. @param options of axe. */
export async function axeFindings(page: Page, options: object = {}): Promise<readonly string[]> {
  const isLoaded = await page.evaluate('typeof axe !== "undefined"');
  // Added as text by the debugger, which the page's policy does not concern.
  if (!isLoaded) await page.evaluate(axe);
  const all = JSON.stringify({ resultTypes: ['violations'], ...options });
  return (await page.evaluate(`axe.run(document, ${all}).then(
    ({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html).join(' | ')))`)) as string[];
}
