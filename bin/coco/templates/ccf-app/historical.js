// Past transactions. Of an endpoint of mode "historical", ccf.historicalState is the one that the request names.
import { ccf } from "./global.js";

export const historicalState = ccf.historicalState;
export const getStateRange = (handle, from, to, seconds) =>
  ccf.historical.getStateRange(handle, from, to, seconds);
export const dropCachedStates = (handle) => ccf.historical.dropCachedStates(handle);
