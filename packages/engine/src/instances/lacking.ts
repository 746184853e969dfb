import {
  capabilityMissing,
  echo,
  errorText,
  type InstanceView,
  type QueueError,
  unavailable,
} from '@querator/core';

/** A process that lacks a capability. */
export interface Lacking {
  readonly name: string;
  /** Undefined: the process keeps no record, so it is of an earlier version than those that do. */
  readonly version: string | undefined;
}

/** The processes of a view that lack a capability, or keep no record. */
export function lackingIn(view: InstanceView | undefined, capability: string): readonly Lacking[] {
  if (view === undefined) return [];
  return [
    ...(view.unrecorded ?? []).map(({ name }) => ({ name, version: undefined })),
    ...view.instances
      .filter(({ capabilities }) => !capabilities.includes(capability))
      .map(({ name, version }) => ({ name, version })),
  ];
}

/** Whether all processes are known that a view can contain. */
export function isComplete(view: InstanceView | undefined): view is InstanceView {
  return view?.unrecorded !== undefined;
}

/** The list of processes cannot be shown. */
export function listNotKnown(): QueueError {
  return unavailable('retry', notKnown('the list of servers'));
}

/** @param what needs to know the processes. */
function notKnown(what: string): string {
  return `${what} is unavailable; the servers that run cannot be read, try again later`;
}

/**
 * @param view the processes. Incomplete: they could not all be read yet.
 * @throws QueueError if a process lacks the capability, or that is not known.
 */
export function requiredBy(
  view: InstanceView | undefined,
  capability: string,
  [first, ...others]: readonly Lacking[],
): void {
  if (first === undefined && !isComplete(view)) {
    throw capabilityMissing(capability, notKnown(`'${echo(capability)}'`));
  }
  if (first === undefined) return;
  const { name, version } = first;
  const more = others.length === 0 ? '' : ` and ${others.length} more`;
  const text =
    version === undefined
      ? errorText`'${capability}' is unavailable; stop or upgrade the server of '${name}', which is older than this one${more}`
      : errorText`'${capability}' is unavailable; stop or upgrade the server '${name}' of version '${version}'${more}`;
  throw capabilityMissing(capability, text);
}

/** The processes of a view without a storage, or that keep no record. */
function lackingStorage(view: InstanceView | undefined, storageName: string): readonly Lacking[] {
  if (view === undefined) return [];
  return [
    ...(view.unrecorded ?? []).map(({ name }) => ({ name, version: undefined })),
    ...view.instances
      .filter(({ storages }) => !storages.some(({ name }) => name === storageName))
      .map(({ name, version }) => ({ name, version })),
  ];
}

/**
 * @param view the processes. Incomplete: they could not all be read yet.
 * @param storage one that processes cannot share takes a single process.
 * @throws QueueError if a process cannot use the storage, or that is not known.
 */
export function storageRequiredBy(
  view: InstanceView | undefined,
  storage: { readonly name: string; readonly shared: boolean },
  ownId: string,
): void {
  const [first] = lackingStorage(view, storage.name);
  if (first !== undefined) {
    throw unavailable(
      'retry',
      errorText`storage '${storage.name}' is not configured on server '${first.name}'; configure it there, or stop that server`,
    );
  }
  if (!isComplete(view)) throw unavailable('retry', notKnown(errorText`storage '${storage.name}'`));
  const other = view.instances.find(({ id }) => id !== ownId);
  if (storage.shared || other === undefined) return;
  throw unavailable(
    'retry',
    errorText`servers cannot share storage '${storage.name}'; stop the other servers, such as '${other.name}'`,
  );
}
