-------------------------------- MODULE flaws --------------------------------
(* Rules that are wrong. A model with one of them in place of the right one    *)
(* must break a property, or the properties or the bounds are worth nothing.   *)
EXTENDS bounded

(* In place of MayCommit: a signature of any view (Raft, figure 8).            *)
CommitOfAnyView(i, k) == HaveQuorums(i, Holders(i, k))

(* In place of HaveQuorums: a majority of all nodes of all configurations.     *)
QuorumOfUnion(i, some) == Majority(some, UNION Configurations(i))

(* In place of InForce: only the newest configuration counts.                  *)
NewestOnly(i) == {LastConfiguration(log[i], Len(log[i]))}

(* In place of IsUpToDate: anybody is fit to lead.                             *)
AnyCandidate(signature, l) == TRUE

(* In place of MayVote: as many votes a view as there are candidates.          *)
ManyVotes(i, j) == TRUE

(* In place of Holders: a log that is long enough is taken for an equal one.   *)
LongEnough(i, k) == {j \in Node : Len(log[j]) >= k}

(* In place of Take: what follows on the message is dropped, though it is equal *)
(* to what the leader has, and was acknowledged.                               *)
TakeAndCut(i, o, previous, last) ==
    /\ role[i] = "Follower" /\ o.view = view[i] /\ leader[i] \in {Nobody, o.from}
    /\ last >= committed[i] /\ last # Len(log[i])
    /\ log' = [log EXCEPT ![i] = Prefix(o.log, last)]
    /\ disk' = [disk EXCEPT ![i] = OnDisk(@, last)]
    /\ matched' = [matched EXCEPT ![i] = last]
    /\ leader' = [leader EXCEPT ![i] = o.from]
    /\ Tell(i, o.from, Least(last, disk[i]))
    /\ UNCHANGED <<view, role, base, committed, offers, requests, grants>>

(* In place of LastSignature: unsigned entries of earlier views are kept.      *)
KeepUnsigned(l) == Len(l)
==============================================================================
