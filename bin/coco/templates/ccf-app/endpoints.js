// What becomes of the transaction of a request.
import { ccf } from "./global.js";

export const setApplyWrites = (keep) => ccf.rpc.setApplyWrites(keep);
export const setClaimsDigest = (digest) => ccf.rpc.setClaimsDigest(digest);
