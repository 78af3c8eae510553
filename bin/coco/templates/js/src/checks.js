// The longest text of a record, in letters.
const MAX_LENGTH = 1000;

// The text of a record as it was sent; undefined if it is none.
export function checked(record) {
  const text = record?.text;
  return typeof text === "string" && text !== "" && text.length <= MAX_LENGTH ? text : undefined;
}
