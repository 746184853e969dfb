import { formatAddress } from '../../address/address-text.ts';
import { describeQueue, type Pauses } from '../../api/queues.ts';
import { useCall } from '../../api/use-call.ts';
import { Badge } from '../../parts/badge.tsx';
import { ExactTime } from '../../parts/moment.tsx';
import { Plain } from '../../parts/plain.tsx';
import { ScreenHead } from '../../parts/screen-head.tsx';
import { Tabs, tabParam } from '../../parts/tabs.tsx';
import { QueueLinks } from '../items/queue-links.tsx';
import type { PathValues, Screen } from '../screen.ts';
import { OverviewTab } from './overview-tab.tsx';
import { PartitionsTab } from './partitions-tab.tsx';
import { QueueActions } from './queue-actions.tsx';
import { QuotaNote } from './quota-note.tsx';
import { SettingsTab } from './settings-tab.tsx';

const TABS = [
  { name: 'overview', label: 'Overview' },
  { name: 'partitions', label: 'Partitions' },
  { name: 'settings', label: 'Settings' },
];

function QueueScreen({ values: { queue = '' } }: { readonly values: PathValues }) {
  const loaded = useCall(`describe ${queue}`, (signal) => describeQueue(queue, signal), { every: 2_000 });
  const { data } = loaded;
  const tab = tabParam(TABS);
  if (data === undefined && loaded.error?.reason === 'no_such_queue') return <NoSuchQueue queue={queue} />;
  return (
    <>
      <ScreenHead
        title={<Plain text={queue} />}
        actions={data !== undefined && <QueueActions data={data} onDone={loaded.reload} />}
      >
        <QueueLinks
          queue={queue}
          present="queue"
          deadQueue={data?.queue.dead_queue}
          namespace={data && (data.queue.namespace ?? '_system')}
        />
        {data?.pause !== undefined && <Paused pause={data.pause} />}
      </ScreenHead>
      {data !== undefined && <QuotaNote namespace={data.queue.namespace ?? '_system'} />}
      <Tabs tabs={TABS} label="Parts of the queue" />
      {tab === 'overview' && <OverviewTab queue={queue} loaded={loaded} />}
      {tab === 'partitions' && <PartitionsTab queue={queue} loaded={loaded} />}
      {tab === 'settings' && <SettingsTab loaded={loaded} />}
    </>
  );
}

/** One sentence instead of an error in each part of the page. */
function NoSuchQueue({ queue }: { readonly queue: string }) {
  return (
    <>
      <ScreenHead title={<Plain text={queue} />} />
      <p>
        There is no such queue. It may have been deleted. <a href={formatAddress(['queues'])}>All queues</a>
      </p>
    </>
  );
}

function Paused({ pause: { produce, lease } }: { readonly pause: Pauses }) {
  return (
    <p>
      {lease !== undefined && (
        <>
          <Badge tone="notice">consumers are paused</Badge>{' '}
          {lease.until !== undefined && (
            <>
              until <ExactTime at={lease.until} />{' '}
            </>
          )}
        </>
      )}
      {produce !== undefined && (
        <>
          <Badge tone="notice">producers are paused</Badge>{' '}
          {produce.until !== undefined && (
            <>
              until <ExactTime at={produce.until} />
            </>
          )}
        </>
      )}
    </p>
  );
}

/** One queue. */
export const queueScreen: Screen = {
  path: ['queues', ':queue'],
  title: ({ queue = '' }) => queue,
  component: QueueScreen,
};
