import { address, withParams } from '../../address/address.ts';
import type { Walking } from '../../api/use-walk.ts';

/**
 * Leads through the pages of a search. The address has the place where a page begins, and how much was
 * read before it.
 */
export function ItemsPager({ walk, before }: { readonly walk: Walking<unknown>; readonly before: number }) {
  const { cursor = '' } = address.value.params;
  const { state } = walk;
  if (cursor === '' && state !== 'enough') return null;
  return (
    <nav class="pager" aria-label="Pages of items">
      {cursor !== '' && <a href={withParams({ cursor: undefined, read: undefined })}>First page</a>}
      {state === 'enough' && (
        <a rel="next" href={withParams({ cursor: walk.cursor, read: String(before + walk.read) })}>
          Next page
        </a>
      )}
      {state === 'end' && <span>This is the last page.</span>}
    </nav>
  );
}
