//! Reads names that YAML 1.1 does not read as text with the YAML reader of kubectl.

use serde_json::Value;

use crate::harness::bench::{self, Bench};
use crate::harness::words::{WORDS, everywhere};

#[test]
fn kubectl_reads_every_word_as_it_was_meant() {
    let Some(bench) = Bench::with(&[]) else { return };
    for word in WORDS {
        let config = format!(r#"{{"auths":{{"ghcr.io":{{"username":"u-{word}","password":"p-{word}"}}}}}}"#);
        let arguments = [&["render"], &everywhere(word)[..]].concat();
        let yaml = bench.regcred(&arguments, &[("DOCKERHUB_AUTH", &config)]).succeeded();
        let read = bench.kubectl(&["create", "--dry-run=client", "--output=json", "-f", "-"], &yaml).succeeded();
        let objects = bench::documents(&read);
        assert_eq!(objects.len(), 3, "{read}");
        for object in &objects {
            assert_eq!(object["metadata"]["name"], Value::from(*word));
            if object["kind"] != "Namespace" {
                assert_eq!(object["metadata"]["namespace"], Value::from(*word));
            }
        }
        assert_eq!(objects[1]["imagePullSecrets"][0]["name"], Value::from(*word));
        assert_eq!(objects[2]["metadata"]["annotations"]["regcred.dev/owner"], Value::from(*word));
        assert_eq!(objects[2]["metadata"]["labels"]["app.kubernetes.io/managed-by"], Value::from("regcred"));
    }
}
