-------------------------------- MODULE words --------------------------------
(* The words in which coco-sim writes what nodes did (tools/sim/src/steps).    *)
EXTENDS Integers, Sequences

(* Entries.                                                                    *)
D(v) == [view |-> v, kind |-> "data", nodes |-> {}]
S(v) == [view |-> v, kind |-> "signature", nodes |-> {}]
C(v, nodes) == [view |-> v, kind |-> "configuration", nodes |-> nodes]
M(v, nodes) == [view |-> v, kind |-> "mark", nodes |-> nodes]

Joins(i, v, k) == [act |-> "joins", i |-> i, view |-> v, k |-> k]
Follows(i, v) == [act |-> "follows", i |-> i, view |-> v]
Stands(i) == [act |-> "stands", i |-> i]
Campaigns(i) == [act |-> "campaigns", i |-> i]
Leads(i) == [act |-> "leads", i |-> i]
Votes(i, j) == [act |-> "votes", i |-> i, j |-> j]
Proposes(i, entry) == [act |-> "proposes", i |-> i, entry |-> entry]
Hears(i, j, v) == [act |-> "hears", i |-> i, j |-> j, view |-> v]
Takes(i, j, v, pv, p, last, k, entries) ==
    [act |-> "takes", i |-> i, j |-> j, view |-> v, previous_view |-> pv, previous |-> p,
     last |-> last, committed |-> k, entries |-> entries]
Persists(i, k) == [act |-> "persists", i |-> i, k |-> k]
Accepts(i, j, v, k) == [act |-> "accepts", i |-> i, j |-> j, view |-> v, k |-> k]
Commits(i, k) == [act |-> "commits", i |-> i, k |-> k]

(* All of a node. `follows` is its leader and what is equal, in a set that is  *)
(* empty where there is none.                                                  *)
Is(i, v, role, last_view, last, committed, disk, signatures, configurations, retirement, follows, votes, held) ==
    [act |-> "is", i |-> i, view |-> v, role |-> role, last_view |-> last_view, last |-> last,
     committed |-> committed, disk |-> disk, signatures |-> signatures, configurations |-> configurations,
     retirement |-> retirement, follows |-> follows, votes |-> votes, held |-> held]
==============================================================================
