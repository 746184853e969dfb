import { address } from '../../address/address.ts';
import type { Item } from '../../api/item.ts';
import { findItems } from '../../api/items.ts';
import { useCall } from '../../api/use-call.ts';
import { Panel } from '../../parts/panel.tsx';
import { ReadOnlyNote } from '../../parts/read-only-note.tsx';
import { ScreenHead } from '../../parts/screen-head.tsx';
import { Tabs, tabParam } from '../../parts/tabs.tsx';
import { PayloadViewer } from '../../payload/payload-viewer.tsx';
import { QueueLinks } from '../items/queue-links.tsx';
import type { PathValues, Screen } from '../screen.ts';
import { ItemActions } from './item-actions.tsx';
import { ItemDetails } from './item-details.tsx';
import { ItemGone } from './item-gone.tsx';
import { ItemWay } from './item-way.tsx';

const TABS = [
  { name: 'item', label: 'Item' },
  { name: 'way', label: 'Its way through queues' },
];

function ItemScreen({ values: { queue = '', item: id = '' } }: { readonly values: PathValues }) {
  const loaded = useCall(`item ${queue} ${id}`, async (signal) => {
    const { items = [] } = await findItems(
      { queue_name: queue, filter: { ids: [id] }, with_payload: true },
      signal,
    );
    return { item: items[0] };
  });
  const item = loaded.data?.item;
  return (
    <>
      <ScreenHead
        title={
          <>
            Item <span class="id">{id}</span>
          </>
        }
        actions={
          <>
            <button type="button" onClick={loaded.reload}>
              Read again
            </button>
            {item !== undefined && <ItemActions queue={queue} id={id} item={item} onDone={loaded.reload} />}
          </>
        }
      >
        <QueueLinks queue={queue} present="item" />
        {item !== undefined && <ReadOnlyNote />}
      </ScreenHead>
      <Tabs tabs={TABS} label="Parts of the item" />
      {tabParam(TABS) === 'way' ? (
        <ItemWay queue={queue} firstId={item?.first_id ?? firstIdOf(id)} source={item?.source?.queue} />
      ) : (
        <Panel loaded={loaded}>
          {({ item }) =>
            item === undefined ? (
              <ItemGone queue={queue} id={id} firstId={firstIdOf(id)} />
            ) : (
              <Whole item={item} id={id} />
            )
          }
        </Panel>
      )}
    </>
  );
}

/** An item keeps its first id for life. The address has it if it is another one. */
function firstIdOf(id: string): string {
  return address.value.params['first'] ?? id;
}

function Whole({ item, id }: { readonly item: Item; readonly id: string }) {
  return (
    <>
      <ItemDetails item={item} />
      <div class="part">
        <PayloadViewer base64={item.payload ?? ''} encoding={item.encoding} name={id} />
      </div>
    </>
  );
}

/** One item. */
export const itemScreen: Screen = {
  path: ['queues', ':queue', 'items', ':item'],
  title: ({ item = '' }) => `Item ${item}`,
  component: ItemScreen,
};
