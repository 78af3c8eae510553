// The global that the node gives to applications.
export const ccf = globalThis.ccf;
