/** What a row of the matrix says of one field of the schema: who may ask for it, with what, and which ids of others it takes. */
import { PERMISSIONS, type Permission } from '../../../../control-plane/access/permissions.ts';
import type { Ids, World } from './world.ts';

/** ADMINISTRATOR: whoever has a token or has signed in, with any permissions or none. PERSON: whoever has signed in. */
export type Needs = Permission | 'ADMINISTRATOR' | 'PERSON' | 'EVERYBODY' | 'DATA_PLANE';
export function isPermission(needs: Needs): needs is Permission {
  return PERMISSIONS.some((permission) => permission === needs);
}

export type Arguments = Readonly<Record<string, unknown>>;
/** The field's arguments, with an object of another organisation in the place where one's own belongs. */
export type ForeignArguments = (theirs: Ids, own: World) => Arguments;

export interface Row {
  readonly needs: Needs;
  /** The smallest valid arguments. What the field takes away is made for it, since all rows share one world. */
  readonly smallest: (own: World) => Arguments | Promise<Arguments>;
  readonly foreign: readonly ForeignArguments[];
  /** Codes of the user errors with which even the smallest input is answered, where nothing else can be had. */
  readonly expecting: readonly string[];
  /** Makes something happen of which a subscription tells; called again and again until it has. */
  readonly provoke: (own: World) => Promise<void>;
}

export type Rows = Readonly<Record<string, Row>>;
type Smallest = (own: World) => Arguments | Promise<Arguments>;

export function query(needs: Needs, smallest: Smallest = () => ({}), ...foreign: ForeignArguments[]): Row {
  return { needs, smallest, foreign, expecting: [], provoke: nothing };
}

/** Says what stands in `input`, and nothing where the mutation takes none. */
export function mutation(needs: Needs, input?: Smallest, ...foreign: ForeignArguments[]): Row {
  const smallest: Smallest = async (own) => (input === undefined ? {} : { input: await input(own) });
  return {
    needs,
    smallest,
    foreign: foreign.map((given): ForeignArguments => (theirs, own) => ({ input: given(theirs, own) })),
    expecting: [],
    provoke: nothing,
  };
}

export function subscription(needs: Needs, smallest: Smallest, provoke: Row['provoke'] = nothing): Row {
  return { needs, smallest, foreign: [], expecting: [], provoke };
}

/** A field below the roots that asks for a permission of its own. */
export interface FieldRow {
  readonly needs: Permission;
  /** A query that selects it. */
  readonly document: string;
}

const nothing = () => Promise.resolve();
