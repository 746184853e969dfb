import {
  type AnyEndpoint,
  accessEndpoints,
  endpointsV2,
  queueEndpoints,
  queuesEndpoints,
  storageEndpoints,
} from '@querator/protocol';

/** Every call of the API. `http/fuzz.test.ts` compares them with what the server serves. */
export const ALL_ENDPOINTS: readonly AnyEndpoint[] = [
  queueEndpoints,
  queuesEndpoints,
  storageEndpoints,
  accessEndpoints,
  ...Object.values(endpointsV2),
].flatMap((table) => Object.values<AnyEndpoint>(table));

/** The calls that need a permission: all but those on the session of a browser. */
export const ENDPOINTS_WITH_PERMISSION = ALL_ENDPOINTS.flatMap((endpoint) =>
  endpoint.permission === undefined ? [] : [{ ...endpoint, permission: endpoint.permission }],
);
