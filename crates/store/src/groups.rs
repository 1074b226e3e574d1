//! Roster groups as one column: a JSON array, because a group's name may hold any character that XML allows.

use crate::StoreError;

/// The column's text.
pub fn groups_to_text(groups: &[String]) -> String {
    serde_json::Value::from(groups).to_string()
}

/// The groups in a column's text; an error if it was not written by [`groups_to_text`].
pub fn groups_from_text(text: &str) -> Result<Vec<String>, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError("a roster row's groups are damaged".to_owned()))
}
