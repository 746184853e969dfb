import { useState } from 'preact/hooks';
import { formatAddress } from '../../address/address-text.ts';
import { CallError } from '../../api/call-error.ts';
import { describeQueue, type QueueDescription, type QueueInfo, updateQueue } from '../../api/queues.ts';
import type { Loaded } from '../../api/use-call.ts';
import { ActionButton } from '../../parts/action-button.tsx';
import { ConfirmDialog } from '../../parts/confirm-dialog.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { Facts } from '../../parts/facts.tsx';
import { TextField } from '../../parts/fields.tsx';
import { tellDone } from '../../parts/messages.tsx';
import { ExactTime, None, SpanOf } from '../../parts/moment.tsx';
import { Panel } from '../../parts/panel.tsx';
import { Plain } from '../../parts/plain.tsx';
import {
  changesOf,
  formOf,
  SETTING_LABELS,
  type SettingChange,
  type SettingsForm,
} from './settings-changes.ts';

/** The settings of a queue, and their change. */
export function SettingsTab({ loaded }: { readonly loaded: Loaded<QueueDescription> }) {
  const [isEditing, setEditing] = useState(false);
  return (
    <Panel
      loaded={loaded}
      actions={<ActionButton onClick={() => setEditing(true)}>Edit the settings…</ActionButton>}
    >
      {({ queue }) => (
        <>
          <Settings queue={queue} />
          {isEditing && (
            <EditDialog queue={queue} onClose={() => setEditing(false)} onSaved={loaded.reload} />
          )}
        </>
      )}
    </Panel>
  );
}

function Settings({ queue }: { readonly queue: QueueInfo }) {
  const { dead_queue: deadQueue, max_attempts: attempts = 0, reference } = queue;
  return (
    <Facts
      facts={[
        [SETTING_LABELS.lease_timeout, <SpanOf span={queue.lease_timeout} />],
        [SETTING_LABELS.expire_timeout, <SpanOf span={queue.expire_timeout} />],
        [SETTING_LABELS.max_attempts, attempts === 0 ? 'no limit' : attempts],
        [
          SETTING_LABELS.dead_queue,
          deadQueue ? (
            <a href={formatAddress(['queues', deadQueue])}>
              <Plain text={deadQueue} />
            </a>
          ) : (
            'none: dead items are deleted'
          ),
        ],
        [SETTING_LABELS.reference, reference ? <Plain text={reference} /> : <None />],
        ['Namespace', <Plain text={queue.namespace || '_system'} />],
        ['Requested partitions', queue.requested_partitions ?? 0],
        ['Created', <ExactTime at={queue.created_at} />],
        ['Settings changed', <ExactTime at={queue.updated_at} />],
      ]}
    />
  );
}

const HINTS: Readonly<Record<keyof SettingsForm, string>> = {
  lease_timeout: 'A duration, such as 1m30s',
  expire_timeout: 'A duration, such as 24h',
  max_attempts: '0: no limit',
  dead_queue: 'Empty: dead items are deleted',
  reference: '',
};

const CHANGED_SINCE =
  'Somebody has changed the settings since you began. These changes cannot be saved: begin anew with the settings of now.';

/** Saves an edit, unless somebody else has changed the settings since they were read. @throws Error */
async function save(read: QueueInfo, form: SettingsForm): Promise<void> {
  const settings = { ...form, queue_name: read.queue_name, max_attempts: Number(form.max_attempts) };
  try {
    await updateQueue(settings, read.updated_at);
  } catch (error) {
    if (!(error instanceof CallError) || error.reason !== 'changed') throw error;
    // A pause or the move of a partition counts as a change too.
    const { queue } = await describeQueue(read.queue_name);
    if (changesOf(read, formOf(queue)).length > 0) throw new Error(CHANGED_SINCE);
    await updateQueue(settings, queue.updated_at);
  }
}

function EditDialog({
  queue,
  onClose,
  onSaved,
}: {
  readonly queue: QueueInfo;
  readonly onClose: () => void;
  readonly onSaved: () => void;
}) {
  // Settings that change meanwhile must not turn into changes of this person.
  const [read] = useState(queue);
  const [form, setForm] = useState(formOf(queue));
  const [isSure, setSure] = useState(false);
  const changes = changesOf(read, form);
  const others = changesOf(read, formOf(queue)).map(({ label }) => label);
  if (isSure) {
    return (
      <ConfirmDialog
        title="Change the settings?"
        action="Save the changes"
        onClose={() => setSure(false)}
        act={async () => {
          await save(read, form);
          tellDone(`The settings of ${read.queue_name} are changed.`);
          onSaved();
          onClose();
        }}
      >
        <Changes changes={changes} />
        {others.length > 0 && (
          <p class="note notice">Changed by somebody else since you began: {others.join(', ')}.</p>
        )}
      </ConfirmDialog>
    );
  }
  return (
    <Dialog title={`Settings of ${read.queue_name}`} onClose={onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          if (changes.length > 0) setSure(true);
        }}
      >
        {(Object.keys(SETTING_LABELS) as (keyof SettingsForm)[]).map((field) => (
          <TextField
            key={field}
            label={SETTING_LABELS[field]}
            hint={HINTS[field]}
            value={form[field]}
            type={field === 'max_attempts' ? 'number' : 'text'}
            onChange={(value) => setForm({ ...form, [field]: value })}
          />
        ))}
        <div class="dialog-actions">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary" disabled={changes.length === 0}>
            Preview the changes
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Changes({ changes }: { readonly changes: readonly SettingChange[] }) {
  return (
    <ul class="changes">
      {changes.map(({ field, label, before, after, effect }) => (
        <li key={field}>
          <strong>{label}</strong>: <del>{before === '' ? 'none' : <Plain text={before} />}</del>{' '}
          <span aria-hidden="true">→</span> <ins>{after === '' ? 'none' : <Plain text={after} />}</ins>
          <p class="quiet">{effect}</p>
        </li>
      ))}
    </ul>
  );
}
