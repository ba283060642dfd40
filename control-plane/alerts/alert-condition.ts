/** What somebody should know of while it lasts. */

export const ALERT_KINDS = [
  'BUDGET_THRESHOLD',
  'BUDGET_EXHAUSTED',
  'QUOTA_EXHAUSTED',
  'SERVER_UNREACHABLE',
  'AUTH_EXPIRED',
  'TOOL_CHANGED',
  'TOOL_ADDED',
  'DLP_BLOCKED',
  'DATA_PLANE_STALE',
  'LEDGER_UNEXPLAINED',
  'DEAD_LETTERS',
] as const;
export type AlertKind = (typeof ALERT_KINDS)[number];

/** CRITICAL: calls fail, or the books are wrong. WARNING: they soon may. INFO: somebody should look when there is time. */
export const ALERT_SEVERITIES = ['CRITICAL', 'WARNING', 'INFO'] as const;
export type AlertSeverity = (typeof ALERT_SEVERITIES)[number];

export interface AlertCondition {
  readonly kind: AlertKind;
  readonly severity: AlertSeverity;
  /** What it is about; there is one condition of a kind for each at most. */
  readonly targetId: string;
  /** A sentence without a secret in it. */
  readonly title: string;
  readonly detail: Readonly<Record<string, unknown>>;
}
