import type { QueueInfo } from '../../api/queues.ts';
import { parseSpan } from '../../text/span.ts';

/** The settings that can be edited, as they are typed. */
export interface SettingsForm {
  readonly lease_timeout: string;
  readonly expire_timeout: string;
  readonly max_attempts: string;
  readonly dead_queue: string;
  readonly reference: string;
}

/** A setting that an edit changes, and what follows from it. */
export interface SettingChange {
  readonly field: keyof SettingsForm;
  readonly label: string;
  readonly before: string;
  readonly after: string;
  /** What the change applies to, for people. */
  readonly effect: string;
}

export const SETTING_LABELS: Readonly<Record<keyof SettingsForm, string>> = {
  lease_timeout: 'Lease timeout',
  expire_timeout: 'Expire timeout',
  max_attempts: 'Max attempts',
  dead_queue: 'Dead-letter queue',
  reference: 'Reference',
};

export function formOf(queue: QueueInfo): SettingsForm {
  return {
    lease_timeout: queue.lease_timeout ?? '',
    expire_timeout: queue.expire_timeout ?? '',
    max_attempts: String(queue.max_attempts ?? 0),
    dead_queue: queue.dead_queue ?? '',
    reference: queue.reference ?? '',
  };
}

/** What an edit changes. Spans that are as long are the same. */
export function changesOf(queue: QueueInfo, form: SettingsForm): readonly SettingChange[] {
  const before = formOf(queue);
  const fields = Object.keys(SETTING_LABELS) as (keyof SettingsForm)[];
  return fields
    .filter((field) => !isSame(field, before[field], form[field].trim()))
    .map((field) => ({
      field,
      label: SETTING_LABELS[field],
      before: before[field],
      after: form[field].trim(),
      effect: effectOf(field, before[field], form[field].trim()),
    }));
}

function isSame(field: keyof SettingsForm, before: string, after: string): boolean {
  if (before === after) return true;
  if (!field.endsWith('_timeout')) return false;
  const span = parseSpan(before);
  return span !== undefined && span === parseSpan(after);
}

function effectOf(field: keyof SettingsForm, before: string, after: string): string {
  switch (field) {
    case 'lease_timeout':
      return 'Applies to later leases. Leases that run keep their ends.';
    case 'expire_timeout':
      return 'Applies to items that are produced later.';
    case 'max_attempts':
      return attemptsEffect(Number(before), Number(after));
    case 'dead_queue':
      return after === ''
        ? 'Dead items are deleted from now on, those in the queue included.'
        : 'Items that die go there from now on, those in the queue included.';
    case 'reference':
      return 'A note for people.';
  }
}

function attemptsEffect(before: number, after: number): string {
  if (after === 0) return 'Items are tried without a limit, those in the queue included.';
  const isLess = before === 0 || after < before;
  return isLess
    ? 'Applies to all items: those that had more attempts die at once.'
    : 'Applies to all items, those in the queue included.';
}
