import { useMemo } from 'preact/hooks';
import { address } from '../../address/address.ts';
import type { ItemsFilter } from '../../api/item.ts';
import { conditionsOf, filterOf } from './item-filter.ts';

/** The filter of the address, or what is wrong with it, as in a link that was made by hand. */
export type AddressFilter =
  | { readonly filter: ItemsFilter; readonly fault?: undefined }
  | { readonly fault: string };

/** Reads the conditions of the address. */
export function useFilter(): AddressFilter {
  const given = JSON.stringify(conditionsOf(address.value.params));
  return useMemo(() => {
    try {
      return { filter: filterOf(JSON.parse(given)) };
    } catch (thrown) {
      return { fault: thrown instanceof Error ? thrown.message : String(thrown) };
    }
  }, [given]);
}
