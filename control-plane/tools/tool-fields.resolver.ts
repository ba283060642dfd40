/** The fields of a tool that are drawn from its definition, from its server or from other servers. */
import { Ctx, FieldResolver, ID, Resolver, Root } from 'type-graphql';
import { isPinRefused, objectionToPin } from '../../shared/tool-pins.ts';
import { JsonObject } from '../graphql/scalars.ts';
import type { RequestContext } from '../request-context.ts';
import { pinOf } from './merge-tools.ts';
import { differencesOf } from './tool-diff.ts';
import { TOOL_FLAG, TOOL_RISK, TOOL_STATE } from './tool-enums.types.ts';
import { stateOf } from './tool-filter.ts';
import { flagsOf } from './tool-flags.ts';
import { effectiveRisk, type Tool } from './tool.entity.ts';
import { ToolDifferenceType, ToolType } from './tool.types.ts';

@Resolver(() => ToolType)
export class ToolFieldsResolver {
  @FieldResolver(() => String, { nullable: true, description: 'For people.' })
  title(@Root() { definition }: Tool): string | null {
    return definition.title ?? null;
  }

  @FieldResolver(() => String, { nullable: true, description: 'What models read of it.' })
  description(@Root() { definition }: Tool): string | null {
    return definition.description ?? null;
  }

  @FieldResolver(() => JsonObject, { nullable: true, description: 'JSON Schema of its arguments.' })
  inputSchema(@Root() { definition }: Tool): Record<string, unknown> | null {
    return definition.inputSchema ?? null;
  }

  @FieldResolver(() => JsonObject, { nullable: true, description: 'JSON Schema of its structured results.' })
  outputSchema(@Root() { definition }: Tool): Record<string, unknown> | null {
    return definition.outputSchema ?? null;
  }

  @FieldResolver(() => JsonObject, { nullable: true, description: 'The hints of its server.' })
  annotations(@Root() { definition }: Tool): Record<string, unknown> | null {
    return definition.annotations ?? null;
  }

  @FieldResolver(() => TOOL_RISK, { description: 'By its hints, else by its name, unless somebody corrected it.' })
  risk(@Root() tool: Tool): keyof typeof TOOL_RISK {
    return effectiveRisk(tool);
  }

  @FieldResolver(() => TOOL_STATE, { description: 'Whether it was reviewed, and is as it was then.' })
  state(@Root() tool: Tool): keyof typeof TOOL_STATE {
    return stateOf(tool);
  }

  @FieldResolver(() => String, {
    nullable: true,
    description: 'Why it is hidden and refused, as a reason of `mcp_guardrail_block`; null when state, switch and review let it be called.',
  })
  async refusedAs(@Root() tool: Tool, @Ctx() { loaders }: RequestContext): Promise<string | null> {
    const server = await loaders.mcpServers.load(tool.mcpServerId);
    const objection = objectionToPin(pinOf(tool), server?.toolReview ?? 'NONE');
    return objection !== undefined && isPinRefused(objection, server?.toolChangeMode ?? 'ENFORCE') ? objection : null;
  }

  @FieldResolver(() => [TOOL_FLAG], { description: 'What to look at twice.' })
  async flags(@Root() tool: Tool, @Ctx() context: RequestContext): Promise<(keyof typeof TOOL_FLAG)[]> {
    const isElsewhere = (await this.sameNameServerIds(tool, context)).length > 0;
    return [...flagsOf(tool.definition), ...(isElsewhere ? ['SAME_NAME_ELSEWHERE' as const] : [])];
  }

  @FieldResolver(() => [ID], { description: 'Other servers of the organisation that have a tool of this name.' })
  async sameNameServerIds(@Root() { name, mcpServerId }: Tool, @Ctx() { loaders }: RequestContext): Promise<string[]> {
    return (await loaders.toolHolders.load(name)).filter((id) => id !== mcpServerId);
  }

  @FieldResolver(() => [ToolDifferenceType], { description: 'What is different from the approved definition.' })
  changes(@Root() { approvedDefinition, definition }: Tool): ToolDifferenceType[] {
    return differencesOf(approvedDefinition, definition);
  }
}
