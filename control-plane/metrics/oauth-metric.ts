/** How the renewal of access tokens for MCP servers fares. */
import type { TokenKeeper } from '../upstream-oauth/token-keeper.ts';
import type { Metric } from './prometheus-text.ts';

export function oauthMetric({ counts }: Pick<TokenKeeper, 'counts'>): Metric {
  return {
    name: 'turnpike_oauth_refresh_total',
    help: 'Access tokens that this control plane has asked for since its start, by what came of it.',
    kind: 'counter',
    value: { label: 'outcome', values: { success: counts.success, refused: counts.refused } },
  };
}
