//! The ready file.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

/// Writes the addresses really bound under their keys, and the process id, whole or not at all.
pub fn write(path: &Path, addresses: &BTreeMap<&'static str, Vec<SocketAddr>>) -> Result<(), String> {
    let mut content: serde_json::Map<String, Value> = addresses
        .iter()
        .map(|(key, addresses)| {
            let addresses: Vec<String> = addresses.iter().map(SocketAddr::to_string).collect();
            ((*key).to_owned(), json!(addresses))
        })
        .collect();
    content.insert("pid".to_owned(), json!(std::process::id()));
    replace(path, format!("{}\n", Value::Object(content)).as_bytes())
        .map_err(|error| format!("{}: cannot be written: {error}", path.display()))
}

fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}", std::process::id()));
    let draft = Path::new(&draft);
    std::fs::File::create(draft)?.write_all(content)?;
    std::fs::rename(draft, path).inspect_err(|_| {
        let _ = std::fs::remove_file(draft);
    })
}
