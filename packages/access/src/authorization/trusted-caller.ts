import { ANONYMOUS, type Caller, type Principal } from '@querator/core';

const PRINCIPAL: Principal = {
  userId: ANONYMOUS,
  username: ANONYMOUS,
  keyId: undefined,
  expiresAt: undefined,
  namespaceScope: '',
};

/** The caller while access control is off: the anonymous principal, who may do everything. */
export const TRUSTED_CALLER: Caller = { principal: PRINCIPAL, may: () => true };
