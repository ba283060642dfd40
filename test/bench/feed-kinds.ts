/** The kinds of change whose way to the data planes is measured, each with the call that shows when it is in force. */
import { z } from 'zod';
import type { AdminClient } from '../support/admin-client.ts';
import { PROBE_TOOL, type Sighting } from './watched-nodes.ts';

export interface ChangeKind {
  readonly name: string;
  /** Changes something, and answers with what calls show from then on. What even rounds switch on, odd ones switch off. */
  change(round: number): Promise<Sighting>;
  /** What must be there before, which is not measured. */
  arrange?(): Promise<Sighting>;
}

interface Governed {
  readonly serverId: string;
  readonly slug: string;
  readonly keyId: string;
  readonly secret: string;
}

/** Each kind that switches something has a server and a key of its own, so that none is in another's way. */
type MakeToggle = (admin: AdminClient, governed: Governed) => Promise<Toggle> | Toggle;
interface Toggle {
  /** What a call shows while it is on; while it is off, the call is answered. */
  readonly shows: string;
  set(isOn: boolean): Promise<unknown>;
}

const PROBE_FILTER = { blockedKeywords: ['probe'] };
const idSchema = z.object({ id: z.string() });
/** At such a price one call costs a dollar, which the budget beside it does not hold. */
const USD_PER_MILLION_CALLS = '1000000';
const BUDGET_USD = '0.01';
const SCHEDULE = { period: 'MONTHLY', timezone: 'UTC' };

/** The one that the upstream takes. */
export const GOOD_TOKEN = 'good-token';

const TOGGLES: Readonly<Record<string, MakeToggle>> = {
  'server switched off and on': (admin, { serverId }) => ({
    shows: 'server_disabled',
    set: (isOn) => admin.mutate('setServerEnabled', 'SetEnabledInput', { id: serverId, enabled: !isOn }, 'server { id }'),
  }),
  'key switched off and on': (admin, { keyId }) => ({
    shows: 'disabled_key',
    set: (isOn) => admin.mutate('setApiKeyDisabled', 'SetApiKeyDisabledInput', { id: keyId, disabled: isOn }, 'apiKey { id }'),
  }),
  'credentials of a server': (admin, { serverId }) => ({
    shows: 'rejected_credentials',
    set: (isOn) => setToken(admin, serverId, isOn ? 'stale-token' : GOOD_TOKEN),
  }),
  'tool rules': (admin, { serverId }) => ({
    shows: 'blocked_tool',
    set: (isOn) =>
      admin.mutate('setToolRules', 'SetToolRulesInput', { id: serverId, allowedTools: [], blockedTools: isOn ? [PROBE_TOOL] : [] }, 'server { id }'),
  }),
  'tool pins': async (admin, { serverId }) => {
    await admin.mutate('discoverTools', 'IdInput', { id: serverId }, 'server { id }');
    return {
      shows: 'tool_disabled',
      set: (isOn) => admin.mutate('setToolsEnabled', 'SetToolsEnabledInput', { serverId, tools: [PROBE_TOOL], enabled: !isOn }, 'tools { name }'),
    };
  },
  'filter of a server': (admin, { serverId }) => ({
    shows: 'semantic_filter',
    set: (isOn) => admin.mutate('setSemanticFilter', 'SetSemanticFilterInput', { serverId, filter: isOn ? PROBE_FILTER : null }, 'server { id }'),
  }),
  'filter of the organisation': (admin) => ({
    shows: 'semantic_filter',
    set: (isOn) => admin.mutate('setOrganisationFilter', 'SetOrganisationFilterInput', { filter: isOn ? PROBE_FILTER : null }, 'organisation { id }'),
  }),
  'web-search policy': (admin, { serverId }) => ({
    shows: 'web_search_policy',
    set: (isOn) =>
      admin.mutate('setWebSearchPolicy', 'SetWebSearchPolicyInput', { serverId, policy: isOn ? { allowedDomains: ['example.org'] } : null }, 'server { id }'),
  }),
  price: async (admin, { serverId }) => {
    const budget = { name: 'watched', ownerType: 'ORGANISATION', serverId, limitUsd: BUDGET_USD, schedule: SCHEDULE };
    await admin.mutate('createBudget', 'BudgetInput', budget, 'budget { id }');
    return {
      shows: 'budget_exhausted',
      set: (isOn) =>
        admin.mutate('setPricing', 'SetPricingInput', { serverId, pricing: { usdPerMillionCalls: isOn ? USD_PER_MILLION_CALLS : '0' } }, 'server { id }'),
    };
  },
  quota: (admin, { keyId }) => {
    let limitId: string | undefined;
    return {
      shows: 'quota_exhausted',
      set: async (isOn) => {
        if (!isOn) return admin.mutate('deleteLimit', 'IdInput', { id: limitId }, 'deletedId');
        const quota = { name: 'nothing', ownerType: 'API_KEY', ownerId: keyId, metric: 'REQUESTS', limit: '0', schedule: SCHEDULE };
        const payload = await admin.mutate('createQuota', 'QuotaInput', quota, 'quota { id }');
        limitId = idSchema.parse(payload['quota']).id;
      },
    };
  },
  policy: (admin, { keyId }) => ({
    shows: 'ip_blocked',
    set: (isOn) => {
      const policies = isOn ? { policies: { ip: { blocklist: ['127.0.0.0/8'] } } } : { policies: {} };
      return admin.mutate('setPolicy', 'SetPolicyInput', { scope: 'API_KEY', ownerId: keyId, policies }, 'policy { id }');
    },
  }),
  grant: async (admin, { keyId, serverId }) => {
    let grantId = await grantOf(admin, keyId, serverId);
    return {
      shows: 'no_grant',
      set: async (isOn) => {
        if (isOn) await admin.mutate('setGrants', 'SetGrantsInput', { remove: [grantId] }, 'grants { id }');
        else grantId = await admin.grant(keyId, serverId);
      },
    };
  },
  agent: async (admin, { keyId, serverId }) => {
    const payload = await admin.mutate('createAgent', 'CreateAgentInput', { name: 'Night shift', clients: clientsOf(serverId) }, 'agent { id }');
    const { id } = idSchema.parse(payload['agent']);
    await admin.mutate('updateApiKey', 'UpdateApiKeyInput', { id: keyId, agentId: id }, 'apiKey { id }');
    return {
      shows: 'agent_not_mapped',
      set: (isOn) => admin.mutate('updateAgent', 'UpdateAgentInput', { id, clients: isOn ? [] : clientsOf(serverId) }, 'agent { id }'),
    };
  },
  'what unknown clients get': (admin) => ({
    shows: 'agent_not_mapped',
    set: (isOn) => admin.mutate('setUnknownClients', 'SetUnknownClientsInput', { unknownClients: isOn ? 'DENY' : 'ALLOW' }, 'organisation { id }'),
  }),
};

