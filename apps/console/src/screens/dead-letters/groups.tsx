import { address, withParams } from '../../address/address.ts';
import type { ItemsFilter } from '../../api/item.ts';
import { summarizeItems } from '../../api/items.ts';
import { useWalk } from '../../api/use-walk.ts';
import type { WalkOptions } from '../../api/walk.ts';
import { Plain } from '../../parts/plain.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { WalkProgress } from '../../parts/walk-progress.tsx';
import { formatCount } from '../../text/number.ts';
import { addGroups, GROUPINGS, type GroupCounts, NO_COUNTS } from './group-counts.ts';

/** More rows would not be read. */
const SHOWN = 50;

type Group = GroupCounts['groups'][number];

const TITLES: Readonly<Record<string, string>> = { reason: 'Why they died', error: 'Error', kind: 'Kind' };

/** Counts the items of a queue by a word, by as many calls as it takes. */
function countsBy(queue: string, filter: ItemsFilter, by: string): WalkOptions<GroupCounts> {
  return {
    start: '',
    empty: NO_COUNTS,
    step: async (cursor, counts, signal) => {
      const reply = await summarizeItems({ queue_name: queue, filter, by, cursor }, signal);
      const { groups = [], others = 0, cursor: next = '', scanned = 0 } = reply;
      return { found: addGroups(counts, groups, others), cursor: next, read: scanned };
    },
  };
}

/** Dead letters by why they died, by error, or by kind. A press on a group shows its letters only. */
export function Groups({
  queue,
  filter,
  total,
}: {
  readonly queue: string;
  readonly filter: ItemsFilter;
  readonly total: number | undefined;
}) {
  const by = GROUPINGS.find((each) => each === address.value.params['by']) ?? 'reason';
  const walk = useWalk(JSON.stringify([queue, filter, by]), countsBy(queue, filter, by));
  const { groups, others, total: counted } = walk.found;
  const columns: readonly Column<Group>[] = [
    { title: TITLES[by] ?? '', names: true, cell: ({ value }) => <Value by={by} value={value} /> },
    { title: 'Letters', numeric: true, cell: ({ count }) => formatCount(count) },
    {
      title: 'Share',
      numeric: true,
      cell: ({ count }) => `${((100 * count) / Math.max(1, counted)).toFixed(1)} %`,
    },
  ];
  const rest = others + groups.slice(SHOWN).reduce((sum, { count }) => sum + count, 0);
  return (
    <section class="panel">
      <header class="panel-head">
        <h2>Grouped</h2>
        <nav class="links" aria-label="Group the letters by">
          {GROUPINGS.map((each) => (
            <a
              key={each}
              href={withParams({ by: each === 'reason' ? undefined : each })}
              aria-current={each === by ? 'true' : undefined}
            >
              by {each}
            </a>
          ))}
        </nav>
      </header>
      <WalkProgress walk={walk} total={total} noun="letter" />
      <Table
        caption={`Letters by ${by}`}
        columns={columns}
        rows={groups.slice(0, SHOWN)}
        keyOf={({ value }) => value}
        empty={walk.state === 'walking' ? 'Nothing counted so far.' : 'There are no such letters.'}
      />
      {rest > 0 && <p class="quiet">{formatCount(rest)} more letters are in other groups.</p>}
    </section>
  );
}

function Value({ by, value }: { readonly by: string; readonly value: string }) {
  if (value === '' && by === 'error') {
    return (
      <a href={withParams({ error: undefined, without_error: 'yes', cursor: undefined, read: undefined })}>
        none recorded
      </a>
    );
  }
  if (value === '') return <span class="quiet">none recorded</span>;
  return (
    <a
      href={withParams({
        [by]: value,
        ...(by === 'error' && { without_error: undefined }),
        cursor: undefined,
        read: undefined,
      })}
    >
      <Plain text={value} limit={200} />
    </a>
  );
}
