//! The tests that need Rust only: `cargo test --test cli`.

#![cfg(test)]

#[path = "../harness"]
mod harness {
    pub mod forged;
    pub mod interrupted;
    pub mod journal;
    #[cfg(unix)]
    pub mod nobody;
    #[cfg(feature = "cluster")]
    pub mod peers;
    #[cfg(unix)]
    pub mod pty;
    pub mod regcred;
    pub mod sealing;
    #[cfg(unix)]
    pub mod stand_in;
    pub mod unseal;
    pub mod words;
}

#[cfg(all(unix, feature = "cluster"))]
mod api_server;
mod cluster_file;
mod cmd;
mod controller_installation;
mod docs;
mod flags;
mod fleet;
mod init;
#[cfg(unix)]
mod inputs;
mod krm;
mod leaks;
#[cfg(all(unix, feature = "cluster"))]
mod live;
mod lock_conflict;
#[cfg(feature = "cluster")]
mod online;
mod output;
mod pins;
mod plaintext_in_git;
mod plan;
mod properties;
mod recipients;
mod rerun;
mod rooms;
mod sealed;
mod sealed_tree;
#[cfg(target_os = "linux")]
mod sops;
mod tables;
#[cfg(unix)]
mod terminal;
mod tree;
mod yaml_1_1;
