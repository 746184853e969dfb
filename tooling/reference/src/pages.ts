import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FOLDER = new URL('../../../docs/reference/', import.meta.url);

/** The names of the reference pages. */
export function pageNames(): readonly string[] {
  return readdirSync(fileURLToPath(FOLDER))
    .filter((name) => name.endsWith('.md'))
    .sort();
}

/** The text of a reference page. */
export function readPage(name: string): string {
  return readFileSync(new URL(name, FOLDER), 'utf8');
}

/** Writes a reference page. */
export function writePage(name: string, text: string): void {
  writeFileSync(new URL(name, FOLDER), text);
}
