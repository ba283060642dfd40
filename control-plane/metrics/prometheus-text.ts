/** Figures as Prometheus reads them. */

export interface Metric {
  readonly name: string;
  readonly help: string;
  readonly kind: 'counter' | 'gauge';
  /** Undefined while there is nothing to tell; by the value of the one label, where there is one. */
  readonly value: bigint | number | undefined | Labelled;
}

/** Such as the outcomes of something, and how often each was. */
export interface Labelled {
  readonly label: string;
  readonly values: Readonly<Record<string, number>>;
}

export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export function metricsText(metrics: readonly Metric[]): string {
  return metrics.map(linesOf).join('');
}

function linesOf({ name, help, kind, value }: Metric): string {
  if (value === undefined) return '';
  const samples =
    typeof value === 'object' ? Object.entries(value.values).map(([of, count]) => `${name}{${value.label}="${of}"} ${count}`) : [`${name} ${value}`];
  return `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n${samples.join('\n')}\n`;
}
