/** Brings the alerts of an organisation in line with what holds now: raises what is new, resolves what is over. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import { newId } from '../../shared/ids.ts';
import { noteLiveChanges } from '../live/live-changes.ts';
import { insertFrom } from '../usage-intake/stored-rows.ts';
import { AlertEntity, type Alert } from './alert.entity.ts';
import type { AlertCondition, AlertKind } from './alert-condition.ts';

/** What is over is shown for so long. */
const KEPT = '90 days';
const COLUMNS = ['id text', 'organisation_id text', 'kind text', 'severity text', 'title text', 'target_id text', 'detail jsonb'] as const;
const idsSchema = z.array(z.object({ id: z.string() }));

/** What was found of some kinds; alerts of other kinds stay as they are. */
export interface Findings {
  readonly kinds: readonly AlertKind[];
  readonly conditions: readonly AlertCondition[];
}

/** `em` sees the one organisation. However many do it at once, an alert is raised once. */
export async function keepAlerts(em: EntityManager, organisationId: string, { kinds, conditions }: Findings): Promise<void> {
  await em.fork().transactional(async (writer) => {
    const open = new Map((await writer.find(AlertEntity, { resolvedAt: null, kind: { $in: [...kinds] } })).map((alert) => [nameOf(alert), alert]));
    const changed: string[] = [];
    const news: AlertCondition[] = [];
    for (const condition of conditions) {
      const alert = open.get(nameOf(condition));
      open.delete(nameOf(condition));
      if (alert === undefined) news.push(condition);
      else if (alert.title !== condition.title) changed.push(alert.id);
      if (alert !== undefined) writer.assign(alert, { title: condition.title, severity: condition.severity, detail: { ...condition.detail } });
    }
    for (const alert of open.values()) {
      writer.assign(alert, { resolvedAt: new Date() });
      changed.push(alert.id);
    }
    await writer.flush();
    changed.push(...(await raise(writer, organisationId, news)));
    await noteLiveChanges(writer, 'ALERT', organisationId, changed);
  });
}

/** `em` sees every organisation. */
export async function forgetAlerts(em: EntityManager): Promise<void> {
  await em.fork().execute(`delete from alerts where resolved_at < now() - interval '${KEPT}'`);
}

async function raise(writer: EntityManager, organisationId: string, news: readonly AlertCondition[]): Promise<string[]> {
  if (news.length === 0) return [];
  const rows = news.map(({ kind, severity, title, targetId, detail }) => ({
    id: newId('alert'),
    organisation_id: organisationId,
    kind,
    severity,
    title,
    target_id: targetId,
    detail,
  }));
  return idsSchema
    .parse(await writer.execute(`${insertFrom('alerts', COLUMNS)} on conflict do nothing returning id`, [JSON.stringify(rows)]))
    .map(({ id }) => id);
}

function nameOf({ kind, targetId }: Pick<Alert, 'kind' | 'targetId'>): string {
  return `${kind} ${targetId}`;
}