/** Every kind, with what it needs made already. */
export async function changeKinds(admin: AdminClient, upstreamUrl: string): Promise<ChangeKind[]> {
  const kinds: ChangeKind[] = [];
  for (const [name, make] of Object.entries(TOGGLES)) kinds.push(await toggleKind(admin, name, make, upstreamUrl));
  const callers = await governed(admin, 'callers', upstreamUrl);
  return [...kinds, serverKind(admin, callers), keyKind(admin, callers), revocationKind(admin, callers)];
}

async function toggleKind(admin: AdminClient, name: string, make: MakeToggle, upstreamUrl: string): Promise<ChangeKind> {
  const own = await governed(admin, name.replaceAll(' ', '-'), upstreamUrl);
  const { shows, set } = await make(admin, own);
  return {
    name,
    change: async (round) => {
      const isOn = round % 2 === 0;
      await set(isOn);
      return { ...own, shows: isOn ? shows : 'answered' };
    },
  };
}

function serverKind(admin: AdminClient, { secret }: Governed): ChangeKind {
  const slug = 'made-and-deleted';
  let serverId: string | undefined;
  return {
    name: 'server made and deleted',
    change: async () => {
      if (serverId === undefined) {
        serverId = (await admin.createServer({ name: slug, slug, transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/mcp' })).id;
        return { slug, secret, shows: 'no_grant' };
      }
      await admin.mutate('deleteServer', 'DeleteServerInput', { id: serverId }, 'deletedId');
      serverId = undefined;
      return { slug, secret, shows: 'unknown_server' };
    },
  };
}

function keyKind(admin: AdminClient, { slug }: Governed): ChangeKind {
  return {
    name: 'key made',
    change: async () => ({ slug, secret: (await admin.createApiKey()).secret, shows: 'no_grant' }),
  };
}

function revocationKind(admin: AdminClient, { slug, serverId }: Governed): ChangeKind {
  let key = { id: '', secret: '' };
  return {
    name: 'key revoked',
    arrange: async () => {
      key = await admin.createApiKey({ grantServerIds: [serverId] });
      return { slug, secret: key.secret, shows: 'answered' };
    },
    change: async () => {
      await admin.mutate('revokeApiKey', 'IdInput', { id: key.id }, 'apiKey { id }');
      return { slug, secret: key.secret, shows: 'revoked_key' };
    },
  };
}

async function governed(admin: AdminClient, slug: string, endpointUrl: string): Promise<Governed> {
  const auth = { bearer: { token: GOOD_TOKEN } };
  const { id: serverId } = await admin.createServer({ name: slug, slug, transport: 'STREAMABLE_HTTP', endpointUrl, auth });
  const { id: keyId, secret } = await admin.createApiKey({ name: slug, grantServerIds: [serverId] });
  return { serverId, slug, keyId, secret };
}

function setToken(admin: AdminClient, id: string, token: string): Promise<unknown> {
  return admin.mutate('setServerAuth', 'SetServerAuthInput', { id, auth: { bearer: { token } } }, 'server { id }');
}

async function grantOf(admin: AdminClient, keyId: string, serverId: string): Promise<string> {
  const { grants } = await admin.query('query($keyId: ID, $serverId: ID) { grants(first: 1, apiKeyId: $keyId, serverId: $serverId) { nodes { id } } }', {
    keyId,
    serverId,
  });
  const [grant] = z.object({ nodes: z.array(idSchema) }).parse(grants).nodes;
  if (grant === undefined) throw new Error('the key has its grant');
  return grant.id;
}

function clientsOf(serverId: string): object[] {
  return [{ name: 'terminal', clientNamePattern: 'night-*', allowedServerIds: [serverId] }];
}
