import { Fragment } from 'preact';
import { useState } from 'preact/hooks';
import { address } from '../../address/address.ts';
import { formatAddress } from '../../address/address-text.ts';
import { listNamespaces } from '../../api/access.ts';
import {
  deleteSchedule,
  listSchedules,
  pauseSchedule,
  resumeSchedule,
  type Schedule,
} from '../../api/schedules.ts';
import { session } from '../../api/session.ts';
import { useCall } from '../../api/use-call.ts';
import { ActionButton } from '../../parts/action-button.tsx';
import { Badge, type Tone } from '../../parts/badge.tsx';
import { ConfirmDialog } from '../../parts/confirm-dialog.tsx';
import { FilterBar } from '../../parts/filter-bar.tsx';
import { tellDone, tellFailed } from '../../parts/messages.tsx';
import { Moment } from '../../parts/moment.tsx';
import { Pager } from '../../parts/pager.tsx';
import { Panel } from '../../parts/panel.tsx';
import { Plain } from '../../parts/plain.tsx';
import { ScreenHead } from '../../parts/screen-head.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { formatCount } from '../../text/number.ts';
import type { Screen } from '../screen.ts';
import { ScheduleDialog } from './schedule-dialog.tsx';

const PAGE = 50;
const TONES: Readonly<Record<Schedule['state'], Tone>> = {
  active: 'good',
  paused: 'notice',
  failing: 'bad',
  ended: 'quiet',
};

type Open = { readonly what: 'edit' | 'delete'; readonly schedule: Schedule } | { readonly what: 'create' };

function SchedulesScreen() {
  const { namespace = session.value.scope, queue = '', cursor = '' } = address.value.params;
  const [open, setOpen] = useState<Open>();
  const page = useCall(
    `schedules ${namespace} ${queue} ${cursor}`,
    (signal) => listSchedules({ namespace, queue_name: queue, cursor, limit: PAGE }, signal),
    { every: 5_000 },
  );
  const close = () => setOpen(undefined);
  return (
    <>
      <ScreenHead
        title="Schedules"
        actions={<ActionButton onClick={() => setOpen({ what: 'create' })}>Create a schedule…</ActionButton>}
      >
        A schedule produces an item at each of its times, once, whatever the number of servers.
      </ScreenHead>
      <FilterBar
        label="Filter the schedules"
        fields={[
          { name: 'queue', label: 'Queue' },
          { name: 'namespace', label: 'Namespace', placeholder: '_system' },
        ]}
      />
      <Panel loaded={page}>
        {({ items = [], cursor: next }) => (
          <>
            <Table
              caption="Schedules"
              columns={columns(setOpen, page.reload)}
              rows={items}
              keyOf={({ id }) => id}
              empty={<NoSchedules namespace={namespace || '_system'} />}
            />
            <Pager next={next} label="Pages of schedules" />
            {items.length > 0 && namespace === '' && <OtherNamespaces present="_system" />}
          </>
        )}
      </Panel>
      {open?.what === 'create' && <ScheduleDialog queue={queue} onClose={close} onDone={page.reload} />}
      {open?.what === 'edit' && (
        <ScheduleDialog schedule={open.schedule} onClose={close} onDone={page.reload} />
      )}
      {open?.what === 'delete' && (
        <DeleteDialog schedule={open.schedule} onClose={close} onDone={page.reload} />
      )}
    </>
  );
}

/** The list is of one namespace: others are a press away. */
function NoSchedules({ namespace }: { readonly namespace: string }) {
  return (
    <>
      <p>
        No schedules in the namespace <Plain text={namespace} />.
      </p>
      <OtherNamespaces present={namespace} />
    </>
  );
}

