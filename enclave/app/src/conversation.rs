//! What happens on a connection that both ends speak on whenever they like, such as a WebSocket.
//!
//! A client asks for one by a request, which [`Adapter::converse`](crate::Adapter::converse) answers. Its messages are
//! texts. What one of them asks for is done by an ordinary [`Request`], so that it is authenticated, executed, forwarded
//! and bounded like any other; what is committed meanwhile comes as the [`Event`]s of the topics that the conversation
//! follows.

use std::{collections::BTreeSet, fmt, sync::Arc};

use crate::{
    adapter::{Event, Origin},
    request::{Request, Response},
};

/// One client's conversation with an adapter; it lives as long as the connection.
///
/// Both methods run on the thread of the connection, and so have to be short. The state of their [`Origin`] is the last
/// committed one, and has whatever an event tells of.
pub trait Conversation: Send {
    /// Takes in a message of the client, in the order in which they come.
    fn message(&mut self, text: String, origin: &Origin<'_>) -> Reaction;

    /// What the client is told of an event of one of its topics.
    fn event(&mut self, _event: &Event, _origin: &Origin<'_>) -> Vec<String> {
        Vec::new()
    }

    /// What it is to be told of from now on, at most [`MAX_TOPICS`]; asked after each message.
    fn topics(&self) -> BTreeSet<Arc<str>> {
        BTreeSet::new()
    }
}

/// Topics that a conversation may follow; one that wants more is closed.
pub const MAX_TOPICS: usize = 64;

/// Makes of the answer to a request what the client is told, if anything.
pub type Finish = Box<dyn FnOnce(Response) -> Option<String> + Send>;

/// What a message leads to. Messages are answered in their order, however long each takes.
pub enum Reaction {
    /// Nothing is said.
    Silence,
    /// This is said. Events wait until it is, so that whoever subscribes hears of that first.
    Say(String),
    /// The request is answered, and what `Finish` makes of that is said. Events are told meanwhile.
    Ask(Request, Finish),
    /// The same for a message that the conversation answers in part itself, as it may a batch: events wait, as by
    /// [`Say`](Self::Say).
    AskAndSay(Request, Finish),
}

impl Reaction {
    /// Has a request answered and says the body of the answer.
    #[must_use]
    pub fn ask(request: Request) -> Self {
        let text = |body: Vec<u8>| match String::from_utf8(body) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        };
        Self::Ask(request, Box::new(move |response| Some(text(response.body))))
    }
}

impl fmt::Debug for Reaction {
    /// Kinds only: what is said may be private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Silence => "Silence",
            Self::Say(_) => "Say",
            Self::Ask(..) => "Ask",
            Self::AskAndSay(..) => "AskAndSay",
        })
    }
}
