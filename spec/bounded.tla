------------------------------- MODULE bounded -------------------------------
(* The rules of consensus.tla within bounds, so that TLC can visit every state. *)
EXTENDS consensus, TLC

CONSTANTS
    Founders,       \* the nodes that begin
    MaxView, MaxLength,
    MaxData, MaxSignatures, MaxConfigurations, MaxMarks    \* of each kind of entry, in a log

(* Any configuration, as long as there are few.                                *)
Count(l, kind) == Cardinality({k \in 1..Len(l) : l[k].kind = kind})
Proposals == IF MaxConfigurations = 1 THEN {} ELSE SUBSET Node \ {{}}

InBounds ==
    \A i \in Node :
        /\ view[i] <= MaxView
        /\ Len(log[i]) <= MaxLength
        /\ Count(log[i], "data") <= MaxData
        /\ Count(log[i], "signature") <= MaxSignatures
        /\ Count(log[i], "configuration") <= MaxConfigurations
        /\ Count(log[i], "mark") <= MaxMarks

(* One of the founders leads in view 2 and has opened the service: their      *)
(* configuration and a signature are committed. All others begin with nothing. *)
First == CHOOSE i \in Founders : TRUE
Opening == <<[view |-> 2, kind |-> "configuration", nodes |-> Founders],
             [view |-> 2, kind |-> "signature", nodes |-> {}]>>

Opened ==
    LET of(members, value, other) == [i \in Node |-> IF i \in members THEN value ELSE other]
        followers == Founders \ {First}
    IN /\ view = of(Founders, 2, 1)
       /\ role = of({First}, "Leader", "Follower")
       /\ leader = of(followers, First, Nobody)
       /\ log = of(Founders, Opening, <<>>)
       /\ base = of(Founders, Founders, {})
       /\ committed = of(Founders, 2, 0)
       /\ disk = of(Founders, 2, 0)
       /\ matched = of(followers, 2, 0)
       /\ offers = {[from |-> First, view |-> 2, log |-> Opening, committed |-> 2]}
       /\ requests = {[from |-> First, view |-> 2, signature |-> [view |-> 0, seqno |-> 0]]}
       /\ grants = {[from |-> i, to |-> First, view |-> 2] : i \in Founders}
       /\ acks = {[from |-> i, to |-> First, view |-> 2, upto |-> 2] : i \in followers}

Spec == Opened /\ [][Step(Proposals)]_vars

(* Nodes that begin alike are alike.                                           *)
Alike == Permutations(Founders \ {First}) \cup Permutations(Node \ Founders)

(* In place of actions, where a model leaves some out.                         *)
AtOnce(k, length) == length
Never(i) == FALSE
NoJoin(i, j) == FALSE
===============================================================================
