//! Reads a live Kubernetes cluster, and executes a plan there.

mod body;
pub mod call;
pub mod connect;
pub mod controller;
pub mod execute;
pub mod explain;
pub mod failure;
mod kubeconfig;
pub mod owned;
pub mod path;
mod pause;
pub mod pods;
pub mod policy;
pub mod read;
pub mod rights;
pub mod server;
pub mod stuck;
pub mod threads;
