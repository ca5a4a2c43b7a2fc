//! Holds the rules of `regcred`, without access to environment, files, processes or clock.

pub mod cluster;
pub mod confine;
pub mod controller;
pub mod credentials;
pub mod diagnostic;
pub mod docker_config;
pub mod explain;
pub mod inject;
pub mod manifest;
pub mod names;
pub mod nearest;
pub mod objects;
pub mod plan;
pub mod recipient;
pub mod registry;
pub mod spec;
