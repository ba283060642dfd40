/** Reads the whole configuration that a data plane may see, as it stands at one version, page by page into packed parts. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { IsolationLevel } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { ConfigUpsert } from '../../shared/config-document.ts';
import { PartPacker } from '../../shared/config-parts.ts';
import { ACCESS_GRANT_COLUMNS, upsertOfAccessGrant } from '../access-grants/access-grant.document.ts';
import { AccessGrantEntity } from '../access-grants/access-grant.entity.ts';
import { upsertOfAgent } from '../agents/agent.document.ts';
import { AgentEntity } from '../agents/agent.entity.ts';
import { API_KEY_COLUMNS, upsertOfApiKey } from '../api-keys/api-key.document.ts';
import { ApiKeyEntity } from '../api-keys/api-key.entity.ts';
import { upsertOfMcpServer } from '../mcp-servers/mcp-server.document.ts';
import { McpServerEntity } from '../mcp-servers/mcp-server.entity.ts';
import { upsertOfLimit } from '../money/limit.document.ts';
import { LimitEntity } from '../money/limit.entity.ts';
import { upsertOfOrganisation } from '../organisations/organisation.document.ts';
import { OrganisationEntity } from '../organisations/organisation.entity.ts';
import { upsertOfPolicy } from '../policies/policy.document.ts';
import { PolicyEntity } from '../policies/policy.entity.ts';
import { currentVersion } from './current-version.ts';
import { upsertOfInstallation } from '../secrets/installation.ts';
import { upsertOfUpstreamToken } from '../upstream-oauth/upstream-connection.document.ts';
import { UpstreamConnectionEntity } from '../upstream-oauth/upstream-connection.entity.ts';

/** Where the parts go as they are made. */
export interface SnapshotSink {
  begin(version: string): void;
  add(packed: string): void;
}

interface Page {
  readonly upserts: readonly ConfigUpsert[];
  /** Undefined after the last page. */
  readonly nextAfterId: string | undefined;
}

/** Rows are read and converted in one turn of the event loop, which must not be a long one. */
const PAGE_ROWS = 1000;

type PageReader = (reader: EntityManager, afterId: string) => Promise<Page>;

/** `organisationIds` null means all. One transaction sees one state of the database, whatever is committed meanwhile. */
export async function buildSnapshot(em: EntityManager, organisationIds: readonly string[] | null, sink: SnapshotSink): Promise<void> {
  await em.fork().transactional(
    async (reader) => {
      sink.begin(await currentVersion(reader));
      const packer = new PartPacker();
      for (const readPage of pageReaders(organisationIds)) {
        let page: Page | undefined = await readPage(reader, '');
        while (page !== undefined) {
          const { upserts, nextAfterId }: Page = page;
          // The database reads the next page while this one is packed.
          [page] = await Promise.all([nextAfterId === undefined ? undefined : readPage(reader, nextAfterId), addAll(packer, upserts, sink)]);
        }
      }
      // One part at least: a configuration without anything is a valid one.
      sink.add(packer.take().toString('base64'));
    },
    { isolationLevel: IsolationLevel.REPEATABLE_READ, readOnly: true },
  );
}

async function addAll(packer: PartPacker, upserts: readonly ConfigUpsert[], sink: SnapshotSink): Promise<void> {
  // Whatever was begun before this is on its way to the database first.
  await nextTurn();
  for (const upsert of upserts) {
    packer.add(upsert);
    if (packer.isFull) sink.add(packer.take().toString('base64'));
  }
}

/**
 * Pages are read as plain rows: making entities of them would cost five times as much. The tenant filter, which query builders leave
 * aside, is replaced by what the token may see.
 */
function pageReaders(organisationIds: readonly string[] | null): readonly PageReader[] {
  const owned = organisationIds === null ? {} : { organisationId: { $in: [...organisationIds] } };
  const itself = organisationIds === null ? [] : [{ id: { $in: [...organisationIds] } }];
  const after = (afterId: string) => ({ id: { $gt: afterId }, ...owned });
  const inOrder = { id: 'asc' } as const;
  const max = PAGE_ROWS;
  return [
    async (reader) => ({ upserts: await upsertOfInstallation(reader), nextAfterId: undefined }),
    async (reader, afterId) =>
      pageOf(
        await reader
          .createQueryBuilder(OrganisationEntity)
          .where({ $and: [{ id: { $gt: afterId } }, ...itself] })
          .orderBy(inOrder)
          .limit(max)
          .execute('all'),
        upsertOfOrganisation,
      ),
    async (reader, afterId) =>
      pageOf(
        await reader.createQueryBuilder(ApiKeyEntity).select(API_KEY_COLUMNS).where(after(afterId)).orderBy(inOrder).limit(max).execute('all'),
        upsertOfApiKey,
      ),
    async (reader, afterId) =>
      pageOf(await reader.createQueryBuilder(McpServerEntity).where(after(afterId)).orderBy(inOrder).limit(max).execute('all'), upsertOfMcpServer),
    async (reader, afterId) =>
      pageOf(
        await reader.createQueryBuilder(AccessGrantEntity).select(ACCESS_GRANT_COLUMNS).where(after(afterId)).orderBy(inOrder).limit(max).execute('all'),
        upsertOfAccessGrant,
      ),
    async (reader, afterId) =>
      pageOf(
        await reader
          .createQueryBuilder(PolicyEntity)
          // The operator's policy is for every data plane.
          .where({ id: { $gt: afterId }, $or: [owned, { organisationId: null }] })
          .orderBy(inOrder)
          .limit(max)
          .execute('all'),
        upsertOfPolicy,
      ),
    async (reader, afterId) =>
      pageOf(
        await reader
          .createQueryBuilder(LimitEntity)
          .where({ ...after(afterId), active: true })
          .orderBy(inOrder)
          .limit(max)
          .execute('all'),
        upsertOfLimit,
      ),
    async (reader, afterId) =>
      pageOf(await reader.createQueryBuilder(AgentEntity).where(after(afterId)).orderBy(inOrder).limit(max).execute('all'), upsertOfAgent),
    async (reader, afterId) =>
      pageOf(
        await reader
          .createQueryBuilder(UpstreamConnectionEntity)
          .where({ ...after(afterId), accessToken: { $ne: null } })
          .orderBy(inOrder)
          .limit(max)
          .execute('all'),
        upsertOfUpstreamToken,
      ),
  ];
}

function pageOf<Entity extends { readonly id: string }>(entities: readonly Entity[], toUpsert: (entity: Entity) => ConfigUpsert | undefined): Page {
  const isFull = entities.length === PAGE_ROWS;
  return { upserts: entities.map(toUpsert).filter((upsert) => upsert !== undefined), nextAfterId: isFull ? entities.at(-1)?.id : undefined };
}
