import { useState } from 'preact/hooks';
import { goTo } from '../../address/address.ts';
import { formatAddress } from '../../address/address-text.ts';
import { createQueue } from '../../api/queues.ts';
import { ConfirmDialog } from '../../parts/confirm-dialog.tsx';
import { TextField } from '../../parts/fields.tsx';
import { tellDone } from '../../parts/messages.tsx';

/** Asks for the settings of a new queue. */
export function CreateQueueDialog({
  namespace,
  onClose,
  onDone,
}: {
  readonly namespace: string;
  readonly onClose: () => void;
  readonly onDone: () => void;
}) {
  const [name, setName] = useState('');
  const [lease, setLease] = useState('1m');
  const [expire, setExpire] = useState('24h');
  const [attempts, setAttempts] = useState('0');
  const [partitions, setPartitions] = useState('1');
  const [deadQueue, setDeadQueue] = useState('');
  const act = async () => {
    await createQueue({
      queue_name: name,
      lease_timeout: lease,
      expire_timeout: expire,
      max_attempts: Number(attempts),
      requested_partitions: Number(partitions),
      dead_queue: deadQueue,
      namespace,
    });
    tellDone(`${name} is created.`);
    onDone();
    goTo(formatAddress(['queues', name]));
  };
  return (
    <ConfirmDialog title="Create a queue" action="Create" act={act} onClose={onClose}>
      <TextField label="Name" value={name} required onChange={setName} />
      <TextField
        label="Lease timeout"
        value={lease}
        hint="How long a consumer may hold an item"
        onChange={setLease}
      />
      <TextField
        label="Expire timeout"
        value={expire}
        hint="How long an item may stay"
        onChange={setExpire}
      />
      <TextField
        label="Max attempts"
        type="number"
        value={attempts}
        hint="0: no limit"
        onChange={setAttempts}
      />
      <TextField label="Partitions" type="number" value={partitions} onChange={setPartitions} />
      <TextField
        label="Dead-letter queue"
        value={deadQueue}
        hint="It must exist. Empty: dead items are deleted"
        onChange={setDeadQueue}
      />
    </ConfirmDialog>
  );
}
