import type { AccessService } from '@querator/access';
import { errorText, unavailable } from '@querator/core';
import {
  accessEndpoints,
  fromApiKey,
  fromNamespace,
  fromOptionalTimestamp,
  fromRole,
  fromRoleBinding,
  fromUser,
  type Handlers,
  SUCCESS_REPLY,
} from '@querator/protocol';
import type { CallContext } from '../call/call-context.ts';
import { sendPage } from './send-page.ts';

/** The handlers of the calls on namespaces, users, API keys, roles and role bindings. */
export function accessHandlers(access: AccessService): Handlers<typeof accessEndpoints, CallContext> {
  const { namespaces, users, apiKeys, roles, roleBindings } = access;
  return {
    async namespacesCreate(request, { caller, audit }) {
      await namespaces.create(request, caller, audit);
      return SUCCESS_REPLY;
    },
    async namespacesUpdate(request, { caller, audit }) {
      await namespaces.update(request, caller, audit);
      return SUCCESS_REPLY;
    },
    async namespacesList(request, context) {
      return {
        items: await sendPage(await namespaces.list(request, context.caller), context, fromNamespace),
      };
    },
    async namespacesDelete({ name }, { caller, audit }) {
      await namespaces.delete(name, caller, audit);
      return SUCCESS_REPLY;
    },
    usersCreate: (request, { caller, audit }) => users.create(request, caller, audit),
    async usersList(request, context) {
      return { items: await sendPage(await users.list(request, context.caller), context, fromUser) };
    },
    async usersDelete({ id }, { caller, audit }) {
      await users.delete(id, caller, audit);
      return SUCCESS_REPLY;
    },
    apiKeysCreate({ expiresAt, ...request }, { caller, audit }) {
      return apiKeys.create({ ...request, expiresAt: fromOptionalTimestamp(expiresAt) }, caller, audit);
    },
    async apiKeysList(request, context) {
      return { items: await sendPage(await apiKeys.list(request, context.caller), context, fromApiKey) };
    },
    async apiKeysDelete({ id }, { caller, audit }) {
      await apiKeys.delete(id, caller, audit);
      return SUCCESS_REPLY;
    },
    rolesCreate: (request, { caller, audit }) => roles.create(request, caller, audit),
    async rolesList(request, context) {
      return { items: await sendPage(await roles.list(request, context.caller), context, fromRole) };
    },
    async rolesUpdate(request, { caller, audit }) {
      await roles.update(request, caller, audit);
      return SUCCESS_REPLY;
    },
    async rolesDelete(request, { caller, audit }) {
      await roles.delete(request, caller, audit);
      return SUCCESS_REPLY;
    },
    roleBindingsCreate: (request, { caller, audit }) => roleBindings.create(request, caller, audit),
    async roleBindingsList({ userIdFilter: userId, ...request }, context) {
      const page = await roleBindings.list({ ...request, userId }, context.caller);
      return { items: await sendPage(page, context, fromRoleBinding) };
    },
    async roleBindingsDelete(request, { caller, audit }) {
      await roleBindings.delete(request, caller, audit);
      return SUCCESS_REPLY;
    },
  };
}

/** What a call on access control needs first, by the beginning of its name. */
const NEEDED: readonly (readonly [call: RegExp, storage: string])[] = [
  [/^namespaces|^rolesCreate/, 'namespace'],
  [/^users|^apiKeysCreate/, 'user'],
  [/^apiKeys/, 'api key'],
  [/^role/, 'role'],
];

/** The handlers of a server whose queues are in a storage without users and rights. */
export function missingAccessHandlers(): Handlers<typeof accessEndpoints, CallContext> {
  const handlers = Object.keys(accessEndpoints).map((name) => {
    const [, storage] = NEEDED.find(([call]) => call.test(name)) ?? ['', 'access'];
    const refuse = async () => {
      throw unavailable('failed', errorText`${storage} storage not configured`);
    };
    return [name, refuse];
  });
  return Object.fromEntries(handlers) as Handlers<typeof accessEndpoints, CallContext>;
}
