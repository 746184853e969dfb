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
