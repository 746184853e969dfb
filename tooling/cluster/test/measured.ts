import process from 'node:process';

/** Prints a measurement. `src/main.ts` shows these lines of a test run. */
export function measured(what: string): void {
  process.stdout.write(`measured: ${what}\n`);
}
