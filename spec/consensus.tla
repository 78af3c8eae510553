------------------------------ MODULE consensus ------------------------------
(* How nodes agree on one log: the rules that enclave/raft follows.            *)
(*                                                                             *)
(* Raft with the rules of CCF. Only signatures are committed, and only by a    *)
(* leader of their own view; whoever loses or takes leadership drops what      *)
(* follows its last signature; votes compare last signatures; a configuration  *)
(* is in force as soon as it is appended, and each one in force needs a        *)
(* majority; an entry counts for a node once it is on that node's disk; a node *)
(* that leaves is needed until every future leader knows that it left.         *)
(*                                                                             *)
(* The network is what was ever said. What was said stays said, so that it can *)
(* come late, twice, in any order or never; a later word of the same sender in *)
(* the same view replaces an earlier one that says less, since a receiver may  *)
(* act on any part of it. There is no time: what a timeout may do is always    *)
(* allowed. A node that crashes takes no more steps; its disk may be counted,  *)
(* since no node comes back under its old name.                                *)
EXTENDS Integers, Sequences, FiniteSets

CONSTANTS
    Node,       \* all nodes that ever take part
    Nobody      \* none of them

VARIABLES
    view,       \* of each node; never goes down
    role,       \* "Follower", "PreCandidate", "Candidate", "Leader" or "Retired"
    leader,     \* whom a follower follows in its view, or Nobody
    log,        \* [view, kind, nodes]: kind is "data", "signature", "configuration" or "mark"
    base,       \* the configuration before the first entry, empty where a node knows nobody
    committed,  \* up to here the log is final
    disk,       \* up to here the log is on disk
    matched,    \* up to here a follower's log is known to equal its leader's
    offers,     \* of each leader: the log that it sends from, and how far that is committed
    requests,   \* of each candidate: its last signature
    grants,     \* votes
    acks        \* of each follower of a leader: up to here their logs are equal and on its disk

node == <<view, role, leader, log, base, committed, disk, matched>>
network == <<offers, requests, grants, acks>>
vars == <<node, network>>

-------------------------------------------------------------------------------
(* Logs.                                                                       *)

Least(a, b) == IF a < b THEN a ELSE b
Prefix(l, k) == SubSeq(l, 1, k)
IsPrefix(a, b) == Len(a) <= Len(b) /\ a = Prefix(b, Len(a))
ViewAt(l, k) == IF k = 0 THEN 0 ELSE l[k].view

(* The last entry of a kind at or before k, or 0.                              *)
RECURSIVE LastOf(_, _, _)
LastOf(kind, l, k) == IF k = 0 \/ l[k].kind = kind THEN k ELSE LastOf(kind, l, k - 1)

LastSignature(l) == LastOf("signature", l, Len(l))
LastConfiguration(l, k) == LastOf("configuration", l, k)

-------------------------------------------------------------------------------
(* Configurations.                                                             *)

Majority(some, all) == 2 * Cardinality(some \cap all) > Cardinality(all)

ConfigurationAt(i, k) == IF k = 0 THEN base[i] ELSE log[i][k].nodes

(* Where the configurations in force begin: the last committed, and all later. *)
InForce(i) ==
    LET first == LastConfiguration(log[i], committed[i])
    IN {k \in first..Len(log[i]) :
            IF k = 0 THEN base[i] # {} ELSE log[i][k].kind = "configuration"}

Configurations(i) == {ConfigurationAt(i, k) : k \in InForce(i)}

HaveQuorums(i, some) == \A all \in Configurations(i) : Majority(some, all)

(* Nodes that some configuration up to k has, but not the last.                *)
Removed(i, k) ==
    LET last == LastConfiguration(log[i], k)
        past == {j \in 1..last : log[i][j].kind = "configuration"} \cup {0}
    IN (UNION {ConfigurationAt(i, j) : j \in past}) \ ConfigurationAt(i, last)

-------------------------------------------------------------------------------
(* Leaving: how far a node's own log says that it is no longer needed.         *)

(* Configurations that drop a node.                                            *)
Dropping(i) ==
    {k \in 1..Len(log[i]) :
        /\ log[i][k].kind = "configuration"
        /\ i \notin log[i][k].nodes
        /\ i \in ConfigurationAt(i, LastConfiguration(log[i], k - 1))}

RetirementIn(i, upto) ==
    IF Dropping(i) = {} THEN "Active"
    ELSE LET ordered == CHOOSE k \in Dropping(i) : \A other \in Dropping(i) : k <= other
             after == {k \in ordered..Len(log[i]) : log[i][k].kind = "signature"}
             is_marked == \E k \in ordered..upto : log[i][k].kind = "mark" /\ i \in log[i][k].nodes
         IN IF after = {} THEN "RetirementOrdered"
            ELSE IF \A k \in after : k > upto THEN "RetirementSigned"
            ELSE IF is_marked THEN "RetiredCommitted" ELSE "RetirementCompleted"

Retirement(i) == RetirementIn(i, committed[i])

(* A node stands once the configuration that added it is signed, and, if it    *)
(* is removed, until everybody knows that it is gone.                          *)
MayStand(i) ==
    CASE Retirement(i) = "RetiredCommitted" -> FALSE
      [] Retirement(i) = "RetirementCompleted" -> TRUE
      [] OTHER -> \E k \in InForce(i) : k <= LastSignature(log[i]) /\ i \in ConfigurationAt(i, k)

-------------------------------------------------------------------------------
(* What is said.                                                               *)

Offer(i, l, k) ==
    offers' = {o \in offers : ~(o.from = i /\ o.view = view[i])}
                \cup {[from |-> i, view |-> view[i], log |-> l, committed |-> k]}

Offered(j, v) == {o \in offers : o.from = j /\ o.view = v}

(* What a follower has on disk of a log that equals its leader's is what it    *)
(* acknowledges, once it is so: a leader that hears of it later is one that    *)
(* commits later. `upto` never goes down in a view.                            *)
Tell(i, j, upto) ==
    LET same(a) == a.from = i /\ a.to = j /\ a.view = view[i]
    IN acks' = IF j = Nobody \/ \E a \in acks : same(a) /\ a.upto >= upto THEN acks
               ELSE {a \in acks : ~same(a)}
                        \cup {[from |-> i, to |-> j, view |-> view[i], upto |-> upto]}

Granted(i, v) == {g.from : g \in {g \in grants : g.to = i /\ g.view = v}}

(* Those whose disks hold entry k of a leader's log, as far as it was told.    *)
Holders(i, k) ==
    {a.from : a \in {a \in acks : a.to = i /\ a.view = view[i] /\ a.upto >= k}}
        \cup (IF disk[i] >= k THEN {i} ELSE {})

(* Up to where a log of a length is on disk, if it was up to k. A model may    *)
(* replace this by one where all is on disk at once.                           *)
OnDisk(k, length) == Least(k, length)

(* A candidate whose last signature is not older gets the vote.                *)
IsUpToDate(signature, l) ==
    LET own == LastSignature(l)
    IN \/ signature.view > ViewAt(l, own)
       \/ signature.view = ViewAt(l, own) /\ signature.seqno >= own

-------------------------------------------------------------------------------
(* Elections.                                                                  *)

(* Follows in its own view or a later one that somebody is in. What is         *)
(* unsigned goes with its view, or with leadership.                            *)
Follow(i, v) ==
    /\ v > view[i] \/ (v = view[i] /\ role[i] # "Follower")
    /\ \E j \in Node : view[j] >= v
    /\ LET kept == IF v > view[i] \/ role[i] = "Leader" THEN LastSignature(log[i]) ELSE Len(log[i])
       IN /\ log' = [log EXCEPT ![i] = Prefix(@, kept)]
          /\ disk' = [disk EXCEPT ![i] = OnDisk(@, kept)]
    /\ view' = [view EXCEPT ![i] = v]
    /\ role' = [role EXCEPT ![i] = "Follower"]
    /\ leader' = [leader EXCEPT ![i] = Nobody]
    /\ matched' = [matched EXCEPT ![i] = 0]
    /\ UNCHANGED <<base, committed, network>>

(* Asks whether it would be voted for. The answers change nothing but when it  *)
(* campaigns, and it may do that at any time.                                  *)
Stand(i) ==
    /\ role[i] # "Leader" /\ MayStand(i)
    /\ role' = [role EXCEPT ![i] = "PreCandidate"]
    /\ leader' = [leader EXCEPT ![i] = Nobody]
    /\ matched' = [matched EXCEPT ![i] = 0]
    /\ UNCHANGED <<view, log, base, committed, disk, network>>

(* Asks for votes in a new view, and gives itself the first.                   *)
Campaign(i) ==
    /\ role[i] # "Leader" /\ MayStand(i)
    /\ view' = [view EXCEPT ![i] = @ + 1]
    /\ role' = [role EXCEPT ![i] = "Candidate"]
    /\ leader' = [leader EXCEPT ![i] = Nobody]
    /\ matched' = [matched EXCEPT ![i] = 0]
    /\ LET last == LastSignature(log[i])
           signature == [view |-> ViewAt(log[i], last), seqno |-> last]
       IN requests' = requests \cup {[from |-> i, view |-> view[i] + 1, signature |-> signature]}
    /\ grants' = grants \cup {[from |-> i, to |-> i, view |-> view[i] + 1]}
    /\ UNCHANGED <<log, base, committed, disk, offers, acks>>

MayVote(i, j) == \A g \in grants : g.from = i /\ g.view = view[i] => g.to = j

Vote(i, j) ==
    /\ role[i] # "Leader"
    /\ role[i] = "Follower" => leader[i] = Nobody
    /\ \E r \in requests : r.from = j /\ r.view = view[i] /\ IsUpToDate(r.signature, log[i])
    /\ MayVote(i, j)
    /\ grants' = grants \cup {[from |-> i, to |-> j, view |-> view[i]]}
    /\ UNCHANGED <<node, offers, requests, acks>>

Lead(i) ==
    /\ role[i] = "Candidate" /\ HaveQuorums(i, Granted(i, view[i]))
    /\ LET kept == LastSignature(log[i])
       IN /\ log' = [log EXCEPT ![i] = Prefix(@, kept)]
          /\ disk' = [disk EXCEPT ![i] = OnDisk(@, kept)]
          /\ Offer(i, Prefix(log[i], kept), committed[i])
    /\ role' = [role EXCEPT ![i] = "Leader"]
    /\ UNCHANGED <<view, leader, base, committed, matched, requests, grants, acks>>

-------------------------------------------------------------------------------
(* Entries.                                                                    *)

(* A leader appends. No node comes back once it was removed, and only those    *)
(* are marked whose removal is committed.                                      *)
Propose(i, kind, nodes) ==
    /\ role[i] = "Leader"
    /\ CASE kind = "configuration" -> nodes # {} /\ nodes \cap Removed(i, Len(log[i])) = {}
         [] kind = "mark" -> nodes # {} /\ nodes \subseteq Removed(i, committed[i])
         [] OTHER -> nodes = {}
    /\ LET longer == Append(log[i], [view |-> view[i], kind |-> kind, nodes |-> nodes])
       IN /\ log' = [log EXCEPT ![i] = longer]
          /\ disk' = [disk EXCEPT ![i] = OnDisk(@, Len(longer))]
          /\ Offer(i, longer, committed[i])
    /\ UNCHANGED <<view, role, leader, base, committed, matched, requests, grants, acks>>

(* The first entry of b after k that a does not have, up to the end of b.      *)
RECURSIVE FirstNew(_, _, _)
FirstNew(a, b, k) ==
    IF k < Len(b) /\ k < Len(a) /\ a[k + 1].view = b[k + 1].view THEN FirstNew(a, b, k + 1) ELSE k + 1

(* A follower takes the entries after `previous` up to `last`, which follow on *)
(* its own log. It replaces what differs, but nothing that is committed, and   *)
(* keeps what it has beyond `last` if nothing differs. With nothing to take    *)
(* it only learns who leads.                                                   *)
Take(i, o, previous, last) ==
    /\ role[i] = "Follower" /\ o \in offers /\ o.view = view[i] /\ leader[i] \in {Nobody, o.from}
    /\ previous <= last /\ last <= Len(o.log)
    /\ previous <= Len(log[i]) /\ ViewAt(log[i], previous) = ViewAt(o.log, previous)
    /\ LET new == FirstNew(log[i], Prefix(o.log, last), previous)
           taken == IF new > last THEN log[i] ELSE Prefix(log[i], new - 1) \o SubSeq(o.log, new, last)
           written == IF new > last THEN disk[i] ELSE OnDisk(Least(disk[i], new - 1), last)
           equal == IF matched[i] > last THEN matched[i] ELSE last
       IN /\ new <= last => new > committed[i]
          /\ log' = [log EXCEPT ![i] = taken]
          /\ disk' = [disk EXCEPT ![i] = written]
          /\ matched' = [matched EXCEPT ![i] = equal]
          /\ Tell(i, o.from, Least(equal, written))
    /\ leader' = [leader EXCEPT ![i] = o.from]
    /\ UNCHANGED <<view, role, base, committed, offers, requests, grants>>

Persist(i, k) ==
    /\ disk[i] < k /\ k <= Len(log[i])
    /\ disk' = [disk EXCEPT ![i] = k]
    /\ Tell(i, IF role[i] = "Follower" THEN leader[i] ELSE Nobody, Least(matched[i], k))
    /\ UNCHANGED <<view, role, leader, log, base, committed, matched, offers, requests, grants>>

(* Everything up to signature k is committed. Who learns so that all know that *)
(* it left is gone, and leads no more.                                         *)
Settle(i, k) ==
    /\ committed[i] < k /\ k <= Len(log[i]) /\ log[i][k].kind = "signature"
    /\ committed' = [committed EXCEPT ![i] = k]
    /\ LET is_gone == RetirementIn(i, k) = "RetiredCommitted" /\ Retirement(i) # "RetiredCommitted"
           kept == IF is_gone /\ role[i] = "Leader" THEN LastSignature(log[i]) ELSE Len(log[i])
       IN /\ role' = [role EXCEPT ![i] = IF is_gone THEN "Retired" ELSE @]
          /\ log' = [log EXCEPT ![i] = Prefix(@, kept)]
          /\ disk' = [disk EXCEPT ![i] = OnDisk(@, kept)]
    /\ UNCHANGED <<view, leader, base, matched, requests, grants, acks>>

(* A leader commits what majorities of all configurations hold on disk, if it  *)
(* is of its own view: an older signature can still be replaced.               *)
MayCommit(i, k) == log[i][k].view = view[i] /\ HaveQuorums(i, Holders(i, k))

LeaderCommit(i, k) ==
    /\ role[i] = "Leader" /\ Settle(i, k) /\ MayCommit(i, k)
    /\ Offer(i, log[i], k)

FollowerCommit(i, k) ==
    /\ role[i] = "Follower" /\ k <= matched[i]
    /\ \E o \in Offered(leader[i], view[i]) : k <= o.committed
    /\ Settle(i, k) /\ UNCHANGED offers

-------------------------------------------------------------------------------
(* Beginning.                                                                  *)

(* The founders know each other, all others nobody.                            *)
Begin(founders) ==
    /\ view = [i \in Node |-> 1]
    /\ role = [i \in Node |-> "Follower"]
    /\ leader = [i \in Node |-> Nobody]
    /\ log = [i \in Node |-> <<>>]
    /\ base = [i \in Node |-> IF i \in founders THEN founders ELSE {}]
    /\ committed = [i \in Node |-> 0]
    /\ disk = [i \in Node |-> 0]
    /\ matched = [i \in Node |-> 0]
    /\ offers = {} /\ requests = {} /\ grants = {} /\ acks = {}

(* A node that nobody has heard of starts from a snapshot of another one.      *)
Join(i, j) ==
    /\ view[i] = 1 /\ role[i] = "Follower" /\ log[i] = <<>> /\ base[i] = {}
    /\ i # j /\ committed[j] > 0
    /\ log' = [log EXCEPT ![i] = Prefix(log[j], committed[j])]
    /\ view' = [view EXCEPT ![i] = ViewAt(log[j], committed[j])]
    /\ base' = [base EXCEPT ![i] = base[j]]
    /\ committed' = [committed EXCEPT ![i] = committed[j]]
    /\ disk' = [disk EXCEPT ![i] = committed[j]]
    /\ UNCHANGED <<role, leader, matched, network>>

Views == {view[j] : j \in Node}

(* Persisting in parts is as if it were done earlier. Taking entries after a   *)
(* matching one is taking them all, since logs that match there are equal up   *)
(* to there (LogMatching); taking what is known to be equal changes nothing.   *)
(* Which configurations are proposed, a model bounds.                          *)
Step(proposals) ==
    \E i \in Node :
        \/ \E v \in Views : Follow(i, v)
        \/ Stand(i) \/ Campaign(i) \/ Lead(i)
        \/ \E kind \in {"data", "signature"} : Propose(i, kind, {})
        \/ \E nodes \in proposals : Propose(i, "configuration", nodes)
        \/ \E n \in Removed(i, committed[i]) : Propose(i, "mark", {n})
        \/ Persist(i, Len(log[i]))
        \/ \E k \in committed[i] + 1..Len(log[i]) : LeaderCommit(i, k) \/ FollowerCommit(i, k)
        \/ \E j \in Node : Vote(i, j) \/ Join(i, j)
        \/ \E o \in offers : \E last \in matched[i] + 1..Len(o.log) : Take(i, o, 0, last)

-------------------------------------------------------------------------------
(* What must hold in every state. Numbers as in the book.                      *)

IsLeader(i) == role[i] = "Leader"

(* S1: at most one leader a view. A leader's offer stays when it is gone.      *)
OneLeader == \A a, b \in offers : a.view = b.view => a.from = b.from

(* S2: the same position and view mean the same entries up to there.           *)
Match(a, b) ==
    LET same == {k \in 1..Least(Len(a), Len(b)) : a[k].view = b[k].view}
        last == CHOOSE k \in same : \A other \in same : other <= k
    IN same = {} \/ Prefix(a, last) = Prefix(b, last)
LogMatching ==
    LET logs == {log[i] : i \in Node} \cup {o.log : o \in offers}
    IN \A a, b \in logs : Match(a, b)

(* S3: who leads has all that was committed in views before.                   *)
LeaderCompleteness ==
    \A i \in Node : IsLeader(i) =>
        \A o \in offers : o.view < view[i] => IsPrefix(Prefix(o.log, o.committed), log[i])

(* S4: committed logs do not conflict.                                         *)
CommittedAgree ==
    \A i, j \in Node : committed[i] <= committed[j] =>
        Prefix(log[i], committed[i]) = Prefix(log[j], committed[i])

(* S6: what is committed ends with a signature.                                *)
CommittedSigned ==
    \A i \in Node : committed[i] <= Len(log[i]) /\ (committed[i] > 0 => log[i][committed[i]].kind = "signature")

(* S8: views in a log go up, and only after signatures.                        *)
ViewsGoUp ==
    \A i \in Node : \A k \in 1..Len(log[i]) :
        /\ log[i][k].view <= view[i]
        /\ k > 1 => \/ log[i][k - 1].view = log[i][k].view
                    \/ log[i][k - 1].view < log[i][k].view /\ log[i][k - 1].kind = "signature"

(* S9: what is committed is on the disks of a majority.                        *)
Replicated ==
    \A i \in Node : committed[i] > 0 =>
        LET k == committed[i]
            hold == {j \in Node : disk[j] >= k /\ Prefix(log[j], k) = Prefix(log[i], k)}
        IN Majority(hold, ConfigurationAt(i, LastConfiguration(log[i], k)))

(* S11: who is gone neither stands nor leads; who is marked was removed before, *)
(* and no later configuration has it.                                          *)
Gone == \A i \in Node :
    /\ Retirement(i) = "RetiredCommitted" => role[i] \in {"Follower", "Retired"}
    /\ \A k \in 1..Len(log[i]) : log[i][k].kind = "mark" =>
        /\ \A n \in log[i][k].nodes :
            /\ n \in Removed(i, k)
            /\ \A all \in {log[i][m].nodes : m \in {m \in k..Len(log[i]) : log[i][m].kind = "configuration"}} :
                n \notin all

(* S11: once a node is gone, whoever leads in a later view has the mark.       *)
GoneIsKnown ==
    \A i, j \in Node : Retirement(i) = "RetiredCommitted" /\ IsLeader(j) /\ view[j] >= view[i] =>
        \E k \in 1..Len(log[j]) : log[j][k].kind = "mark" /\ i \in log[j][k].nodes

(* S13: one vote a view.                                                       *)
OneVote == \A g, h \in grants : g.from = h.from /\ g.view = h.view => g.to = h.to

(* What must hold of every step.                                               *)

(* S5: what is committed stays.                                                *)
CommitsStay == [][\A i \in Node :
    committed'[i] >= committed[i] /\ IsPrefix(Prefix(log[i], committed[i]), log'[i])]_vars

(* S6: a log gets longer, or goes back to a signature first.                   *)
BackToSignature == [][\A i \in Node :
    \/ IsPrefix(log[i], log'[i])
    \/ LET same == {k \in 0..Least(Len(log[i]), Len(log'[i])) : Prefix(log[i], k) = Prefix(log'[i], k)}
           kept == CHOOSE k \in same : \A other \in same : other <= k
       IN kept = 0 \/ log[i][kept].kind = "signature"]_vars

(* S7: leaders commit entries of their own view.                               *)
OwnView == [][\A i \in Node :
    IsLeader(i) /\ committed'[i] > committed[i] => log[i][committed'[i]].view = view[i]]_vars

(* S8: views do not go down.                                                   *)
ViewsStay == [][\A i \in Node : view'[i] >= view[i]]_vars

(* S14: who can become what.                                                   *)
Next(from) ==
    CASE from = "Follower" -> {"PreCandidate", "Candidate", "Retired"}
      [] from = "PreCandidate" -> {"Follower", "Candidate"}
      [] from = "Candidate" -> {"Follower", "PreCandidate", "Leader"}
      [] from = "Leader" -> {"Follower", "Retired"}
      [] from = "Retired" -> {"Follower"}
Turns == [][\A i \in Node : role'[i] # role[i] => role'[i] \in Next(role[i])]_vars
===============================================================================
