/** Every migration, in the order in which they run; forward only. */
import { Migration0001Nouns } from './0001-nouns.ts';
import { Migration0002ConfigFeed } from './0002-config-feed.ts';
import { Migration0003Usage } from './0003-usage.ts';
import { Migration0004StdioIsolation } from './0004-stdio-isolation.ts';
import { Migration0005ServerLimits } from './0005-server-limits.ts';
import { Migration0006Limits } from './0006-limits.ts';
import { Migration0007UsageRollups } from './0007-usage-rollups.ts';
import { Migration0008WindowCountings } from './0008-window-countings.ts';
import { Migration0009Reconciliations } from './0009-reconciliations.ts';
import { Migration0010UsageSlices } from './0010-usage-slices.ts';
import { Migration0011DeadLetters } from './0011-dead-letters.ts';
import { Migration0012AuditChain } from './0012-audit-chain.ts';
import { Migration0013People } from './0013-people.ts';
import { Migration0014Tools } from './0014-tools.ts';
import { Migration0015Allotments } from './0015-allotments.ts';
import { Migration0016RowSecurity } from './0016-row-security.ts';
import { Migration0017Agents } from './0017-agents.ts';
import { Migration0018Catalogue } from './0018-catalogue.ts';
import { Migration0020Content } from './0020-content.ts';
import { Migration0021PolicyModes } from './0021-policy-modes.ts';
import { Migration0022DecisionSteps } from './0022-decision-steps.ts';
import { Migration0023Live } from './0023-live.ts';

export const MIGRATIONS = [
  { name: '0001-nouns', class: Migration0001Nouns },
  { name: '0002-config-feed', class: Migration0002ConfigFeed },
  { name: '0003-usage', class: Migration0003Usage },
  { name: '0004-stdio-isolation', class: Migration0004StdioIsolation },
  { name: '0005-server-limits', class: Migration0005ServerLimits },
  { name: '0006-limits', class: Migration0006Limits },
  { name: '0007-usage-rollups', class: Migration0007UsageRollups },
  { name: '0008-window-countings', class: Migration0008WindowCountings },
  { name: '0009-reconciliations', class: Migration0009Reconciliations },
  { name: '0010-usage-slices', class: Migration0010UsageSlices },
  { name: '0011-dead-letters', class: Migration0011DeadLetters },
  { name: '0012-audit-chain', class: Migration0012AuditChain },
  { name: '0013-people', class: Migration0013People },
  { name: '0014-tools', class: Migration0014Tools },
  { name: '0015-allotments', class: Migration0015Allotments },
  { name: '0016-row-security', class: Migration0016RowSecurity },
  { name: '0017-agents', class: Migration0017Agents },
  { name: '0018-catalogue', class: Migration0018Catalogue },
  { name: '0020-content', class: Migration0020Content },
  { name: '0021-policy-modes', class: Migration0021PolicyModes },
  { name: '0022-decision-steps', class: Migration0022DecisionSteps },
  { name: '0023-live', class: Migration0023Live },
];
