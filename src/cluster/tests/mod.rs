//! The rules of ownership and of the lease, without faults. The simulation adds faults.

mod fixture;
mod lease;
mod parts;
mod plan;
