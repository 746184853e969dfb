import type { AccessControl, Quotas } from '@querator/access';
import {
  accessDenied,
  type Duration,
  DurationSyntaxError,
  errorText,
  invalid,
  isLongerThan,
  LIMITS,
  parseDuration,
  SYSTEM_NAMESPACE,
  unavailable,
  verbatim,
} from '@querator/core';
import type {
  DescriptionsService,
  PausesService,
  QueueListsService,
  QueuesService,
  RatesService,
  TasksService,
} from '@querator/engine';
import {
  type endpointsV2,
  fromDescription,
  fromOptionalTimestamp,
  fromPauses,
  fromQueueRows,
  fromQueueSettings,
  fromRates,
  fromTask,
  type Handlers,
  SUCCESS_REPLY,
} from '@querator/protocol';
import type { DescribedStorages } from '../../config/described-storages.ts';
import { VERSION } from '../../version.ts';
import type { CallContext } from '../call/call-context.ts';
import { admitPartitionsOf } from './tasks-handlers.ts';

type HandlersOf<Name extends keyof typeof endpointsV2> = Handlers<(typeof endpointsV2)[Name], CallContext>;

/** The versions of the API that this server serves. */
const API_VERSIONS = ['v1', 'v2'];

/** Access control, as far as these calls need it. Undefined: the storage cannot keep users and their rights. */
export type ServedAccess = Pick<AccessControl, 'service' | 'enforced'> | undefined;

/** The handler that tells what the server can do. */
export function serverHandlers(
  capabilities: readonly string[],
  storages: DescribedStorages,
): HandlersOf<'server'> {
  return {
    async info(_, { caller }) {
      if (!caller.may('system.health', SYSTEM_NAMESPACE)) throw accessDenied();
      return { version: VERSION, api: API_VERSIONS, capabilities: [...capabilities], ...storages };
    },
  };
}

/** The handler that gives an API key a new secret. */
export function apiKeysHandlersV2(access: ServedAccess): HandlersOf<'apiKeys'> {
  return {
    async rotate({ id, grace }, { caller, audit }) {
      if (access === undefined) throw unavailable('failed', 'api key storage not configured');
      return access.service.apiKeys.rotate(id, parseGrace(grace), caller, audit);
    },
  };
}

/** The handlers that list queues, describe a queue, tell its rates, change its settings, delete it, with its items only if that is forced, that pause it, resume it, and resize it. */
export function queuesHandlersV2(
  {
    queues,
    queueLists,
    descriptions,
    rates,
    pauses,
    tasks,
  }: {
    readonly queues: QueuesService;
    readonly queueLists: QueueListsService;
    readonly descriptions: DescriptionsService;
    readonly rates: RatesService;
    readonly pauses: PausesService;
    readonly tasks: TasksService;
  },
  quotas: Quotas | undefined,
): HandlersOf<'queues'> {
  return {
    async list(call, { caller }) {
      return fromQueueRows(await queueLists.list(call, { caller }));
    },
    async describe({ queueName }) {
      return fromDescription(await descriptions.describe(queueName));
    },
    async rates({ queueName, span }) {
      return fromRates(await rates.read(queueName, parseSpan(span)));
    },
    async delete({ queueName, force }, { caller, audit }) {
      await queues.delete(queueName, force, { caller, audit, onlyEmpty: !force });
      return SUCCESS_REPLY;
    },
    async update({ ifUpdatedAt, ...settings }, { caller, audit }) {
      const call = { ...settings, namespace: '', ifUpdatedAt: fromOptionalTimestamp(ifUpdatedAt) };
      return fromQueueSettings(await queues.update(call, { caller, audit }));
    },
    async pause({ until, ...call }, { caller, audit }) {
      const given = { ...call, until: fromOptionalTimestamp(until) };
      return fromPauses(await pauses.pause(given, { caller, audit }));
    },
    async resume(call, { caller, audit }) {
      return fromPauses(await pauses.resume(call, { caller, audit }));
    },
    async resize({ queueName, partitions, dryRun, move }, { caller, audit }) {
      const call = { kind: 'resize', queueName, partitions, dryRun, move, to: '', rate: 0 };
      const admitPartitions = admitPartitionsOf(quotas, caller.principal);
      return fromTask(await tasks.create(call, { caller, audit, admitPartitions }));
    },
  };
}

/** How far back rates go if a caller does not say. */
const DEFAULT_SPAN = '1h';

function parseSpan(text: string): Duration {
  return parseLength('span', text === '' ? DEFAULT_SPAN : text, '1h, 30m or 24h');
}

/** Empty is an error: a forgotten time of grace would refuse the present secret at once. */
function parseGrace(text: string): Duration {
  return parseLength('grace', text, '0s, 30m or 24h');
}

function parseLength(field: string, text: string, expected: string): Duration {
  if (isLongerThan(text, LIMITS.requestTimeoutText)) {
    throw invalid(
      errorText`${verbatim(field)} is invalid; cannot be greater than '${LIMITS.requestTimeoutText}' characters`,
    );
  }
  try {
    return parseDuration(text);
  } catch (error) {
    if (!(error instanceof DurationSyntaxError)) throw error;
    throw invalid(
      errorText`${verbatim(field)} is invalid; ${verbatim(error.message)} - expected format: ${verbatim(expected)}`,
    );
  }
}