function OtherNamespaces({ present }: { readonly present: string }) {
  const { data } = useCall('namespaces of schedules', (signal) => listNamespaces('', signal));
  const others = (data?.items ?? []).filter(({ name }) => name !== present);
  if (others.length === 0) return null;
  return (
    <p class="below">
      Other namespaces have their own:{' '}
      {others.map(({ name }, at) => (
        <Fragment key={name}>
          {at > 0 && ', '}
          <a href={formatAddress(['schedules'], { namespace: name })}>
            <Plain text={name} />
          </a>
        </Fragment>
      ))}
    </p>
  );
}

function columns(open: (open: Open) => void, reload: () => void): readonly Column<Schedule>[] {
  return [
    { title: 'Schedule', names: true, cell: ({ name }) => <Plain text={name} /> },
    { title: 'State', cell: (schedule) => <State schedule={schedule} /> },
    {
      title: 'Queue',
      cell: ({ queue_name: queue }) => (
        <a href={formatAddress(['queues', queue])}>
          <Plain text={queue} />
        </a>
      ),
    },
    {
      title: 'Times',
      cell: ({ cron, time_zone: zone }) => (
        <>
          <code>{cron}</code> <span class="quiet">{zone}</span>
        </>
      ),
    },
    { title: 'Next', cell: ({ next_at }) => <Moment at={next_at} /> },
    { title: 'Last', wide: true, cell: ({ fired_at }) => <Moment at={fired_at} /> },
    { title: 'Fired', numeric: true, wide: true, cell: ({ fired_count = 0 }) => formatCount(fired_count) },
    {
      title: 'Missed',
      numeric: true,
      wide: true,
      cell: ({ missed_count = 0, missed }) => (
        <span title={`late times: ${missed}`}>{formatCount(missed_count)}</span>
      ),
    },
    { title: 'Actions', cell: (schedule) => <Actions schedule={schedule} open={open} reload={reload} /> },
  ];
}

function State({ schedule: { state, failure } }: { readonly schedule: Schedule }) {
  return (
    <>
      <Badge tone={TONES[state]}>{state}</Badge>
      {failure !== undefined && (
        <p class="task-error">
          <Plain text={failure.message ?? ''} />, {formatCount(failure.attempts ?? 0)} attempts, first{' '}
          <Moment at={failure.since} />
        </p>
      )}
    </>
  );
}

function Actions({
  schedule,
  open,
  reload,
}: {
  readonly schedule: Schedule;
  readonly open: (open: Open) => void;
  readonly reload: () => void;
}) {
  const isPaused = schedule.state === 'paused';
  const toggle = async () => {
    try {
      await (isPaused ? resumeSchedule(schedule) : pauseSchedule(schedule));
      tellDone(`${schedule.name} ${isPaused ? 'goes on' : 'is paused'}.`);
      reload();
    } catch (error) {
      tellFailed(error);
    }
  };
  return (
    <span class="actions">
      {schedule.state !== 'ended' && (
        <ActionButton onClick={toggle}>{isPaused ? 'Resume' : 'Pause'}</ActionButton>
      )}
      <ActionButton onClick={() => open({ what: 'edit', schedule })}>Edit…</ActionButton>
      <ActionButton danger onClick={() => open({ what: 'delete', schedule })}>
        Delete…
      </ActionButton>
    </span>
  );
}

function DeleteDialog({
  schedule,
  onClose,
  onDone,
}: {
  readonly schedule: Schedule;
  readonly onClose: () => void;
  readonly onDone: () => void;
}) {
  const act = async () => {
    await deleteSchedule(schedule);
    tellDone(`${schedule.name} is deleted.`);
    onDone();
  };
  return (
    <ConfirmDialog
      title={`Delete ${schedule.name}`}
      action="Delete the schedule"
      typed={schedule.name}
      danger
      act={act}
      onClose={onClose}
    >
      <p>It fires no more. Items that it has produced stay where they are.</p>
    </ConfirmDialog>
  );
}

/** The schedules of a namespace. */
export const schedulesScreen: Screen = {
  path: ['schedules'],
  title: () => 'Schedules',
  component: SchedulesScreen,
  navigation: { label: 'Schedules', group: 'Work' },
};
