//! What a module says of itself, once: disco, the DOAP file and the documentation follow from it.

/// A XEP as this server has it.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// The number of the XEP.
    pub xep: u16,
    /// The version of the specification that it follows.
    pub version: &'static str,
    pub name: &'static str,
    pub features: &'static [Feature],
    pub identities: &'static [Identity],
}

/// Whose disco#info it stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The server's.
    Host,
    /// An account's own.
    Account,
    /// An account's own, where the host's policy gives accounts an archive.
    Archive,
}

/// A disco feature.
#[derive(Debug, Clone, Copy)]
pub struct Feature(pub Place, pub &'static str);

/// What a server says of itself beyond identities and features (XEP-0128): values by field, both sorted.
#[derive(Debug, Clone)]
pub struct InfoForm {
    /// The `FORM_TYPE`.
    pub kind: &'static str,
    pub fields: Vec<(&'static str, Vec<String>)>,
}

impl InfoForm {
    /// A field without values is left out.
    pub fn new(kind: &'static str, fields: &[(&'static str, &Vec<String>)]) -> InfoForm {
        let filled = fields.iter().filter(|(_, values)| !values.is_empty());
        let sorted = |values: &Vec<String>| {
            let mut values = values.clone();
            values.sort_unstable();
            values.dedup();
            values
        };
        let mut fields: Vec<_> = filled.map(|(name, values)| (*name, sorted(values))).collect();
        fields.sort_unstable();
        InfoForm { kind, fields }
    }
}

/// A disco identity.
#[derive(Debug, Clone, Copy)]
pub struct Identity {
    pub place: Place,
    pub category: &'static str,
    pub kind: &'static str,
    pub name: &'static str,
}
