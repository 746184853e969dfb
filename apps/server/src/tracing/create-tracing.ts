import type { Clock, Logger } from '@querator/core';
import type { TraceSettings } from './trace-settings.ts';
import type { Tracing } from './tracing.ts';

/**
 * Loads the SDK of OpenTelemetry, and creates a tracer with an exporter of its own:
 * the global tracer of the program stays as it is.
 */
export async function createTracing(
  settings: TraceSettings,
  deps: { readonly clock: Clock; readonly logger: Logger },
): Promise<Tracing> {
  const { SdkTracing } = await import('./sdk-tracing.ts');
  return new SdkTracing(settings, deps);
}
