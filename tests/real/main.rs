//! The tests with the real programs that `tests/tools/install` installs: `cargo test --features real-tools --test real`.

#![cfg(test)]

#[path = "../harness"]
mod harness {
    pub mod bench;
    pub mod cells;
    pub mod cluster;
    pub mod confined;
    pub mod console;
    pub mod controller;
    pub mod custom_resources;
    pub mod forged;
    pub mod gate;
    pub mod node;
    #[expect(dead_code, reason = "here the peers are a token server only")]
    pub mod peers;
    pub mod program;
    pub mod pty;
    pub mod regcred;
    pub mod registry;
    pub mod requests;
    pub mod rivals;
    pub mod schemas;
    pub mod sealed_secrets;
    pub mod served;
    #[expect(dead_code, reason = "here the real sops encrypts")]
    pub mod stand_in;
    pub mod terminal;
    pub mod token_server;
    pub mod turns;
    pub mod unseal;
    pub mod wire;
    pub mod words;
}

mod apply;
mod ci;
mod cluster;
mod cluster_load;
mod controller;
mod controller_chaos;
mod controller_link;
mod controller_replay;
mod controller_resource;
mod docs;
mod explain;
mod explain_node;
mod explain_policies;
mod external;
mod gitlab;
mod gitops;
mod gitops_examples;
mod grant;
mod helm;
mod helm_controller;
mod helmfile;
mod init;
mod inject;
mod krm;
mod kubectl;
mod kubelet;
mod kubelet_damage;
mod monitoring;
mod node;
mod online;
mod patcher;
mod policy;
mod protected;
mod release;
mod sealed;
mod sops;
mod static_policies;
mod status;
mod status_page;
mod terminal;
mod titansoft;
mod titansoft_node;
mod yaml;
