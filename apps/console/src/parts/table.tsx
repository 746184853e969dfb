import type { ComponentChildren } from 'preact';

/** A column of a table. */
export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** The word by which the API sorts this column. Absent: it cannot. */
  readonly sort?: string;
  /** Which direction the first press sorts in. Default: `down`, the greatest first. */
  readonly first?: 'up' | 'down';
  /** Whether its cells are numbers, aligned to the right. */
  readonly numeric?: boolean;
  /** Left out where the page is narrow. */
  readonly wide?: boolean;
  /** Its cells name the row. One column of a table should. */
  readonly names?: boolean;
  /** More about the title, on hovering. */
  readonly hint?: string;
}

/** How a table is sorted. */
export interface Sort {
  readonly by: string;
  readonly direction: 'up' | 'down';
}

interface TableProps<Row> {
  /** What the table shows, for those who hear it. */
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  readonly sort?: Sort;
  readonly onSort?: (sort: Sort) => void;
  /** What stands in place of the rows if there are none. */
  readonly empty?: ComponentChildren;
  /** A class of the row, such as `dim`. */
  readonly rowClass?: (row: Row) => string;
}

/** A table of the API's rows. It scrolls to the side where the page is too narrow for it. */
export function Table<Row>(props: TableProps<Row>) {
  const { caption, columns, rows, keyOf, sort, onSort, empty = 'Nothing here.', rowClass } = props;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section class="table-frame" aria-label={caption} tabIndex={0}>
      <table>
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <HeadCell key={column.title} column={column} sort={sort} onSort={onSort} />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)} class={rowClass?.(row)}>
              {columns.map((column) =>
                column.names ? (
                  <th key={column.title} scope="row" class={classOf(column)}>
                    {column.cell(row)}
                  </th>
                ) : (
                  <td key={column.title} class={classOf(column)}>
                    {column.cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length === 0 && <div class="empty">{empty}</div>}
    </section>
  );
}

function HeadCell<Row>({
  column,
  sort,
  onSort,
}: {
  readonly column: Column<Row>;
  readonly sort: Sort | undefined;
  readonly onSort: ((sort: Sort) => void) | undefined;
}) {
  const { title, hint, sort: by, first = 'down' } = column;
  if (by === undefined || onSort === undefined) {
    return (
      <th scope="col" class={classOf(column)} title={hint}>
        {title}
      </th>
    );
  }
  const direction = sort?.by === by ? sort.direction : undefined;
  const next = direction === undefined ? first : direction === 'up' ? 'down' : 'up';
  const words = { up: 'ascending', down: 'descending' } as const;
  return (
    <th
      scope="col"
      class={classOf(column)}
      aria-sort={direction === undefined ? 'none' : words[direction]}
      title={hint}
    >
      <button type="button" class="sort" onClick={() => onSort({ by, direction: next })}>
        {title}
        <span class="arrow" aria-hidden="true">
          {direction === undefined ? '' : direction === 'up' ? '▲' : '▼'}
        </span>
      </button>
    </th>
  );
}

function classOf<Row>({ numeric = false, wide = false, names = false }: Column<Row>): string {
  return [numeric ? 'number' : '', wide ? 'wide' : '', names ? 'names' : ''].filter(Boolean).join(' ');
}
