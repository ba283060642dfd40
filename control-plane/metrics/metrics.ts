/** What Prometheus reads of a control plane: figures of all organisations together, which name nobody. */
import type { ServerResponse } from 'node:http';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Services } from '../services.ts';
import { ledgerMetrics } from './ledger-metrics.ts';
import { oauthMetric } from './oauth-metric.ts';
import { METRICS_CONTENT_TYPE, metricsText } from './prometheus-text.ts';
import { usageMetrics } from './usage-metrics.ts';

export async function answerMetrics(
  { usageIntake, reconciliations, tokenKeeper }: Pick<Services, 'usageIntake' | 'reconciliations' | 'tokenKeeper'>,
  em: EntityManager,
  response: ServerResponse,
): Promise<void> {
  const metrics = [...(await usageMetrics(usageIntake, em)), ...(await ledgerMetrics(reconciliations, em)), oauthMetric(tokenKeeper)];
  response.writeHead(200, { 'Content-Type': METRICS_CONTENT_TYPE, 'Cache-Control': 'no-store' });
  response.end(metricsText(metrics));
}
