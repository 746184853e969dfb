import { address, withParams } from '../address/address.ts';

/**
 * From which page each page was reached, by their cursors. A page has no number, since its list
 * changes; a page that was reached by a link has no page before it.
 */
const before = new Map<string, string>();

/**
 * Goes through the pages of a list by the cursor in the address.
 *
 * @param props `next`: the cursor of the reply. Absent: this is the last page.
 */
export function Pager({ next, label }: { readonly next: string | undefined; readonly label: string }) {
  const { cursor = '' } = address.value.params;
  if (cursor === '' && !next) return null;
  if (next) before.set(next, cursor);
  const previous = before.get(cursor);
  return (
    <nav class="pager" aria-label={label}>
      {cursor !== '' && <a href={withParams({ cursor: undefined })}>First page</a>}
      {cursor !== '' && previous !== undefined && (
        <a rel="prev" href={withParams({ cursor: previous })}>
          Previous page
        </a>
      )}
      {next ? (
        <a rel="next" href={withParams({ cursor: next })}>
          Next page
        </a>
      ) : (
        <span>This is the last page.</span>
      )}
    </nav>
  );
}
