/** The first administrator's one-time link: offered at a start as long as no person administers the organisation, and good for half an hour. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import { newId } from '../shared/ids.ts';
import { mintToken, readToken, type TokenHasher } from '../shared/token.ts';
import { insideOrganisation } from './database/tenant-filter.ts';
import { InvitationEntity } from './members/invitation.entity.ts';
import { countAdministrators, lockPeople } from './members/people-lock.ts';
import { OrganisationEntity } from './organisations/organisation.entity.ts';
import { SUPER_ADMIN } from './roles/roles.ts';

const SETUP_LINK_FILE = 'setup-link';
export const SETUP_PATH = '/setup';
const SETUP_MILLIS = 30 * 60_000;

export interface SetupPlace {
  /** Of this control plane. */
  readonly url: string;
  readonly dataDirectory: string;
}

/** What a browser shows at the link, which is the token's part of it and never reaches us. */
export const SETUP_TEXT = `Turnpike waits for its first administrator.

What stands behind the # of your link is a token that works once, for half an hour after it was printed. Use it so:

  curl -s <this server>/graphql -H "Content-Type: application/json" -H "Turnpike-CSRF: 1" -c cookies.txt \\
    -d '{"query":"mutation($input: SetUpInput!) { setUp(input: $input) { user { id } userErrors { message } } }",
         "variables":{"input":{"token":"tpi_…","email":"you@example.com","name":"Your name","password":"at least 12 characters"}}}'
`;

/** Answers the link if this replica may show it: of replicas that start together, one makes it. */
export async function offerSetup(em: EntityManager, hasher: TokenHasher, place: SetupPlace, log: Logger): Promise<string | undefined> {
  const file = join(place.dataDirectory, SETUP_LINK_FILE);
  const linkWith = (token: string) => `${place.url}${SETUP_PATH}#${token}`;
  const [organisation] = await em.fork().find(OrganisationEntity, {}, { orderBy: { id: 'asc' }, limit: 1 });
  assert(organisation !== undefined);
  return insideOrganisation(em, organisation.id).transactional(async (inside) => {
    await lockPeople(inside, organisation.id);
    const isNeeded = (await countAdministrators(inside)) === 0;
    const standing = await inside.findOne(InvitationEntity, { email: null });
    if (isNeeded && standing !== null && standing.expiresAt.getTime() > Date.now()) {
      const token = await savedToken(file, standing.hash, hasher);
      return token === undefined ? undefined : linkWith(token);
    }
    if (standing !== null) await inside.remove(standing).flush();
    await rm(file, { force: true });
    if (!isNeeded) return undefined;
    const { token } = mintToken('invitation');
    const expiresAt = new Date(Date.now() + SETUP_MILLIS);
    const setUp = { id: newId('invitation'), organisationId: organisation.id, email: null, teamId: null, roleId: SUPER_ADMIN };
    inside.create(InvitationEntity, { ...setUp, hash: hasher.hash(token), expiresAt });
    // Before the commit: a link that nobody could read would keep everybody waiting until it expires.
    await writeLink(place.dataDirectory, file, linkWith(token));
    log.info({ file, expiresAt }, 'no person administers the organisation yet; the link for the first one is in the file');
    return linkWith(token);
  });
}

async function writeLink(directory: string, file: string, link: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeFile(file, `${link}\n`, { mode: 0o600, flag: 'wx' });
}

/** Of the link that an earlier start has left here, at whatever address; undefined when it is in another replica's directory. */
async function savedToken(file: string, hash: string, hasher: TokenHasher): Promise<string | undefined> {
  if (!existsSync(file)) return undefined;
  const link = (await readFile(file, 'utf8')).trim();
  const token = link.slice(link.indexOf('#') + 1);
  return readToken(token).kind === 'invitation' && hasher.hash(token) === hash ? token : undefined;
}
