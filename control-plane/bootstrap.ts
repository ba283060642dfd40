/** The first start: an organisation, and an administrator's token that is left for the operator in a file. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import { newId } from '../shared/ids.ts';
import type { SecretKeys } from '../shared/secret-keys.ts';
import { hasValidChecksum, mintToken, readToken, TokenHasher } from '../shared/token.ts';
import { PERMISSIONS } from './access/permissions.ts';
import { AdminTokenEntity, DataPlaneTokenEntity } from './access/tokens.entity.ts';
import { appendConfigChanges } from './config-feed/change-log.ts';
import { upsertOfOrganisation } from './organisations/organisation.document.ts';
import { ForeignSecretKey, tokenHashKey } from './secrets/installation.ts';
import { OrganisationEntity } from './organisations/organisation.entity.ts';
import type { ControlPlaneSettings } from './settings.ts';

/** Any number, the same in every replica: only one of them is the first. */
const BOOTSTRAP_LOCK = 7_261_003;
export const ADMIN_TOKEN_FILE = 'admin-token';

/** Answers what tokens are hashed with. Throws `ForeignSecretKey` when nothing that is stored was made with these keys. */
export async function bootstrap(em: EntityManager, keys: SecretKeys, settings: ControlPlaneSettings, log: Logger): Promise<TokenHasher> {
  return em.fork().transactional(async (first) => {
    await first.execute('select pg_advisory_xact_lock(?)', [BOOTSTRAP_LOCK]);
    const hasher = new TokenHasher(await tokenHashKey(first, keys));
    if ((await first.count(OrganisationEntity)) === 0) await makeFirstOrganisation(first, hasher, settings, log);
    if (settings.dataPlaneToken !== undefined) await registerDataPlaneToken(first, hasher, settings.dataPlaneToken);
    return hasher;
  });
}

/** The file is written before the commit: a token that nobody could read would lock everybody out. */
async function makeFirstOrganisation(em: EntityManager, hasher: TokenHasher, settings: ControlPlaneSettings, log: Logger): Promise<void> {
  const organisation = em.create(OrganisationEntity, { id: newId('organisation'), slug: 'default', name: 'Default' });
  const { token, prefix } = mintToken('adminToken');
  await em.flush();
  em.create(AdminTokenEntity, {
    id: newId('adminToken'),
    organisationId: organisation.id,
    name: 'first administrator',
    prefix,
    hash: hasher.hash(token),
    permissions: [...PERMISSIONS],
  });
  await appendConfigChanges(em, [upsertOfOrganisation(organisation)]);
  const file = join(settings.dataDirectory, ADMIN_TOKEN_FILE);
  await mkdir(settings.dataDirectory, { recursive: true, mode: 0o700 });
  // A file that is left from another database would keep its own mode.
  await rm(file, { force: true });
  await writeFile(file, `${token}\n`, { mode: 0o600, flag: 'wx' });
  log.info({ organisation: organisation.slug, file }, 'made the first organisation; its administrator’s token is in the file');
}

/** The operator chose the token; here it becomes one that data planes may present. Throws `ForeignSecretKey` when it is known under another key. */
async function registerDataPlaneToken(em: EntityManager, hasher: TokenHasher, token: string): Promise<void> {
  const reading = readToken(token);
  if (reading.kind !== 'dataPlaneToken' || !hasValidChecksum(token)) {
    throw new Error('DATA_PLANE_TOKEN is not a data-plane token; `turnpike token data-plane` makes one');
  }
  const hash = hasher.hash(token);
  if ((await em.count(DataPlaneTokenEntity, { hash })) > 0) return;
  // The same token has another hash: it was computed with another key.
  if ((await em.count(DataPlaneTokenEntity, { prefix: reading.prefix })) > 0) throw new ForeignSecretKey();
  em.create(DataPlaneTokenEntity, { id: newId('dataPlaneToken'), prefix: reading.prefix, hash, organisationIds: null });
}
