//! A simulated Meta and an exporter that watches one of its accounts, both as processes.

use std::net::SocketAddr;

use serde_json::Value;

use crate::http::post;
use crate::process::{Outcome, Process, exported_by, outcome, program, quiet_meta};

/// The account that is watched.
pub const WABA: &str = "800100200300401";

pub struct Pair {
    _meta: Process,
    _exporter: Process,
    pub graph: SocketAddr,
    pub exporter: SocketAddr,
    /// The variables that an operator of the account sets.
    pub variables: Vec<(String, String)>,
}

impl Pair {
    pub fn start() -> Self {
        let (meta, graph) = quiet_meta(&[]);
        let mut variables = exported_by(&meta);
        let accounts = |(name, _): &&mut (String, String)| name == "WHATSAPP_BUSINESS_ACCOUNT_IDS";
        let only = variables.iter_mut().find(accounts);
        WABA.clone_into(&mut only.expect("it is exported").1);
        let base_url = format!("--graph.base-url=http://{graph}");
        let arguments = [&base_url, "--web.listen-address=127.0.0.1:0"];
        let process = program(&arguments, &variables);
        let exporter = process.address_after("the status page address=");
        Self {
            _meta: meta,
            _exporter: process,
            graph,
            exporter,
            variables,
        }
    }

    /// Where the exporter receives webhooks.
    pub fn callback(&self) -> String {
        format!("http://{}/webhook", self.exporter)
    }

    /// Sends a command to the simulated Meta, such as a change.
    pub fn send(&self, what: &str, order: &Value) {
        let answer = post(self.graph, &format!("/simulator/{what}"), order).expect("an answer");
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// Runs another command with the exporter's configuration.
    pub fn run(&self, command: &str, more: &[&str]) -> Outcome {
        let base_url = format!("--graph.base-url=http://{}", self.graph);
        let address = format!("--web.listen-address={}", self.exporter);
        let callback = format!("--webhook.callback-url={}", self.callback());
        let arguments = [command, &base_url, &address, &callback];
        outcome(&[&arguments, more].concat(), &self.variables)
    }
}
