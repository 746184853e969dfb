import { useState } from 'preact/hooks';
import { type Schedule, type ScheduleSettings, saveSchedule } from '../../api/schedules.ts';
import { ConfirmDialog } from '../../parts/confirm-dialog.tsx';
import { ChoiceField, LongTextField, TextField } from '../../parts/fields.tsx';
import { tellDone } from '../../parts/messages.tsx';
import { bytesOfBase64, textOf } from '../../payload/bytes.ts';

const MISSED = [
  ['one', 'fire the oldest, once for all'],
  ['skip', 'fire none'],
  ['all', 'fire each'],
] as const;

/** The payload as text, or undefined if it is none: such a payload is kept as it is. */
function payloadText(schedule: Schedule | undefined): string | undefined {
  const { bytes } = schedule?.item ?? {};
  return bytes === undefined ? '' : textOf(bytesOfBase64(bytes));
}

/** Creates a schedule, or edits one. */
export function ScheduleDialog({
  schedule,
  queue = '',
  onClose,
  onDone,
}: {
  readonly schedule?: Schedule;
  readonly queue?: string;
  readonly onClose: () => void;
  readonly onDone: () => void;
}) {
  const [form, setForm] = useState<ScheduleSettings>({
    name: schedule?.name ?? '',
    queue_name: schedule?.queue_name ?? queue,
    cron: schedule?.cron ?? '0 2 * * *',
    time_zone: schedule?.time_zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
    missed: schedule?.missed ?? 'one',
    item: schedule?.item ?? {},
    ...(schedule?.until === undefined ? {} : { until: schedule.until }),
  });
  const [text, setText] = useState(payloadText(schedule));
  const isNew = schedule === undefined;
  const set = (changes: Partial<ScheduleSettings>) => setForm({ ...form, ...changes });
  const setItem = (changes: Partial<ScheduleSettings['item']>) => set({ item: { ...form.item, ...changes } });
  const act = async () => {
    const { bytes, utf8, ...rest } = form.item;
    const payload = text === undefined ? { bytes: bytes ?? '' } : { utf8: text };
    await saveSchedule({ ...form, item: { ...rest, ...payload } }, isNew);
    tellDone(`${form.name} is ${isNew ? 'created' : 'changed'}.`);
    onDone();
  };
  return (
    <ConfirmDialog
      title={isNew ? 'Create a schedule' : `Edit ${form.name}`}
      action={isNew ? 'Create' : 'Save the changes'}
      act={act}
      onClose={onClose}
    >
      {isNew && <TextField label="Name" value={form.name} required onChange={(name) => set({ name })} />}
      {isNew && (
        <TextField
          label="Queue"
          value={form.queue_name}
          required
          onChange={(queue_name) => set({ queue_name })}
        />
      )}
      <TextField
        label="Times"
        value={form.cron}
        hint="minute hour day-of-month month day-of-week, such as 0 2 * * MON-FRI"
        required
        onChange={(cron) => set({ cron })}
      />
      <TextField
        label="Time zone"
        value={form.time_zone}
        hint="Such as Europe/Berlin or UTC"
        required
        onChange={(time_zone) => set({ time_zone })}
      />
      <ChoiceField
        label="Times that are late"
        value={form.missed}
        options={MISSED}
        onChange={(missed) => set({ missed })}
      />
      <TextField
        label="Kind of the item"
        value={form.item.kind ?? ''}
        onChange={(kind) => setItem({ kind })}
      />
      <TextField
        label="Reference of the item"
        value={form.item.reference ?? ''}
        onChange={(reference) => setItem({ reference })}
      />
      <TextField
        label="Encoding of the payload"
        value={form.item.encoding ?? ''}
        onChange={(encoding) => setItem({ encoding })}
      />
      {text === undefined ? (
        <p class="quiet">The payload is not text, and stays as it is.</p>
      ) : (
        <LongTextField label="Payload" value={text} onChange={setText} />
      )}
    </ConfirmDialog>
  );
}
