import type { Command } from 'commander';
import { wholeNumber } from './flags.ts';

/** The flags of commands that print a page of a list. */
export interface PageFlags {
  readonly limit: number;
  readonly pivot: string;
}

/** Adds `--limit` and `--pivot`. @param key what the list is ordered by. */
export function withPageFlags(command: Command, key: string): Command {
  return command
    .option('--limit <n>', 'how many at most', wholeNumber, 100)
    .option('--pivot <key>', `start with this ${key}, or the next greater one`, '');
}
