------------------------------ MODULE validate ------------------------------
(* Whether what nodes did (module runs, written by coco-sim) is allowed.      *)
EXTENDS consensus, runs, TLC

VARIABLES
    run,    \* which of the runs
    at      \* its next step

(* The node is as the specification has it. What a leader knows of others and *)
(* the votes that a candidate counts may be less than what was said, not more. *)
IsSo(s) ==
    LET i == s.i
    IN /\ s.view = view[i] /\ s.role = role[i]
       /\ s.last = Len(log[i]) /\ s.last_view = ViewAt(log[i], s.last)
       /\ s.committed = committed[i] /\ s.disk = disk[i]
       /\ s.signatures = {k \in committed[i] + 1..Len(log[i]) : log[i][k].kind = "signature"}
       /\ s.configurations = {<<k, ConfigurationAt(i, k)>> : k \in InForce(i)}
       /\ s.retirement = Retirement(i)
       /\ role[i] = "Follower" =>
            s.follows = IF leader[i] = Nobody THEN {} ELSE {<<leader[i], matched[i]>>}
       /\ s.votes \subseteq Granted(i, view[i])
       /\ \A <<j, k>> \in s.held : k = 0 \/ j \in Holders(i, k)

(* The entries of a message are what its sender had.                          *)
Took(s) ==
    \E o \in Offered(s.j, s.view) :
        /\ s.last <= Len(o.log) /\ s.committed <= o.committed
        /\ s.previous_view = ViewAt(o.log, s.previous)
        /\ s.entries = SubSeq(o.log, s.previous + 1, s.last)
        /\ s.view = view[s.i] /\ Take(s.i, o, s.previous, s.last)

Same == UNCHANGED vars

Did(s) ==
    CASE s.act = "is" -> IsSo(s) /\ Same
      [] s.act = "takes" -> Took(s)
      [] s.act = "persists" -> Persist(s.i, s.k)
      [] s.act = "accepts" -> (s.k = 0 \/ \E a \in acks :
            a.from = s.i /\ a.to = s.j /\ a.view = s.view /\ a.upto >= s.k) /\ Same
      [] s.act = "proposes" -> s.entry.view = view[s.i] /\ Propose(s.i, s.entry.kind, s.entry.nodes)
      [] s.act = "commits" -> LeaderCommit(s.i, s.k) \/ FollowerCommit(s.i, s.k)
      [] s.act = "hears" -> \E o \in Offered(s.j, s.view) : Take(s.i, o, 0, 0)
      [] s.act = "follows" -> Follow(s.i, s.view)
      [] s.act = "stands" -> Stand(s.i)
      [] s.act = "campaigns" -> Campaign(s.i)
      [] s.act = "votes" -> Vote(s.i, s.j)
      [] s.act = "leads" -> Lead(s.i)
      [] s.act = "joins" -> \E j \in Node :
            committed[j] = s.k /\ ViewAt(log[j], s.k) = s.view /\ Join(s.i, j)

(* TLC would read all of it anew at each step.                                 *)
ASSUME TLCSet(1, Runs)
Read == TLCGet(1)

Init == run \in DOMAIN Read /\ at = 1 /\ Begin(Read[run].founders)

Advance ==
    /\ at <= Len(Read[run].steps)
    /\ Did(Read[run].steps[at])
    /\ at' = at + 1 /\ run' = run
    /\ at = Len(Read[run].steps) => PrintT(<<"allowed", run, at>>)

Stop == at > Len(Read[run].steps) /\ UNCHANGED <<vars, run, at>>
Go == Advance \/ Stop

(* A run is refused where it cannot go on. Its steps leave no choice, so that *)
(* the place tells states apart.                                              *)
Spec == Init /\ [][Go]_<<vars, run, at>>
Place == <<run, at>>
=============================================================================
