import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { consoleFolder } from '@querator/console';
import { describe, expect, test } from 'vitest';

/** The whole page, compressed. */
const MAX_BYTES = 150_000;

const files = readdirSync(consoleFolder, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map(({ parentPath, name }) => join(parentPath, name));
const html = readFileSync(join(consoleFolder, 'index.html'), 'utf8');

describe('the built page', () => {
  test(`has at most ${MAX_BYTES} bytes, compressed`, () => {
    const sizes = files.map((file) => gzipSync(readFileSync(file)).length);
    expect(sizes.reduce((a, b) => a + b)).toBeLessThan(MAX_BYTES);
  });

  test('names its files by relative addresses only', () => {
    const addresses = [...html.matchAll(/\b(?:src|href)="([^"]+)"/g)].map(([, address]) => address);
    expect(addresses.length).toBeGreaterThan(2);
    expect(addresses.filter((address) => !address?.startsWith('./'))).toEqual([]);
  });

  test('has neither scripts, nor styles, nor handlers in its HTML', () => {
    expect(html).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon[a-z]+=/);
  });

  test('has the licenses of the code of others in it', () => {
    const licenses = readFileSync(join(consoleFolder, 'licenses.md'), 'utf8');
    for (const name of ['preact', '@preact/signals', 'uplot']) expect(licenses).toContain(`## ${name} -`);
  });

  test('loads nothing from elsewhere', () => {
    const styles = files.filter((file) => file.endsWith('.css')).map((file) => readFileSync(file, 'utf8'));
    expect(styles.join('')).not.toMatch(/@import|url\(/);
  });
});
