/** What the service of servers is given: the API's inputs with every default filled in. */
import type { DenialStyle, StdioIsolation, Transport } from '../../shared/mcp-server.ts';
import type { McpServer } from './mcp-server.entity.ts';
import type { Aim } from './mcp-servers.service.ts';
import type { ServerLimitsInput } from './server-limits.ts';
import type { PricingInput } from './server-pricing.ts';
import type { SemanticFilterInput } from '../content/read-semantic-filter.ts';
import type { ServerScopeInput } from './server-scope.ts';
import type { AuthInput, SecretEntry } from './server-secrets.ts';

export interface CreateServerInput {
  readonly name: string;
  readonly slug: string | null;
  readonly description: string | null;
  readonly transport: Transport;
  readonly endpointUrl: string | null;
  readonly stdioCommand: string | null;
  readonly stdioArgs: readonly string[];
  readonly stdioEnv: readonly SecretEntry[];
  readonly stdioIsolation: StdioIsolation | null;
  readonly auth: AuthInput | null;
  readonly oauthRequired: boolean;
  readonly enabled: boolean;
  readonly isPublic: boolean;
  readonly scope: ServerScopeInput | null;
  readonly allowedTools: readonly string[];
  readonly blockedTools: readonly string[];
  readonly pricing: PricingInput | null;
  readonly semanticFilter: SemanticFilterInput | null;
  readonly policy: unknown;
  readonly denialStyle: DenialStyle | null;
  readonly limits: ServerLimitsInput | null;
  readonly grantTo: readonly string[];
  readonly metadata: Record<string, unknown>;
  readonly origin: ServerOrigin;
  readonly dryRun: boolean;
}

/** Where the server comes from. */
export interface ServerOrigin {
  readonly source: McpServer['source'];
  readonly catalogEntryId: string | null;
}

export const MADE_BY_HAND: ServerOrigin = { source: 'MANUAL', catalogEntryId: null };

/** Absent means unchanged. */
export interface UpdateServerInput extends Aim {
  readonly slug?: string;
  readonly scope?: ServerScopeInput;
  readonly limits?: ServerLimitsInput | null;
  /** Columns that are taken as they are given. */
  readonly changes: {
    readonly name?: string;
    readonly description?: string | null;
    readonly endpointUrl?: string | null;
    readonly stdioCommand?: string | null;
    readonly stdioArgs?: string[];
    readonly stdioIsolation?: StdioIsolation;
    readonly isPublic?: boolean;
    readonly oauthRequired?: boolean;
    readonly denialStyle?: DenialStyle;
    readonly metadata?: Record<string, unknown>;
  };
  readonly stdioEnvSet: readonly SecretEntry[];
  readonly stdioEnvUnset: readonly string[];
}
