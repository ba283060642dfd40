/** The public shape of alerts. */
import { Field, ID, ObjectType, registerEnumType } from 'type-graphql';
import { DateTime, JsonObject } from '../graphql/scalars.ts';
import { Node } from '../nodes/node.types.ts';
import { ALERT_KINDS, ALERT_SEVERITIES, type AlertKind, type AlertSeverity } from './alert-condition.ts';

const ALERT_KIND = Object.fromEntries(ALERT_KINDS.map((kind) => [kind, kind]));
registerEnumType(ALERT_KIND, { name: 'AlertKind', description: 'What an alert tells of; docs/live.md says when each is raised and when it is over.' });
const ALERT_SEVERITY = Object.fromEntries(ALERT_SEVERITIES.map((severity) => [severity, severity]));
registerEnumType(ALERT_SEVERITY, {
  name: 'AlertSeverity',
  description: 'CRITICAL: calls fail, or the books are wrong. WARNING: they soon may. INFO: somebody should look when there is time.',
});

@ObjectType('Alert', { implements: Node, description: 'What somebody should know of while it lasts.' })
export class AlertType {
  @Field(() => ID, { description: 'Of the form `alr_…`.' })
  id!: string;

  @Field(() => ALERT_KIND, { description: 'What it tells of.' })
  kind!: AlertKind;

  @Field(() => ALERT_SEVERITY, { description: 'How bad it is.' })
  severity!: AlertSeverity;

  @Field(() => String, { description: 'For people.' })
  title!: string;

  @Field(() => ID, { description: 'The server, limit, data plane or organisation that it is about.' })
  targetId!: string;

  @Field(() => JsonObject, { description: 'Figures, names and reasons.' })
  detail!: Record<string, unknown>;

  @Field(() => DateTime, { description: 'When it was noticed.' })
  raisedAt!: Date;

  @Field(() => DateTime, { nullable: true, description: 'When it was over; null while it lasts.' })
  resolvedAt?: Date | null | undefined;
}
