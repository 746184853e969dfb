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
