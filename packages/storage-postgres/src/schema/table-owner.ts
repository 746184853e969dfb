import { type Instant, instantFromMicroseconds, type PartitionKey } from '@querator/core';

/** The owner of a table's items, as its comment says. */
export interface TableOwner {
  readonly queue: string;
  readonly partition: number;
  /** When the queue was created. A later queue of the same name is another queue. */
  readonly created: Instant | undefined;
}

/** The comment on a partition's table, for operators and for our own checks. */
export function ownerToComment({ queue, partition, created }: TableOwner): string {
  const fields = { queue, partition, ...(created === undefined ? {} : { created: created.toString() }) };
  // Escape everything beyond ASCII, which every database can hold.
  const json = JSON.stringify(fields).replaceAll(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `querator ${json}`;
}

/** The statement that records a table's owner. @param table as SQL. */
export function commentOn(table: string, owner: TableOwner): string {
  return `COMMENT ON TABLE ${table} IS '${ownerToComment(owner).replaceAll("'", "''")}'`;
}

/** The owner in a comment. Undefined if it is not one of ours. */
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

/** How a table relates to the queue that wants to use it. */
export type Claim =
  /** It belongs to this queue. */
  | 'own'
  /** It is from a version that did not record owners. */
  | 'unnamed'
  /** It belongs to an earlier queue of that name, which is gone. */
  | 'left-over'
  /** It belongs to a later queue of that name, so this one is gone. */
  | 'superseded'
  /** It belongs to another queue, whose name has the same hash. */
  | 'foreign';

/** Compares the recorded owner with the queue that wants to use the table. */
export function claimOn(found: TableOwner | undefined, wanted: TableOwner): Claim {
  if (found === undefined) return 'unnamed';
  if (found.queue !== wanted.queue || found.partition !== wanted.partition) return 'foreign';
  if (wanted.created === undefined) return 'own';
  if (found.created === undefined) return 'unnamed';
  if (found.created === wanted.created) return 'own';
  return found.created < wanted.created ? 'left-over' : 'superseded';
}

/** The owner for a partition's key. */
export function ownerOf(key: PartitionKey, created: Instant | undefined): TableOwner {
  return { queue: key.queue, partition: key.partition, created };
}
