//! Reads what is in a live Kubernetes cluster and executes a plan there.
