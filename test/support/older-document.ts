/** A configuration as the first control plane wrote it, to the letter: with nothing in it that was added since. */

const organisationId = 'org_older';
const FIRST_ENVELOPE = { policies: { ip: { blocklist: ['192.0.2.0/24'] }, ratelimit: { requests: { per_minute: 60 }, concurrency: { max: 5 } } } };
const FIRST_PRICING = {
  callFemtosUsd: '2000000000',
  inputByteFemtosUsd: '500',
  outputByteFemtosUsd: '1000',
  pricedMethods: ['tools/call'],
  toolOverrides: { echo: { callFemtosUsd: '0', inputByteFemtosUsd: '0', outputByteFemtosUsd: '0' } },
};

/** One entity of each kind that there was, with every field that it had. */
export const OLDER_ENTITIES = {
  organisation: { id: organisationId, slug: 'older', denialStyle: 'AUTO' },
  apiKey: {
    id: 'key_older',
    organisationId,
    type: 'ORGANISATION',
    name: 'agent',
    prefix: 'vk_older',
    teamId: null,
    userId: null,
    userDomain: null,
    hashes: [{ hash: 'hash-of-older', validUntilMillis: null }],
    state: 'ACTIVE',
    expiresAtMillis: null,
    denialStyle: null,
  },
  mcpServer: {
    id: 'srv_older',
    organisationId,
    slug: 'tools',
    name: 'tools',
    transport: 'STREAMABLE_HTTP',
    endpointUrl: 'http://127.0.0.1:9/mcp',
    stdioCommand: null,
    stdioArgs: [],
    stdioEnv: {},
    // Sealed by the secret key itself, as secrets were before each had a key of its own.
    auth: { type: 'BEARER', token: { keyId: '9c79275b', box: 'sdMMEIB+K+8WO9/duO9ki7yZjqh4/ggtyHmtEMIRUlo=' } },
    enabled: true,
    isPublic: false,
    teamId: null,
    apiKeyId: null,
    allowedTools: [],
    blockedTools: ['delete_file'],
    toolRulesMode: 'ENFORCE',
    semanticFilter: { blockedKeywords: ['password'], blockedPatterns: ['sk-[a-z]+'], applyTo: ['REQUEST'], action: 'BLOCK' },
    pricing: FIRST_PRICING,
    denialStyle: 'AUTO',
  },
  accessGrant: { id: 'grn_older', organisationId, apiKeyId: 'key_older', mcpServerId: 'srv_older', toolsAllowed: null, expiresAtMillis: null },
  policy: { id: 'pol_older', organisationId, scope: 'ORGANISATION', ownerId: organisationId, envelope: FIRST_ENVELOPE, mode: 'ENFORCE' },
  limit: {
    id: 'lim_older',
    organisationId,
    name: 'budget',
    ownerType: 'ORGANISATION',
    ownerId: organisationId,
    mcpServerId: null,
    tool: null,
    metric: 'NANO_USD',
    amount: '50000000000',
    period: 'MONTHLY',
    timezone: 'UTC',
    startAtMillis: 0,
    endAtMillis: null,
    mode: 'ENFORCE',
  },
} as const;

/** The whole of it, as a snapshot carries it. */
export const OLDER_DOCUMENT = Object.entries(OLDER_ENTITIES).map(([kind, value]) => ({ op: 'upsert', kind, value }));
