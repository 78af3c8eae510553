//! The processes of all nodes of a sandbox.

use std::{
    future::{Future, poll_fn},
    io,
    process::ExitStatus,
    task::Poll,
};

use super::{
    SandboxError,
    node::{Application, Node, NodeFiles},
};

/// The nodes of a sandbox; the first one created the service.
#[derive(Default)]
pub(super) struct Cluster {
    nodes: Vec<Node>,
}

impl Cluster {
    /// Starts another node, and waits until it has written where it listens.
    pub(super) async fn add(
        &mut self,
        application: &Application,
        files: NodeFiles,
    ) -> Result<&Node, SandboxError> {
        let node = Node::start(application, files)?;
        self.nodes.push(node);
        let node = self.nodes.last_mut().expect("a node was added");
        node.wait_for_start().await?;
        Ok(node)
    }

    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Works as long as all nodes run.
    pub(super) async fn during<T>(
        &mut self,
        work: impl Future<Output = Result<T, SandboxError>>,
    ) -> Result<T, SandboxError> {
        tokio::select! {
            done = work => done,
            stopped = self.next_stop() => {
                let (node, status) = stopped?;
                Err(self.nodes[node].stopped(status))
            }
        }
    }

    /// Waits until fewer than a majority of the nodes run. What else stops is only told.
    pub(super) async fn watch(&mut self) -> SandboxError {
        loop {
            let (node, status) = match self.next_stop().await {
                Ok(stopped) => stopped,
                Err(error) => return error.into(),
            };
            let (left, all) = (self.nodes.iter().filter(|node| node.runs()).count(), self.nodes.len());
            let node = &self.nodes[node];
            if !is_majority(left, all) {
                return node.stopped(status);
            }
            eprintln!(
                "coco: {} stopped by itself ({status}); {left} of {all} nodes go on",
                node.files.name()
            );
        }
    }

    /// Waits until a node that runs stops by itself: its number and its status.
    async fn next_stop(&mut self) -> io::Result<(usize, ExitStatus)> {
        let running = self.nodes.iter_mut().enumerate().filter(|(_, node)| node.runs());
        let mut ends: Vec<_> =
            running.map(|(number, node)| Box::pin(async move { (number, node.ended().await) })).collect();
        let (number, status) = poll_fn(|context| {
            let ended = ends.iter_mut().map(|end| end.as_mut().poll(context)).find(Poll::is_ready);
            ended.unwrap_or(Poll::Pending)
        })
        .await;
        Ok((number, status?))
    }

    /// Asks all nodes to stop, and kills those that do not.
    pub(super) async fn stop(mut self) -> io::Result<()> {
        for node in &self.nodes {
            node.ask_to_stop()?;
        }
        for node in &mut self.nodes {
            node.stop().await?;
        }
        Ok(())
    }
}

/// Whether `left` nodes of `all` can still agree.
pub(super) fn is_majority(left: usize, all: usize) -> bool {
    left * 2 > all
}
