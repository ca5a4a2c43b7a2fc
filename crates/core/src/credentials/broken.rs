//! Says why a text is not the JSON object of a Docker config.

use crate::diagnostic::{Code, Diagnostic};

/// The problem of JSON that is not an object.
pub(super) fn not_an_object(json: &str, source: &str) -> Diagnostic {
    let hint = if json.trim_start().starts_with('[') && json.contains("auths") {
        "take the one item of the list, for example with `jq '.[0]'`"
    } else if json.trim() == "null" {
        "`null` is what `jq -r` prints for a name that is not there: look where the value comes from"
    } else {
        "a Docker config is an object: {\"auths\": {\"ghcr.io\": {\"auth\": \"…\"}}}"
    };
    Diagnostic::error(Code::NotAnObject, format!("{source} is JSON, but not an object")).hint(hint)
}

/// The problem of JSON that breaks at this place.
pub(super) fn invalid_json(json: &str, source: &str, line: usize, column: usize) -> Diagnostic {
    let what = format!("{source} is not valid JSON: line {line}, column {column} is where it breaks");
    let hint = if json.trim_start().starts_with("{'") {
        "it has single quotes, as Python prints them, where JSON has double quotes: write it with `json.dumps`"
    } else if json.contains(['“', '”']) {
        "it has typographic quotation marks, as word processors and chats put them in: write \" instead"
    } else {
        "check it with `jq . < FILE`; a value pasted into a CI variable loses what is quoted wrongly"
    };
    Diagnostic::error(Code::InvalidJson, what).hint(hint)
}
