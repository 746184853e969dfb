export type { Mutant } from './list/mutant.ts';
export { parseMutants } from './list/parse-mutants.ts';
export { SourceTree } from './sources/source-tree.ts';
