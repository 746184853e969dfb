import type { Death, ImportedDetails, ItemDetails, ItemId, LetterSource, Metadata } from '@querator/core';

/** What is kept with an entry besides its content. */
export interface KeptDetails {
  /** Undefined: the present id is the first one. */
  readonly firstId?: ItemId;
  readonly metadata?: Metadata;
  readonly error?: string;
  readonly source?: LetterSource;
  /** Of a moving entry. */
  readonly death?: Death;
}

interface KeepsDetails {
  readonly id: ItemId;
  readonly kept?: KeptDetails | undefined;
}

const NO_METADATA: Metadata = new Map();

/** What a new item brings. Undefined: nothing. */
export function keptOf(metadata: Metadata | undefined): KeptDetails | undefined {
  return metadata === undefined ? undefined : { metadata: new Map(metadata) };
}

/** What an imported item or a letter brings. Undefined: nothing. */
export function keptFrom(details: ImportedDetails | undefined): KeptDetails | undefined {
  if (details === undefined) return undefined;
  const { firstId, metadata, error, source } = details;
  return {
    ...(firstId !== undefined && { firstId }),
    ...(metadata.size > 0 && { metadata: new Map(metadata) }),
    ...(error !== undefined && { error }),
    ...(source !== undefined && { source }),
  };
}

/** The details for callers. */
export function detailsOf({ id, kept = {} }: KeepsDetails): ItemDetails {
  const { firstId = id, metadata = NO_METADATA, error, source } = kept;
  return { firstId, metadata, error, source };
}

/** What is kept with an item that gets another id. */
export function keptUnderNewId({ id, kept }: KeepsDetails): KeptDetails {
  return kept?.firstId === undefined ? { ...kept, firstId: id } : kept;
}
