//! One integration binary, so that the library is linked once.

mod abuse;
mod alerts;
mod architecture;
mod binary;
mod browser;
mod dashboards;
mod deploy;
mod doctor;
mod durability;
mod exporter;
mod exposition;
mod fuzz;
mod graph_client;
mod http;
mod process;
mod prometheus;
mod promql;
mod readme;
mod reducer_properties;
mod relay;
mod release;
mod support;
mod template_detail;
mod trackers;
mod unknown_states;
mod web;
