/** Figures as Prometheus reads them. */

export interface Metric {
  readonly name: string;
  readonly help: string;
  readonly kind: 'counter' | 'gauge';
  /** Undefined while there is nothing to tell. */
  readonly value: bigint | number | undefined;
}

export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export function metricsText(metrics: readonly Metric[]): string {
  return metrics.map(linesOf).join('');
}

function linesOf({ name, help, kind, value }: Metric): string {
  return value === undefined ? '' : `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n${name} ${value}\n`;
}
