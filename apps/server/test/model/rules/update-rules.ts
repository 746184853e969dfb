import type { QueueName, RuleSettings } from './queue-rules.ts';
import type { ServiceRules } from './service-rules.ts';

/** A request to change a queue. Undefined settings stay. The dead-letter queue and the attempts are always given. */
export interface RuleUpdate {
  readonly leaseTimeout: number | undefined;
  readonly expireTimeout: number | undefined;
  readonly maxAttempts: number;
  readonly deadQueue: QueueName | '';
}

/** Why a queue cannot be the dead-letter queue of this one. Undefined: it can. */
function deadQueueRefusal(
  rules: ServiceRules,
  name: QueueName,
  deadQueue: QueueName | '',
): string | undefined {
  if (deadQueue === '') return undefined;
  if (deadQueue === name) return 'dead_queue cannot reference itself';
  if (rules.queues[deadQueue].settings.deadQueue !== '') {
    return `dead_queue is invalid; '${deadQueue}' already has its own dead_queue configured`;
  }
  const user = userOf(rules, name);
  return user && `dead_queue is invalid; '${name}' is itself the dead_queue of '${user}'`;
}

/** The queue that sends its dead letters to this one. */
export function userOf(rules: ServiceRules, name: QueueName): QueueName | undefined {
  return rules.all.find(({ settings }) => settings.deadQueue === name)?.name;
}

/** Changes all given settings of a queue, or none. @returns the error text. */
export function updateQueue(rules: ServiceRules, name: QueueName, update: RuleUpdate): string | undefined {
  const queue = rules.queues[name];
  const refusal = deadQueueRefusal(rules, name, update.deadQueue);
  if (refusal !== undefined) return refusal;
  const settings: RuleSettings = {
    leaseTimeout: update.leaseTimeout ?? queue.settings.leaseTimeout,
    expireTimeout: update.expireTimeout ?? queue.settings.expireTimeout,
    maxAttempts: update.maxAttempts,
    deadQueue: update.deadQueue,
  };
  if (settings.leaseTimeout > settings.expireTimeout) return 'lease timeout is too long';
  queue.settings = settings;
  return undefined;
}
