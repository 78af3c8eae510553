//! What each word of a scenario does.

use super::driver::{Done, Driver};

impl Driver {
    /// Does what one line says.
    pub(super) fn perform(&mut self, line: &str) -> Done {
        if line.is_empty() {
            return Ok(());
        }
        self.trace.command(line);
        let words: Vec<&str> = line.split(',').collect();
        if let Some(shown) = self.show(&words) {
            return shown;
        }
        let done = self.change_nodes(&words).or_else(|| self.change_links(&words));
        let done = done.or_else(|| self.pass_messages(&words)).or_else(|| self.assert(&words));
        done.unwrap_or_else(|| Err(format!("no such command: {line}")))?;
        self.assert_commit_safety_of_all()
    }

    /// Nodes, configurations and entries.
    fn change_nodes(&mut self, words: &[&str]) -> Option<Done> {
        Some(match words {
            ["pre_vote_enabled", value] => self.set_pre_vote(value),
            ["start_node", name] => self.start_node(name),
            ["nodes", names @ ..] if !names.is_empty() => self.create_network(names),
            ["create_new_node", name] => self.create_node(name),
            ["trust_node", view, name] => self.trust_nodes(view, &[*name]),
            ["trust_nodes", view, names @ ..] if !names.is_empty() => self.trust_nodes(view, names),
            ["swap_node", view, old, new] => self.swap_nodes(view, &[*old], &[*new]),
            ["swap_nodes", view, rest @ ..] => match in_and_out(rest) {
                Some((new, old)) => self.swap_nodes(view, old, new),
                None => Err("'in' or 'out' is expected after the view".to_owned()),
            },
            ["replicate_new_configuration", view, names @ ..] if !names.is_empty() => {
                self.replicate_configuration(view, names)
            }
            ["cleanup_nodes", view, names @ ..] if !names.is_empty() => self.cleanup_nodes(view, names),
            ["replicate", view, data] => self.replicate(view, data),
            ["emit_signature", view] => self.emit_signature(view),
            ["hand_over", name] => self.hand_over(name),
            _ => return None,
        })
    }

    /// Who can talk to whom.
    fn change_links(&mut self, words: &[&str]) -> Option<Done> {
        Some(match words {
            ["connect" | "reconnect", left, right] => self.connect(left, right),
            ["disconnect", left, right] => self.disconnect(left, right),
            ["disconnect_node", name] => self.for_all_others(name, Self::disconnect),
            ["reconnect_node", name] => self.for_all_others(name, Self::connect),
            _ => return None,
        })
    }

    /// Time and messages.
    fn pass_messages(&mut self, words: &[&str]) -> Option<Done> {
        Some(match words {
            ["periodic_one", name, ms] => self.periodic_one(name, ms),
            ["periodic_all", ms] => self.periodic_all(ms),
            ["dispatch_one", name] => self.dispatch_one(name),
            ["dispatch_single", from, to] => self.dispatch_single(from, to),
            ["dispatch_all_once"] => self.dispatch_all_once(),
            ["dispatch_all"] => self.dispatch_all(),
            ["shuffle_one", name] => self.shuffle_one(name),
            ["shuffle_all"] => self.shuffle_all(),
            ["drop_pending", from] => self.drop_pending(from),
            ["drop_pending_to", from, to] => self.drop_pending_to(from, to),
            ["loop_until_sync"] => self.loop_until_sync(),
            _ => return None,
        })
    }

    /// What must be so.
    fn assert(&mut self, words: &[&str]) -> Option<Done> {
        Some(match words {
            ["assert_state_sync"] => self.assert_state_sync(),
            ["assert_commit_safety", name] => self.assert_commit_safety(name),
            ["assert_commit_idx", name, seqno] => self.assert_commit_idx(name, seqno),
            ["assert_detail", name, detail, expected] => self.assert_detail(name, detail, expected, true),
            ["assert_!detail", name, detail, expected] => self.assert_detail(name, detail, expected, false),
            ["assert_config", name, from, names @ ..] => self.assert_config(name, from, names),
            ["assert_absent_config", name, from] => self.assert_absent_config(name, from),
            _ => return None,
        })
    }

    /// What only tells the reader something.
    fn show(&mut self, words: &[&str]) -> Option<Done> {
        Some(match words {
            ["state_one", name] => self.say_of(&[*name], Self::state),
            ["state_all"] => self.say_of_all(Self::state),
            ["summarise_log", name] => self.say_of(&[*name], Self::log_summary),
            ["summarise_logs_all"] => self.say_of_all(Self::log_summary),
            ["summarise_messages", from, to] => self.summarise_messages(from, to),
            _ => return None,
        })
    }
}

/// The nodes after `in` and those after `out`, in any order; either may be absent.
fn in_and_out<'a, 'b>(words: &'a [&'b str]) -> Option<(&'a [&'b str], &'a [&'b str])> {
    let (first, rest) = words.split_first()?;
    let second = rest.iter().position(|word| matches!(*word, "in" | "out"));
    let (here, there) = match second {
        Some(at) => (&rest[..at], &rest[at + 1..]),
        None => (rest, &rest[..0]),
    };
    match *first {
        "in" => Some((here, there)),
        "out" => Some((there, here)),
        _ => None,
    }
}
