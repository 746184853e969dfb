import type { FoundTable } from './found-table.ts';
import { columnsOf, type FoundShape, shapeFault, type WantedShape } from './items-table-check.ts';
import { claimOn, ownerFromComment, type TableOwner } from './table-owner.ts';
import { keysTable } from './tables/keys.ts';

const SHAPE: WantedShape = {
  columns: columnsOf(keysTable('', 0)),
  bytewise: ['key', 'keys'],
  unique: ['key'],
};

/** Why a table cannot hold dedup keys. Undefined if it can. */
export function keysShapeFault(shape: FoundShape): string | undefined {
  return shapeFault(shape, SHAPE);
}

/** Whether a table has the dedup keys of a queue, or of an earlier one of that name. */
export function areKeysOf(owner: TableOwner, { comment, shape }: FoundTable): boolean {
  const claim = claimOn(ownerFromComment(comment), owner);
  return claim !== 'superseded' && claim !== 'foreign' && keysShapeFault(shape) === undefined;
}
