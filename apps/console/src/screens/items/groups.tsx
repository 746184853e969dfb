import { address, withParams } from '../../address/address.ts';
import type { ItemsFilter } from '../../api/item.ts';
import { summarizeItems } from '../../api/items.ts';
import { useWalk } from '../../api/use-walk.ts';
import type { WalkOptions } from '../../api/walk.ts';
import { Plain } from '../../parts/plain.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { WalkProgress } from '../../parts/walk-progress.tsx';
import { formatCount } from '../../text/number.ts';
import type { ItemRow } from './found-items.ts';
import { addGroups, type GroupCounts, NO_COUNTS } from './group-counts.ts';
import { conditionOf, groupingOf, metadataGroupings, titleOf, wordOf } from './groupings.ts';

/** More rows would not be read. */
const SHOWN = 50;

type Group = GroupCounts['groups'][number];

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

interface GroupsProps {
  readonly queue: string;
  readonly filter: ItemsFilter;
  /** About how many items there are. Undefined: it is not known. */
  readonly total: number | undefined;
  /** The items that the page shows. They can be grouped by the keys of their metadata. */
  readonly rows: readonly ItemRow[];
  /** What else they can be grouped by. */
  readonly groupings: readonly string[];
  /** How they are grouped unless the address says how. Absent: not at all, as that reads the queue. */
  readonly first?: string;
  /** What is counted: `letter`. */
  readonly noun: string;
}

/** The items that a search finds by what they have in common. A press on a group shows its items only. */
export function Groups({ first, ...props }: GroupsProps) {
  const { rows, groupings, noun } = props;
  const by = groupingOf(address.value.params['by'], groupings, first);
  const offered = [...groupings, ...metadataGroupings(rows, by)];
  return (
    <section class="panel">
      <header class="panel-head">
        <h2>{by === undefined ? 'Group them' : 'Grouped'}</h2>
        <nav class="links" aria-label={`Group the ${noun}s by`}>
          {offered.map((each) => (
            <a
              key={each}
              href={withParams({ by: each === first ? undefined : each })}
              aria-current={each === by ? 'true' : undefined}
            >
              by <Plain text={wordOf(each)} limit={40} />
            </a>
          ))}
          {by !== undefined && first === undefined && <a href={withParams({ by: undefined })}>not at all</a>}
        </nav>
      </header>
      {by !== undefined && <Counts {...props} by={by} />}
    </section>
  );
}

function Counts({
  queue,
  filter,
  total,
  noun,
  by,
}: Omit<GroupsProps, 'first' | 'rows'> & { readonly by: string }) {
  const walk = useWalk(JSON.stringify([queue, filter, by]), countsBy(queue, filter, by));
  const { groups, others, total: counted } = walk.found;
  const plural = `${noun}s`;
  const columns: readonly Column<Group>[] = [
    {
      title: titleOf(by),
      names: true,
      cell: ({ value }) => <Value by={by} value={value} filter={filter} />,
    },
    {
      title: `${plural[0]?.toUpperCase()}${plural.slice(1)}`,
      numeric: true,
      cell: ({ count }) => formatCount(count),
    },
    {
      title: 'Share',
      numeric: true,
      cell: ({ count }) => `${((100 * count) / Math.max(1, counted)).toFixed(1)} %`,
    },
  ];
  const rest = others + groups.slice(SHOWN).reduce((sum, { count }) => sum + count, 0);
  return (
    <>
      <WalkProgress walk={walk} total={total} noun={noun} />
      <Table
        caption={`${plural} by ${wordOf(by)}`}
        columns={columns}
        rows={groups.slice(0, SHOWN)}
        keyOf={({ value }) => value}
        empty={walk.state === 'walking' ? 'Nothing counted so far.' : `There are no such ${plural}.`}
      />
      {rest > 0 && (
        <p class="quiet">
          {formatCount(rest)} more {plural} are in other groups.
        </p>
      )}
    </>
  );
}

function Value({
  by,
  value,
  filter,
}: {
  readonly by: string;
  readonly value: string;
  readonly filter: ItemsFilter;
}) {
  const condition = conditionOf(by, value, filter);
  const shown = value === '' ? 'none recorded' : <Plain text={value} limit={200} />;
  if (condition === undefined) return <span class="quiet">{shown}</span>;
  return <a href={withParams(condition)}>{shown}</a>;
}
