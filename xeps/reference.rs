//! The generated list of what is implemented.

use std::fmt::Write as _;

use waxwing_kernel::{About, Place};

use crate::ABOUTS;

/// `docs/xeps.md`: every XEP with its version and where its features are advertised.
pub fn reference() -> String {
    let mut abouts: Vec<&About> = ABOUTS.iter().collect();
    abouts.sort_by_key(|about| about.xep);
    let mut out = String::from(
        "# XEPs\n\nGenerated from the modules by `cargo xtask docs`.\n\n\
         | XEP | Name | Version | Server features | Account features |\n|---|---|---|---|---|\n",
    );
    for about in abouts {
        let host = features(about, |place| place == Place::Host);
        let account = features(about, |place| place != Place::Host);
        let (xep, name, version) = (about.xep, about.name, about.version);
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "| [{xep:04}](https://xmpp.org/extensions/xep-{xep:04}.html) | {name} | {version} | {host} | {account} |"
        );
    }
    out
}

fn features(about: &About, here: impl Fn(Place) -> bool) -> String {
    let shown = about.features.iter().filter(|feature| here(feature.0)).map(|feature| {
        let only = if feature.0 == Place::Archive { " (with an archive)" } else { "" };
        format!("`{}`{only}", feature.1)
    });
    shown.collect::<Vec<_>>().join(", ")
}
