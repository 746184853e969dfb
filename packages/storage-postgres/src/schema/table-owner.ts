import { type Instant, instantFromMicroseconds, type PartitionKey } from '@querator/core';

/** Whose items a table holds, as its comment says. */
export interface TableOwner {
  readonly queue: string;
  readonly partition: number;
  /** When that queue was created: another queue of the same name is not the same queue. */
  readonly created: Instant | undefined;
}

/** The comment on a partition's table: for operators to read, and for us to tell whose it is. */
export function ownerToComment({ queue, partition, created }: TableOwner): string {
  const fields = { queue, partition, ...(created === undefined ? {} : { created: created.toString() }) };
  // In JSON every character has a name in ASCII, which every database can hold.
  const json = JSON.stringify(fields).replaceAll(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `querator ${json}`;
}

/** The statement that says whose a table is. @param table as SQL. */
export function commentOn(table: string, owner: TableOwner): string {
  return `COMMENT ON TABLE ${table} IS '${ownerToComment(owner).replaceAll("'", "''")}'`;
}

/** What a comment says; nothing where it is not one of ours. */
export function ownerFromComment(comment: string | null): TableOwner | undefined {
  const json = /^querator (\{.*\})$/s.exec(comment ?? '')?.[1];
  if (json === undefined) return undefined;
  try {
    const { queue, partition, created } = JSON.parse(json) as Record<string, unknown>;
    if (typeof queue !== 'string' || typeof partition !== 'number') return undefined;
    const isNumber = typeof created === 'string' && /^-?\d{1,19}$/.test(created);
    return { queue, partition, created: isNumber ? instantFromMicroseconds(BigInt(created)) : undefined };
  } catch {
    return undefined;
  }
}

/** What a table is to the queue that wants to use it. */
export type Claim =
  /** Its own. */
  | 'own'
  /** From before tables said whose they are. */
  | 'unnamed'
  /** Of an earlier queue of that name, which is gone: what is in it is nobody's. */
  | 'left-over'
  /** Of a later queue of that name: this one is gone. */
  | 'superseded'
  /** Of another queue, whose name has the same hash. */
  | 'foreign';

/** Compares what a table's comment says with who wants to use it. */
export function claimOn(found: TableOwner | undefined, wanted: TableOwner): Claim {
  if (found === undefined) return 'unnamed';
  if (found.queue !== wanted.queue || found.partition !== wanted.partition) return 'foreign';
  if (wanted.created === undefined) return 'own';
  if (found.created === undefined) return 'unnamed';
  if (found.created === wanted.created) return 'own';
  return found.created < wanted.created ? 'left-over' : 'superseded';
}

/** The owner that a key stands for. */
export function ownerOf(key: PartitionKey, created: Instant | undefined): TableOwner {
  return { queue: key.queue, partition: key.partition, created };
}
