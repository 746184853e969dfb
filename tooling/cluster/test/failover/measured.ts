import process from 'node:process';

/** Prints what was measured; `src/main.ts` shows such lines of a run that it otherwise keeps to itself. */
export function measured(what: string): void {
  process.stdout.write(`measured: ${what}\n`);
}
