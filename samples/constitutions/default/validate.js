// Decides whether a proposal is well formed when it is made: the second part of the default constitution.
//
// `input` is the proposal: `{ "actions": [{ "name": ..., "args": { ... } }, ...] }`.
export function validate(input) {
  const { actions: proposed } = JSON.parse(input) ?? {};
  if (!Array.isArray(proposed)) {
    return { valid: false, description: "proposal.actions must be an array" };
  }
  const errors = [];
  proposed.forEach((entry, position) => {
    const { name, args } = entry ?? {};
    const definition = actions.get(name);
    if (definition === undefined) {
      errors.push(`${name}: no such action`);
      return;
    }
    try {
      definition.validate(args);
    } catch (error) {
      errors.push(`${name} at position ${position} failed validation: ${error}`);
    }
  });
  return { valid: errors.length === 0, description: errors.join(", ") };
}
