//! What `regcred` knows, without any access to the world: no environment, no files, no processes, no clock.

pub mod credentials;
pub mod diagnostic;
pub mod docker_config;
pub mod manifest;
pub mod names;
pub mod nearest;
pub mod plan;
pub mod recipient;
pub mod spec;
