import { registerEnumType } from 'type-graphql';

type EnumOf<Value extends string> = { readonly [V in Value]: V };

/** Adds an enum to the schema. Its values are the keys of `descriptions`. Returns it, for use as a type of fields. */
export function registeredEnum<Value extends string>(
  name: string,
  description: string,
  descriptions: Readonly<Record<Value, string>>,
): EnumOf<Value> {
  const values = Object.keys(descriptions) as Value[];
  const made = Object.fromEntries(values.map((value) => [value, value])) as EnumOf<Value>;
  registerEnumType(made, {
    name,
    description,
    valuesConfig: Object.fromEntries(
      values.map((value) => [value, { description: descriptions[value] }]),
    ) as Record<Value, { description: string }>,
  });
  return made;
}
