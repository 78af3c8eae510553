// What this node knows of transactions.
import { ccf } from "./global.js";

export const getLastCommittedTxId = () => ccf.consensus.getLastCommittedTxId();
export const getStatusForTxId = (view, seqno) => ccf.consensus.getStatusForTxId(view, seqno);
export const getViewForSeqno = (seqno) => ccf.consensus.getViewForSeqno(seqno);
