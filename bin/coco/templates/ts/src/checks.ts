/** What a client sends. */
export interface Draft {
  text?: unknown;
}

/** Why a draft becomes no record. */
export enum Refusal {
  NoText,
  Empty,
  TooLong,
}

/** The longest text of a record, in letters. */
const MAX_LENGTH = 1000;

/** The text of a draft, or why it is refused. */
export function checked(draft: Draft): string | Refusal {
  const text = draft?.text;
  if (typeof text !== "string") {
    return Refusal.NoText;
  }
  if (text === "") {
    return Refusal.Empty;
  }
  return text.length <= MAX_LENGTH ? text : Refusal.TooLong;
}
