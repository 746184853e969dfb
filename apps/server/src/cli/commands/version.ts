import type { Command } from 'commander';
import { VERSION } from '../../version.ts';
import type { Cli } from '../cli.ts';

/** `querator version` */
export function addVersion(program: Command, cli: Cli): void {
  program
    .command('version')
    .description('print the version')
    .action(() => cli.output.data(`querator ${VERSION}\n`));
}
