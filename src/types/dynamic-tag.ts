/**
 * The tags of values without a schema. They are in every snapshot: tags are added, never changed.
 */
export const Tag = {
  undefined: 0,
  null: 1,
  false: 2,
  true: 3,
  int32: 4,
  float64: 5,
  string: 6,
  int64: 7,
  bigint: 8,
  date: 9,
  bytes: 10,
  array: 11,
  object: 12,
  nullObject: 13,
  defined: 14,
  map: 15,
  set: 16,
  dictionary: 17,
  nullDictionary: 18,
} as const;
