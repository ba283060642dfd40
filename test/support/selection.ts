/** Selections made from the schema: everything that a type has, down to a depth, so that no test has to follow new fields. */
import { getNamedType, isInterfaceType, isObjectType, isRequiredArgument, type GraphQLField, type GraphQLOutputType } from 'graphql';

/** How a field is selected; undefined leaves it out. */
export type ChooseField = (owner: string, field: GraphQLField<unknown, unknown>) => string | undefined;

/** Whatever needs no arguments and no permission of its own. */
export const withoutArguments: ChooseField = (_owner, { name, args, description }) =>
  args.some(isRequiredArgument) || /\bNeeds [A-Z_]+\./.test(description ?? '') ? undefined : name;

/** The braces and what is in them, with objects `depth` levels below; nothing for a scalar. Pages show their nodes, which are no level. */
export function selectionOf(type: GraphQLOutputType, depth: number, choose: ChooseField = withoutArguments): string {
  const named = getNamedType(type);
  if (!isObjectType(named) && !isInterfaceType(named)) return '';
  const fields = Object.values(named.getFields());
  const isPage = named.name.endsWith('Connection');
  const selected = fields.flatMap((field) => {
    if (isPage && field.name !== 'nodes') return [];
    const below = getNamedType(field.type);
    const isBranch = isObjectType(below) || isInterfaceType(below);
    if (isBranch && depth === 0 && !isPage) return [];
    const chosen = choose(named.name, field);
    return chosen === undefined ? [] : [`${chosen}${selectionOf(field.type, isPage ? depth : depth - 1, choose)}`];
  });
  return ` { ${selected.length === 0 ? '__typename' : selected.join(' ')} }`;
}
