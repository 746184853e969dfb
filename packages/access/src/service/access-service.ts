import type { AccessDeps } from '../access-deps.ts';
import type { Quotas } from '../quotas/quotas.ts';
import { ApiKeysService } from './api-keys-service.ts';
import { NamespacesService } from './namespaces-service.ts';
import { QuotasService } from './quotas-service.ts';
import { RoleBindingsService } from './role-bindings-service.ts';
import { RolesService } from './roles-service.ts';
import { UsersService } from './users-service.ts';

/** The calls on access control, by what they manage. */
export class AccessService {
  readonly namespaces: NamespacesService;
  readonly users: UsersService;
  readonly apiKeys: ApiKeysService;
  readonly roles: RolesService;
  readonly roleBindings: RoleBindingsService;
  /** Undefined: quotas are not in use. */
  readonly quotas: QuotasService | undefined;

  constructor(deps: AccessDeps, quotas?: Quotas) {
    this.namespaces = new NamespacesService(deps);
    this.users = new UsersService(deps);
    this.apiKeys = new ApiKeysService(deps);
    this.roles = new RolesService(deps);
    this.roleBindings = new RoleBindingsService(deps);
    this.quotas = quotas && new QuotasService(deps, quotas);
  }
}
