/** The public shape of exports, and what they are asked for. */
import { Field, ID, InputType, ObjectType, registerEnumType } from 'type-graphql';
import { AuditFilterInput } from '../audit/audit.types.ts';
import { EXPORT_FORMATS, type ExportFormat } from '../export/export-form.ts';
import { BigIntString, DateTime } from '../graphql/scalars.ts';
import { UserError } from '../graphql/user-error.types.ts';
import { Node } from '../nodes/node.types.ts';
import { UsageFilterInput } from '../usage/usage-filter.types.ts';
import { EXPORT_STATES, type ExportState } from './export.entity.ts';
import { EXPORT_KINDS, type ExportKind } from './export-sources.ts';

const EXPORT_KIND = Object.fromEntries(EXPORT_KINDS.map((kind) => [kind, kind]));
registerEnumType(EXPORT_KIND, { name: 'ExportKind', description: 'What is exported.' });
const EXPORT_FORMAT = Object.fromEntries(EXPORT_FORMATS.map((format) => [format.toUpperCase(), format]));
registerEnumType(EXPORT_FORMAT, { name: 'ExportFormat', description: 'A line of JSON for each, or CSV as RFC 4180 has it.' });
export const EXPORT_STATE = Object.fromEntries(EXPORT_STATES.map((state) => [state, state]));
registerEnumType(EXPORT_STATE, {
  name: 'ExportState',
  description: 'PENDING: its lines are being counted. READY: it can be downloaded. FAILED and EXPIRED are final.',
});

@ObjectType('Export', { implements: Node, description: 'A file to be downloaded. It holds what there was when it was asked for.' })
export class ExportType {
  @Field(() => ID, { description: 'Of the form `exp_…`.' })
  id!: string;

  @Field(() => EXPORT_KIND, { description: 'What is exported.' })
  kind!: ExportKind;

  @Field(() => EXPORT_FORMAT, { description: 'In which form.' })
  format!: ExportFormat;

  @Field(() => EXPORT_STATE, { description: 'Whether it can be downloaded.' })
  state!: ExportState;

  @Field(() => String, { nullable: true, description: 'Why it failed.' })
  error?: string | null | undefined;

  @Field(() => BigIntString, { nullable: true, description: 'How many records or events it holds; null until they are counted.' })
  rows?: string | null | undefined;

  @Field(() => String, {
    nullable: true,
    description: 'Path on the control plane, good for a quarter of an hour and for whoever has it; null while there is nothing to download.',
  })
  downloadUrl?: string | null;

  @Field(() => DateTime, { description: 'When it was asked for.' })
  createdAt!: Date;

  @Field(() => DateTime, { description: 'When it ends.' })
  expiresAt!: Date;
}

@InputType({ description: 'What is to be exported.' })
export class CreateExportInput {
  @Field(() => EXPORT_KIND, { description: 'Usage records need USAGE_READ, audit events AUDIT_READ.' })
  kind!: ExportKind;

  @Field(() => EXPORT_FORMAT, { defaultValue: 'jsonl', description: 'In which form.' })
  format!: ExportFormat;

  @Field(() => UsageFilterInput, { nullable: true, description: 'Which usage records; all when not given.' })
  usage!: UsageFilterInput | null;

  @Field(() => AuditFilterInput, { nullable: true, description: 'Which audit events; all when not given.' })
  audit!: AuditFilterInput | null;
}

@ObjectType({ description: 'The export as it stands now.' })
export class ExportPayload {
  @Field(() => ExportType, { nullable: true, description: 'Null when the input was refused.' })
  export!: ExportType | null;

  @Field(() => [UserError], { description: 'What is wrong with the input.' })
  userErrors!: UserError[];
}
