import {
  type Death,
  type ImportedDetails,
  type Instant,
  type ItemDetails,
  type ItemId,
  instantFromMicroseconds,
  type LetterSource,
  type Metadata,
  type TakenTarget,
} from '@querator/core';

/** The task that has taken an item. */
export interface Taken {
  readonly task: string;
  readonly target: TakenTarget;
  readonly isMarked: boolean;
}

/** What is kept with an item besides its content. Most items have nothing of it. */
export interface Kept {
  /** Undefined: the present id is the first one. */
  readonly firstId?: ItemId | undefined;
  readonly metadata?: Metadata | undefined;
  readonly error?: string | undefined;
  readonly source?: LetterSource | undefined;
  /** Of a dead item. */
  readonly death?: Death | undefined;
  /** When a lease under the present id was first extended with a bound. */
  readonly heldSince?: Instant | undefined;
  /** When a prepared or taken item becomes available. Undefined: it was not scheduled. */
  readonly dueAt?: Instant | undefined;
  readonly taken?: Taken | undefined;
}

const NO_METADATA: Metadata = new Map();

/** What a new item brings. */
export function keptOf(metadata: Metadata | undefined): Kept | undefined {
  return metadata === undefined ? undefined : { metadata };
}

/** What an imported item or a letter brings. */
export function keptFrom(details: ImportedDetails | undefined): Kept | undefined {
  if (details === undefined) return undefined;
  const { firstId, metadata, error, source } = details;
  return { firstId, metadata, error, source };
}

/** The details for callers. */
export function detailsOf(id: ItemId, { firstId = id, metadata, error, source }: Kept): ItemDetails {
  return { firstId, metadata: metadata ?? NO_METADATA, error, source };
}

/** What is kept with an item that gets another id. */
export function keptUnderNewId(id: ItemId, kept: Kept): Kept {
  return { ...kept, firstId: kept.firstId ?? id, heldSince: undefined, dueAt: undefined };
}

/** JSON cannot represent instants or maps. */
interface KeptJson extends Omit<Kept, 'metadata' | 'source' | 'death' | 'heldSince' | 'dueAt'> {
  readonly metadata?: readonly (readonly [string, string])[] | undefined;
  readonly source?: SourceJson | undefined;
  readonly death?: DeathJson | undefined;
  readonly heldSince?: string | undefined;
  readonly dueAt?: string | undefined;
}

type DeathJson = Omit<Death, 'at'> & { readonly at: string };

interface SourceJson extends Omit<LetterSource, 'queueCreatedAt' | 'producedAt' | 'death'> {
  readonly queueCreatedAt?: string | undefined;
  readonly producedAt: string;
  readonly death?: DeathJson | undefined;
}

/** As it is stored. Null: there is nothing to keep. */
export function writeKept(kept: Kept): string | null {
  const { firstId, metadata, error, source, death, heldSince, dueAt, taken } = kept;
  const json: KeptJson = {
    ...{ firstId, error, taken },
    metadata: metadata === undefined || metadata.size === 0 ? undefined : [...metadata],
    source: source && {
      ...source,
      queueCreatedAt: source.queueCreatedAt?.toString(),
      producedAt: source.producedAt.toString(),
      death: source.death && writeDeath(source.death),
    },
    death: death && writeDeath(death),
    heldSince: heldSince?.toString(),
    dueAt: dueAt?.toString(),
  };
  const text = JSON.stringify(json);
  return text === '{}' ? null : text;
}

/** What was stored. */
export function readKept(text: string | null): Kept {
  if (text === null) return {};
  const { metadata, source, death, heldSince, dueAt, ...rest } = JSON.parse(text) as KeptJson;
  return {
    ...rest,
    metadata: metadata && new Map(metadata),
    source: source && {
      ...source,
      queueCreatedAt: instantOf(source.queueCreatedAt),
      producedAt: instantFromMicroseconds(BigInt(source.producedAt)),
      death: source.death && readDeath(source.death),
    },
    death: death && readDeath(death),
    heldSince: instantOf(heldSince),
    dueAt: instantOf(dueAt),
  };
}

function writeDeath({ at, reason }: Death): DeathJson {
  return { at: at.toString(), reason };
}

function readDeath({ at, reason }: DeathJson): Death {
  return { at: instantFromMicroseconds(BigInt(at)), reason };
}

function instantOf(text: string | undefined): Instant | undefined {
  return text === undefined ? undefined : instantFromMicroseconds(BigInt(text));
}
