//! Decides what a registry's answers to a login mean. It sends no request.
//!
//! The protocol is in distribution's specification: a `401` with `WWW-Authenticate` names Basic or a token server, and the token server
//! answers with the rights of the login.

pub mod challenge;
pub mod limits;
pub mod question;
pub mod realm;
pub mod reference;
pub mod token;
pub mod url;
pub mod verdict;
