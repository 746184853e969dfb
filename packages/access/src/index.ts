export { AccessControl, type AccessControlOptions } from './access-control.ts';
export {
  type AuditEvents,
  type AuditListCall,
  AuditService,
  type AuditServiceDeps,
} from './audit/audit-service.ts';
export { type Credentials, checkScheme } from './authentication/authenticator.ts';
export { ACCESS_TOPIC } from './authentication/generation-watch.ts';
export { type NamespaceOf, QueueAuthorizer } from './authorization/queue-authorizer.ts';
export { TRUSTED_CALLER } from './authorization/trusted-caller.ts';
export { type RecoveredAdmin, recoverAdmin } from './bootstrap/recovery.ts';
export { isKeyText } from './keys/api-key-text.ts';
export type { Meter } from './quotas/meter.ts';
export { QuotaError } from './quotas/quota-error.ts';
export { type ConfiguredQuotas, NO_QUOTAS } from './quotas/quota-table.ts';
export { type EndCall, type QuotaCall, Quotas, type QuotasDeps } from './quotas/quotas.ts';
export type { StockSize } from './quotas/stock.ts';
export type { AccessService } from './service/access-service.ts';
export type { ApiKeyCall, ApiKeysService, IssuedKey } from './service/api-keys-service.ts';
export type { NamespaceCall, NamespacesService } from './service/namespaces-service.ts';
export type { ListCall, Page } from './service/page.ts';
export type { QuotaSubjectCall, QuotasService, QuotaView } from './service/quotas-service.ts';
export type { RoleBindingCall, RoleBindingsService } from './service/role-bindings-service.ts';
export type { RoleCall, RoleKey, RolesService } from './service/roles-service.ts';
export type { UserCall, UsersService } from './service/users-service.ts';
