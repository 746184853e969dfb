import { address, setParams } from '../address/address.ts';
import type { Sort } from './table.tsx';

/** How the address sorts the table of the screen: `?sort=waiting` or `?sort=-waiting`, the minus for downwards. */
export function sortParam(fallback: Sort): Sort {
  const { sort } = address.value.params;
  if (sort === undefined) return fallback;
  return sort.startsWith('-') ? { by: sort.slice(1), direction: 'down' } : { by: sort, direction: 'up' };
}

/** Sorts the table of the screen by the address, from its first page. */
export function setSort({ by, direction }: Sort): void {
  setParams({ sort: direction === 'down' ? `-${by}` : by, cursor: undefined });
}
