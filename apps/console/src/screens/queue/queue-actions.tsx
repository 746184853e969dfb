import { useState } from 'preact/hooks';
import { goTo } from '../../address/address.ts';
import { deleteQueue, pauseQueue, type QueueDescription, resumeQueue } from '../../api/queues.ts';
import { ActionButton } from '../../parts/action-button.tsx';
import { ConfirmDialog } from '../../parts/confirm-dialog.tsx';
import { CheckField, TextField } from '../../parts/fields.tsx';
import { tellDone } from '../../parts/messages.tsx';
import { countOf } from '../../text/number.ts';
import { ClearDialog } from './clear-dialog.tsx';

type Open = 'pause' | 'resume' | 'clear' | 'delete';

interface DialogProps {
  readonly data: QueueDescription;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

/** Pause, resume, clear and delete of a queue. @param props `onDone`: something has changed. */
export function QueueActions({
  data,
  onDone,
}: {
  readonly data: QueueDescription;
  readonly onDone: () => void;
}) {
  const [open, setOpen] = useState<Open>();
  const props = { data, onDone, onClose: () => setOpen(undefined) };
  return (
    <>
      <ActionButton onClick={() => setOpen('pause')}>Pause…</ActionButton>
      {data.pause !== undefined && <ActionButton onClick={() => setOpen('resume')}>Resume…</ActionButton>}
      <ActionButton danger onClick={() => setOpen('clear')}>
        Clear…
      </ActionButton>
      <ActionButton danger onClick={() => setOpen('delete')}>
        Delete…
      </ActionButton>
      {open === 'pause' && <PauseDialog {...props} />}
      {open === 'resume' && <ResumeDialog {...props} />}
      {open === 'clear' && <ClearDialog {...props} />}
      {open === 'delete' && <DeleteDialog {...props} />}
    </>
  );
}

function PauseDialog({ data, onClose, onDone }: DialogProps) {
  const { queue_name: name } = data.queue;
  const [produce, setProduce] = useState(false);
  const [lease, setLease] = useState(true);
  const [until, setUntil] = useState('');
  const act = async () => {
    const end = until === '' ? {} : { until: new Date(until).toISOString() };
    await pauseQueue(name, { produce, lease, ...end });
    tellDone(`${name} is paused.`);
    onDone();
  };
  return (
    <ConfirmDialog title={`Pause ${name}`} action="Pause" act={act} onClose={onClose}>
      <CheckField label="Consumers get no items. They wait." checked={lease} onChange={setLease} />
      <CheckField
        label="Producers are refused. They may try again."
        checked={produce}
        onChange={setProduce}
      />
      <TextField
        label="Until"
        type="datetime-local"
        value={until}
        hint="In your time zone. Empty: until somebody resumes it."
        onChange={setUntil}
      />
      <p class="quiet">Leases that run go on, and their items can be completed.</p>
    </ConfirmDialog>
  );
}

function ResumeDialog({ data, onClose, onDone }: DialogProps) {
  const { queue_name: name } = data.queue;
  const act = async () => {
    await resumeQueue(name);
    tellDone(`${name} goes on.`);
    onDone();
  };
  return (
    <ConfirmDialog title={`Resume ${name}`} action="Resume" act={act} onClose={onClose}>
      <p>Producers and consumers go on at once.</p>
    </ConfirmDialog>
  );
}

function DeleteDialog({ data, onClose, onDone }: DialogProps) {
  const { queue_name: name } = data.queue;
  const { waiting = 0, leased = 0, scheduled = 0 } = data;
  const [force, setForce] = useState(false);
  const act = async () => {
    await deleteQueue(name, force);
    tellDone(`${name} is deleted.`);
    onDone();
    goTo('#/queues');
  };
  return (
    <ConfirmDialog
      title={`Delete ${name}`}
      action="Delete the queue"
      typed={name}
      danger
      act={act}
      onClose={onClose}
    >
      <p>
        The queue, its settings and its schedules are removed. It held about{' '}
        {countOf(waiting + leased + scheduled, 'item')}.
      </p>
      <CheckField
        label="Also if it holds items, or is a dead-letter queue"
        checked={force}
        onChange={setForce}
      />
    </ConfirmDialog>
  );
}
