import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Mutant, parseMutants, SourceTree } from '@querator/tooling-mutants';
import { type MemoryFault, memoryFault } from '../run/memory-faults.ts';

/** The storage that a variant runs on. Each has its list: `STORAGE.mutants`. */
export const STORAGES = ['memory', 'postgres'] as const;
export type VariantStorage = (typeof STORAGES)[number];

/** The engine or a driver with one rule of the queue broken. */
export interface Variant extends Mutant {
  readonly storage: VariantStorage;
  /** A run of one of that many seeds has to catch it. */
  readonly seeds: number;
  /** The first of these seeds. They decide what a run has, such as a dead-letter queue. */
  readonly firstSeed: number;
  /** The distance of two of these seeds. */
  readonly seedStep: number;
  /** On memory: only this fault shows it, so every second one of a run is of this kind. */
  readonly shownBy?: MemoryFault | undefined;
  /** Only a failover to the standby shows it. */
  readonly onFailover: boolean;
  /** Only a server that is killed shows it. */
  readonly onKill: boolean;
}

const SEEDS = 3;
const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export function variantsOf(storage: VariantStorage): readonly Variant[] {
  return parseMutants(readFileSync(at(`${storage}.mutants`), 'utf8')).map((mutant) => {
    const fault = mutant.options.get('fault');
    return {
      ...{ ...mutant, storage },
      seeds: Number(mutant.options.get('seeds') ?? SEEDS),
      firstSeed: Number(mutant.options.get('from') ?? 1),
      seedStep: Number(mutant.options.get('every') ?? 1),
      shownBy: storage === 'memory' && fault !== undefined ? memoryFault(fault) : undefined,
      onFailover: fault === 'failover',
      onKill: fault === 'kill',
    };
  });
}

/** The name that the load hook and the command line know the variant by. */
export function nameOf({ storage, name }: Variant): string {
  return `${storage}: ${name}`;
}

/** The sources that the variants of a storage change. */
export function sourcesOf(storage: VariantStorage): SourceTree {
  const server = storage === 'postgres' ? ['apps/server'] : [];
  const folders = [`packages/storage-${storage}`, 'packages/engine', ...server];
  return SourceTree.ofPackages(folders.map((folder) => at(`../../../../${folder}`)));
}
