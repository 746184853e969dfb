import { mkdirSync, rmSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

/** The path of a file of the clone. */
export function inClone(path: string): string {
  return fileURLToPath(new URL(`../../../../${path}`, import.meta.url));
}

/** The path of a Python program that `npm run test:clients` has installed. */
export function pythonProgram(name: string): string {
  return `${process.env['QUERATOR_TEST_PYTHON'] ?? inClone('.tools/python-clients/bin')}/${name}`;
}

/** A folder for the files of one test. */
export function testFolder(name: string): string {
  const folder = inClone(`tooling/api-clients/test-results/${name}-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
