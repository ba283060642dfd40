/** Makes of a schema a check whether it would give a value back as it is: it costs a fraction of letting the schema make its copy. */
import { z } from 'zod';
import { isRecord } from './is-record.ts';

type Check = (value: unknown) => boolean;

/**
 * For values of which there are many. Yes means that the schema accepts the value and answers one that is equal to it. No means nothing yet: something
 * may be missing that has a default, or be judged by a rule that is not followed here, so the schema itself must be asked.
 */
export function compileUnchanged<Schema extends z.ZodType>(schema: Schema): (value: unknown) => value is z.output<Schema> {
  const check = checkOf(schema);
  return (value): value is z.output<Schema> => check(value);
}

function checkOf(schema: z.core.$ZodType): Check {
  if (!(schema instanceof z.ZodType) || (schema.def.checks ?? []).length > 0) return asked(schema);
  if (schema instanceof z.ZodNullable) return orNull(checkOf(schema.def.innerType));
  if (schema instanceof z.ZodDefault) return checkOf(schema.def.innerType);
  if (schema instanceof z.ZodEnum) return oneOf(schema.options);
  if (schema instanceof z.ZodLiteral) return oneOf([...schema.values]);
  if (schema instanceof z.ZodArray) return listOf(checkOf(schema.def.element));
  if (schema instanceof z.ZodObject && schema.def.catchall instanceof z.ZodNever) return membersOf(schema.shape);
  if (schema instanceof z.ZodString && !(schema instanceof z.ZodStringFormat) && schema.def.coerce !== true) return (value) => typeof value === 'string';
  if (schema instanceof z.ZodNumber && !(schema instanceof z.ZodNumberFormat) && schema.def.coerce !== true) return Number.isFinite;
  return asked(schema);
}

/** Whatever is no object can be told to have stayed the same. */
function asked(schema: z.core.$ZodType): Check {
  return (value) => {
    if (typeof value === 'object' && value !== null) return false;
    const reading = z.safeParse(schema, value);
    return reading.success && Object.is(reading.data, value);
  };
}

function orNull(check: Check): Check {
  return (value) => value === null || check(value);
}

function oneOf(values: readonly unknown[]): Check {
  const known = new Set(values);
  return (value) => known.has(value);
}

function listOf(check: Check): Check {
  return (value) => Array.isArray(value) && value.every(check);
}

/** Exactly these members, none of them missing. */
function membersOf(shape: Readonly<Record<string, z.core.$ZodType>>): Check {
  const checks = Object.entries(shape).map(([name, schema]) => ({ name, check: checkOf(schema) }));
  return (value) => {
    if (!isRecord(value)) return false;
    for (const { name, check } of checks) if (!check(value[name])) return false;
    return Object.keys(value).length === checks.length;
  };
}
