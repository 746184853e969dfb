import { useState } from 'preact/hooks';
import { Dialog } from '../../parts/dialog.tsx';
import { Moment, None } from '../../parts/moment.tsx';
import { Plain } from '../../parts/plain.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { formatBytes } from '../../text/number.ts';
import { ItemDetails } from '../item/item-details.tsx';
import type { ItemRow } from './found-items.ts';
import { itemAddress } from './item-address.ts';
import { ItemDue, ItemState } from './item-state.tsx';

const text = (value: string | undefined, limit: number) =>
  value ? <Plain text={value} limit={limit} /> : <None />;

const COLUMNS: readonly Column<ItemRow>[] = [
  { title: 'Kind', cell: ({ kind }) => text(kind, 60) },
  { title: 'Reference', wide: true, cell: ({ reference }) => text(reference, 60) },
  { title: 'Entered', cell: ({ created_at }) => <Moment at={created_at} /> },
  { title: 'Next', cell: (item) => <ItemDue item={item} /> },
  { title: 'Attempts', numeric: true, cell: ({ attempts = 0 }) => attempts },
  { title: 'Size', numeric: true, wide: true, cell: ({ payload_size = 0 }) => formatBytes(payload_size) },
];

const LAST_ERROR: Column<ItemRow> = { title: 'Last error', cell: ({ error }) => text(error, 120) };

const DIED: readonly Column<ItemRow>[] = [
  { title: 'Died', cell: ({ source }) => <Moment at={source?.died_at} /> },
  { title: 'Why', cell: ({ source }) => text(source?.reason, 60) },
  { title: 'Error', cell: ({ source, error }) => text(source?.error ?? error, 120) },
  { title: 'Came from', cell: ({ source }) => text(source?.queue, 60) },
];

/** Items. @param props `isDead`: they are dead letters, and what they died of is shown. */
export function ItemTable({
  queue,
  rows,
  empty,
  isDead = false,
}: {
  readonly queue: string;
  readonly rows: readonly ItemRow[];
  readonly empty: string;
  readonly isDead?: boolean;
}) {
  const [opened, open] = useState<ItemRow>();
  const columns: readonly Column<ItemRow>[] = [
    { title: 'Item', names: true, cell: (row) => <Name queue={queue} row={row} onOpen={() => open(row)} /> },
    { title: 'State', cell: ({ state }) => <ItemState state={state} /> },
    ...COLUMNS.filter(({ title }) => !isDead || title === 'Kind' || title === 'Reference'),
    ...(isDead ? DIED : [LAST_ERROR]),
  ];
  return (
    <>
      <div class="texts">
        <Table
          caption={`${isDead ? 'Dead letters' : 'Items'} in ${queue}`}
          columns={columns}
          rows={rows}
          keyOf={({ key }) => key}
          empty={empty}
        />
      </div>
      {opened !== undefined && (
        <Dialog title="A leased item" size="large" onClose={() => open(undefined)}>
          <p class="below">{WHY_HIDDEN}</p>
          <ItemDetails item={opened} />
        </Dialog>
      )}
    </>
  );
}

const WHY_HIDDEN =
  'The id of a leased item proves its lease, so it is only shown to keys with the permission queue.complete, and what needs the id is not possible without it.';

function Name({
  queue,
  row,
  onOpen,
}: {
  readonly queue: string;
  readonly row: ItemRow;
  readonly onOpen: () => void;
}) {
  const { id, shownAs } = row;
  if (id === undefined) {
    return (
      <button type="button" class="quiet" title={WHY_HIDDEN} onClick={onOpen}>
        id hidden
      </button>
    );
  }
  return (
    <>
      <a class="id" href={itemAddress(queue, row)}>
        {id}
      </a>
      {shownAs !== undefined && (
        <span
          class="quiet"
          title={`It was shown before as ${shownAs}, and has come back to the queue since.`}
        >
          {' '}
          came back
        </span>
      )}
    </>
  );
}
